"""explain shows the same steps as create: the executed plan is saved, and both are compared."""

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hutch.container.explain import planned
from hutch.container.request import request_of
from hutch.plan.decode import decode
from hutch.plan.describe import describe
from hutch.plan.encode import encode, kept
from hutch.plan.operations import Operation
from hutch.plan.plan import CGROUP_COUNT, Bindings, Later

from tests.support.containers import Bundle, Runtime
from tests.support.every_operation import PLANS, SLEEP

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

FLAGS: tuple[list[str], ...] = ([], ["--no-pivot"], ["--no-new-keyring"], ["--preserve-fds", "2"])
GLOBAL: tuple[list[str], ...] = ([], ["--rootless", "true"], ["--strict"])
Row = tuple[str, str, str]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that root of a user namespace can enter. pytest's folders are private."""
    with tempfile.TemporaryDirectory(prefix="hutch-explain-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def carried_out(hutch: Runtime) -> list[Row]:
    """The steps in the container's saved plan."""
    operations = decode((hutch.root / "test" / "plan").read_bytes())
    return [(*describe(operation), operation.origin) for operation in operations]


def explained(hutch: Runtime, *words: str) -> list[Row]:
    """The steps of hutch-init that explain prints."""
    rows: list[dict[str, Any]] = json.loads(hutch(*words).out)
    return [(row["call"], row["does"], row["from"]) for row in rows if row["lane"] == "init"]


def compare(hutch: Runtime, bundle: Bundle, before: list[str], flags: list[str]) -> None:
    words = ["--bundle", str(bundle.path), *flags]
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(8)]
    try:
        subprocess.run(
            [hutch.command, "--root", str(hutch.root), *before, "create", *words, "test"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, check=True, timeout=60,
        )  # fmt: skip
        explain = [*before, "explain", "--format", "json", "--id", "test", *words]
        rows = explained(hutch, *explain)
    finally:
        for fd in held:
            os.close(fd)
    assert carried_out(hutch) == rows
    hutch("delete", "--force", "test")


@pytest.mark.parametrize("profile", PLANS)
def test_explain_shows_the_plan_that_create_runs(hutch: Runtime, place: Path, profile: str) -> None:
    bundle = Bundle(place / "bundle").args(*SLEEP)
    PLANS[profile](bundle, place)
    bundle.save()
    flags: list[str] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place / "console"))
    listener.listen()
    if bundle.config["process"].get("terminal"):
        flags = ["--console-socket", str(place / "console")]
    for more in FLAGS:
        compare(hutch, bundle, [], [*flags, *more])
    for before in GLOBAL:
        compare(hutch, bundle, before, flags)
    listener.close()


@pytest.mark.parametrize("profile", PLANS)
def test_the_executed_plan_is_the_planned_one_in_every_argument(
    hutch: Runtime, place: Path, profile: str
) -> None:
    bundle = Bundle(place / "bundle").args(*SLEEP)
    PLANS[profile](bundle, place)
    bundle.config["process"]["terminal"] = False
    bundle.config["process"].pop("consoleSize", None)
    bundle.save()
    plan = planned(request_of("test", str(bundle.path), {}))
    before = [(*operation,) for operation in plan.operations]
    bindings = Bindings()
    hutch("create", "--bundle", str(bundle.path), "test")
    sent = decode((hutch.root / "test" / "plan").read_bytes())
    for operation in plan.operations:
        late = [value for value in operation.values if isinstance(value, Later)]
        number = plan.operations.index(operation)
        for value in late:
            found = sent[number].values[operation.values.index(value)]
            assert isinstance(found, int | str)
            assert value.name == CGROUP_COUNT or found == value.expected
            bindings.values[value.name] = found
    again = decode(kept(encode(plan.operations, bindings), plan.operations))
    assert [changed(operation) for operation in again] == [changed(operation) for operation in sent]
    assert [(*operation,) for operation in plan.operations] == before
    hutch("delete", "--force", "test")


def changed(operation: Operation) -> tuple[object, ...]:
    """All arguments, except the environment of hooks, which is the caller's."""
    env = operation.env if operation.name == "hook" else None
    return (*operation[:4], *[value for value in operation.values if value != env])


