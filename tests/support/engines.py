"""warren with containers: a store, an image of busybox from a registry, and nothing left behind."""

import io
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.engines.terminal import Terminal
from conformance.samples.busybox import busybox_layer, make_image
from tests.support.leftovers import CGROUPS
from tests.support.registries import Warren


@dataclass
class Engine(Warren):
    """The command with a store of its own, whose containers are all below one cgroup."""

    image: str = ""

    def create(self, *words: object) -> list[str]:
        """The words of a ``create`` or ``run`` with our cgroup; without a network, unless the
        words ask for one."""
        asked = any(str(word).startswith(("--network", "--net")) for word in words)
        network = [] if asked else ["--network", "none"]
        return [*network, "--cgroup-parent", f"/{CGROUPS}", *map(str, words)]

    def run_ok(self, *words: object, input: bytes | None = None) -> str:
        """The output of a ``run --rm --network none`` that must succeed."""
        return self.ok("run", "--rm", *self.create(*words), input=input)

    def start(self, *words: object) -> str:
        """The id of a container that runs in the background."""
        return self.ok("run", "-d", *self.create(*words)).strip()

    def exits(self, *words: object, input: bytes | None = None) -> int:
        """The exit status of a ``run --rm``."""
        return self.run("run", "--rm", *self.create(*words), input=input).returncode

    def sh(self, script: str, *flags: object) -> str:
        """What a shell script prints in a container of the image with these flags."""
        return self.run_ok(*flags, self.image, "sh", "-c", script)

    def inspect(self, name: str) -> dict[str, object]:
        (found,) = json.loads(self.ok("inspect", name))
        return found  # type: ignore[no-any-return]

    def status(self, name: str) -> str:
        return self.ok(
            "ps", "-a", "--no-trunc", "--filter", f"name=^{name}$", "--format", "{{.State}}"
        ).strip()

    def pid(self, id: str) -> int:
        return int((self.root / "containers" / id / "pid").read_text())

    def conmon(self, id: str) -> int:
        return int((self.root / "containers" / id / "conmon.pid").read_text())

    def traces(self) -> list[str]:
        """What containers of this store have left in the kernel and in its folders."""
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        found = [line for line in mounts if str(self.root) in line]
        containers = self.root / "containers"
        ids = os.listdir(containers) if containers.is_dir() else []
        found += ids
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
                if str(self.root) in line and int(folder.name) != os.getpid():
                    found.append(f"{folder.name}: {line}")
        return found


def eventually(fact: Callable[[], object], seconds: float = 20) -> None:
    """Waits for a fact; fails the test if it does not come."""
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine with the image ``box``, by its own path; all its containers go at the end."""
    engine = Engine(tmp_path)
    place = make_image(tmp_path / "box")
    engine.ok("pull", "-q", place)
    engine.image = "box:box"
    yield engine
    ids = engine.ok("ps", "-aq", "--no-trunc").split()
    if ids:
        engine.ok("rm", "-f", "-v", *ids)
    eventually(lambda: not engine.traces())


def at_terminal(engine: Engine, *words: object) -> Terminal:
    return Terminal(engine.command(*words), engine.variables())


def kill9(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def members(archive: bytes) -> dict[str, tarfile.TarInfo]:
    """The entries of a tar archive by their names."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {one.name: one for one in tar.getmembers()}


__all__ = [
    "Engine", "Terminal", "at_terminal", "busybox_layer", "engine", "eventually", "make_image",
    "subprocess",
]  # fmt: skip
