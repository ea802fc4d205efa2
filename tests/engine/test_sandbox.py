"""hutch.run: what a program in a sandbox can do and cannot, each argument, each field."""

from collections.abc import Callable, Iterator
from pathlib import Path

import hutch
import pytest

from tests.support.containers import make_rootfs
from tests.support.leftovers import CGROUPS, left

pytestmark = pytest.mark.root
Run = Callable[..., hutch.Result]


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    return make_rootfs(tmp_path / "rootfs")


@pytest.fixture
def run(tmp_path: Path, rootfs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """hutch.run of a shell script, or of words, in a root file system with busybox."""

    def runs(program: str | list[str], **options: object) -> hutch.Result:
        words = ["sh", "-c", program] if isinstance(program, str) else program
        given = {"state_root": tmp_path / "state", "cgroup_parent": f"/{CGROUPS}", **options}
        return hutch.run(given.pop("image", rootfs), words, **given)  # type: ignore[arg-type]

    yield runs
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == [
        ".empty", ".filters", ".scratch", ".template",
    ]  # fmt: skip
    assert left(tmp_path_factory.getbasetemp()) == []


def test_the_result(run: Run) -> None:
    result = run("echo out; echo err >&2; exit 3")
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert (result.signal, result.timed_out, result.oom_killed, result.truncated) == (
        0, False, False, False,
    )  # fmt: skip
    assert not result.ok
    assert result.text == "out\n"
    assert run(["true"]).ok


def test_a_signal(run: Run) -> None:
    """The program is not the first process of its pid namespace, so signals end it as usual."""
    result = run("kill -TERM $$")
    assert (result.exit_code, result.signal) == (143, 15)
    assert run("exit 143").signal == 0