def test_explain_shows_another_plan_for_another_flag(hutch: Runtime, bundle: Bundle) -> None:
    words = ["explain", "--format", "json", "--bundle", str(bundle.path)]
    plain = explained(hutch, *words)
    assert "join the new session keyring _ses.explained" in [does for _, does, _ in plain]
    kept = explained(hutch, *words, "--no-new-keyring")
    assert [call for call, _, _ in plain if call not in [row[0] for row in kept]] == ["keyctl"]
    moved = explained(hutch, *words, "--no-pivot")
    assert [does for _, does, _ in moved if does not in [row[1] for row in plain]] == [
        "change the root to the rootfs by mount(MS_MOVE), chroot"
    ]


def test_explain_shows_the_pid_file_and_the_pidfd_after_the_create(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    done = hutch(
        "explain", "-f", "json", "--pid-file", "x.pid", "--pidfd-socket", "y.sock",
        str(bundle.path), cwd=tmp_path,
    )  # fmt: skip
    rows = json.loads(done.out)
    (at,) = [number for number, row in enumerate(rows) if "the container is created" in row["does"]]
    assert [row["does"] for row in rows[at + 1 : at + 3]] == [
        f"write its pid to {tmp_path}/x.pid",
        f"send a pidfd of it to {tmp_path}/y.sock",
    ]
    assert not (tmp_path / "x.pid").exists()


def test_explain_refuses_what_create_refuses(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["process"]["terminal"] = True
    bundle.save()
    words = ["--bundle", str(bundle.path)]
    assert hutch.refuses("explain", *words) == hutch.refuses("create", *words, "explained")


def test_a_damaged_saved_plan_is_reported(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["hooks"] = {"startContainer": [{"path": "/nowhere"}]}
    bundle.save()
    hutch("create", "--bundle", str(bundle.path), "test")
    kept = hutch.root / "test" / "plan"
    kept.write_bytes(kept.read_bytes()[:100])
    assert "the kept plan of container test is damaged" in hutch.refuses("start", "test")
    hutch("delete", "--force", "test")


def test_two_bundles_are_compared(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    """The fields that differ, and the steps that follow: an entry that moves is not a change."""
    other = Bundle(tmp_path / "other" / "bundle")
    other.config = json.loads(json.dumps(bundle.config))
    other.config["mounts"].insert(1, {"destination": "/new", "type": "tmpfs"})
    other.config["linux"]["resources"]["pids"] = {"limit": 7}
    del other.config["hostname"]
    other.config["process"]["args"] = ["false"]
    other.save()
    one, two = str(bundle.path), str(other.path)
    assert hutch("explain", one, one).out == "no difference\n"
    found = json.loads(hutch("explain", "--format", "json", one, two).out)
    assert {(each["change"], each["pointer"]) for each in found["fields"]} == {
        ("removed", "hostname"),
        ("added", "mounts[1]"),
        ("changed", "process.args[0]"),
        ("added", "linux.resources.pids"),
    }
    steps = {(each["change"], each["from"]) for each in found["steps"]}
    assert steps == {
        ("removed", "hostname"),
        ("added", "mounts[1]"),
        ("removed", "process.args[0]"),
        ("added", "process.args[0]"),
        ("removed", "process.args"),
        ("added", "process.args"),
        ("added", "linux.resources.pids.limit"),
    }
    text = hutch("explain", one, two).out
    assert '- hostname = "hutch"\n' in text
    assert '- process.args[0] = "true"\n+ process.args[0] = "false"\n' in text
    assert "mount tmpfs on /new" in text
    assert not hutch.root.exists()


def test_a_container_is_compared_with_its_bundle(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")
    assert hutch("explain", "test", str(bundle.path)).out == "no difference\n"
    assert explained(hutch, "explain", "--format", "json", "test") == carried_out(hutch)
    bundle.config["linux"]["resources"]["memory"] = {"limit": 64 << 20}
    bundle.save()
    text = hutch("explain", "test", str(bundle.path)).out
    assert '+ linux.resources.memory = {"limit": 67108864}\n' in text
    assert "[linux.resources.memory.limit]" in text
    back = hutch("explain", str(bundle.path), "test").out
    assert '- linux.resources.memory = {"limit": 67108864}\n' in back
    assert "neither the directory of a bundle nor a container" in hutch.refuses("explain", "nope")
