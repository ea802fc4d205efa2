"""hutch.run and hutch.Sandbox in a root file system with busybox, with a state of their own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hutch
import pytest

from tests.support.containers import make_rootfs
from tests.support.leftovers import CGROUPS, left

Run = Callable[..., hutch.Result]
SHARED = [".empty", ".filters", ".links", ".scratch", ".template"]


class Sandboxes:
    """``rootfs`` is the directory that is their image, ``state`` that of their state."""

    def __init__(self, folder: Path) -> None:
        self.rootfs = make_rootfs(folder / "rootfs")
        self.state = folder / "state"

    def shorten(self) -> None:
        """Takes a state directory with a path about as short as the default one."""
        self.state = Path(tempfile.mkdtemp(prefix="sb-"))

    def options(self, **options: Any) -> dict[str, Any]:
        """The options of a call, with those that all of these tests have."""
        return {"state_root": self.state, "cgroup_parent": f"/{CGROUPS}", **options}

    def __call__(self, program: str | list[str], **options: Any) -> hutch.Result:
        """``hutch.run`` of a shell script, or of words."""
        given = self.options(**{"timeout": 60, **options})
        return hutch.run(given.pop("image", self.rootfs), self.words(program), **given)

    @staticmethod
    def words(program: str | list[str]) -> list[str]:
        return ["sh", "-c", program] if isinstance(program, str) else program

    @contextmanager
    def staying(self, **options: Any) -> "Iterator[hutch.Sandbox]":
        """A ``hutch.Sandbox``."""
        given = self.options(**options)
        with hutch.Sandbox(given.pop("image", self.rootfs), **given) as box:
            yield box

    def left(self) -> list[str]:
        """What containers have left in the state directory."""
        scratches = [path.name for path in (self.state / ".scratch").iterdir()]
        return scratches + [path.name for path in self.state.iterdir() if path.name not in SHARED]


@pytest.fixture
def sandbox(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandboxes]:
    """After the test nothing of its sandboxes is left."""
    sandboxes = Sandboxes(tmp_path)
    yield sandboxes
    assert sandboxes.left() == []
    if not sandboxes.state.is_relative_to(tmp_path):
        shutil.rmtree(sandboxes.state)
    assert left(tmp_path_factory.getbasetemp()) == []
