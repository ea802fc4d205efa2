"""Cgroups and processes for tests on the real kernel. All are removed at the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import pytest
from hutch import cgroups, plan
from hutch.cgroups import layout
from hutch.cgroups.tree import walk
from hutch.errors import HutchError
from hutch.plan.cgroup_paths import Cgroup, resolve
from hutch.plan.resources_compile import compile

if TYPE_CHECKING:
    from hutch.spec.config import Resources

# hutch.cgroups imports modules in functions. A child that is not root any more may not read them.
for package in (cgroups, plan):
    for module in iter_modules(package.__path__, package.__name__ + "."):
        import_module(module.name)

MODE = layout.read().mode
ON_V1 = [
    pytest.mark.no_runtime,
    pytest.mark.root,
    pytest.mark.skipif(MODE not in ("v1", "hybrid"), reason="this host has no cgroup v1"),
]
ON_V2 = [
    pytest.mark.root,
    pytest.mark.vm,
    pytest.mark.skipif(MODE != "v2", reason="this host is not on cgroup v2"),
    pytest.mark.skipif(os.geteuid() != 0, reason="takes root"),
]
# The keys of the statistics, in the order in which engines get them.
STATISTICS = [
    "cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces",
]  # fmt: skip

CLONE_INTO_CGROUP = 0x200000000
SYS_CLONE3 = 435


class Place:
    """Makes cgroups and processes for one test, and removes them."""

    def __init__(self, name: str) -> None:
        self.layout = layout.read()
        self.name = name
        self.children: list[subprocess.Popen[bytes]] = []
        self.cgroups: list[Cgroup] = []

    def cgroup(self, below: str = "") -> Cgroup:
        """A cgroup of this test that is not made yet."""
        cgroup = resolve(f"/{self.name}{below}", "unused", self.layout)
        self.cgroups.append(cgroup)
        return cgroup

    def made(self, resources: "Resources | None" = None, at: str = "/a") -> Cgroup:
        """A cgroup of this test, with limits."""
        cgroup = self.cgroup(at)
        cgroups.prepare(cgroup)
        cgroups.create(cgroup, self.layout, compile(resources, self.layout))
        return cgroup

    def process(self, *words: str) -> int:
        """The pid of a new process, which sleeps if no words are given."""
        child = subprocess.Popen(words or ("sleep", "1000"), stdout=subprocess.DEVNULL)
        self.children.append(child)
        return child.pid

    def three_inside(self, cgroup: Cgroup, directory: str) -> list[int]:
        """The pids of two new processes in the cgroup, and of one in a cgroup nested in it, in the
        hierarchy where it is ``directory``."""
        pids = [self.process() for _ in range(3)]
        for pid in pids[:2]:
            cgroups.join(cgroup, pid)
        nested = Path(directory, "nested")
        nested.mkdir()
        (nested / "cgroup.procs").write_text(str(pids[2]))
        return pids

    def refuses(
        self, resources: "Resources", error: type[HutchError], pointer: str, words: str
    ) -> None:
        """Making a cgroup with these limits fails with this error, and leaves nothing."""
        cgroup = self.cgroup("/a")
        cgroups.prepare(cgroup)
        with pytest.raises(error, match=words) as caught:
            cgroups.create(cgroup, self.layout, compile(resources, self.layout))
        assert caught.value.pointer == f"linux.resources.{pointer}"
        cgroups.destroy(cgroup)
        assert top_of(cgroup, self.name) == []

    def ended(self, pid: int) -> bool:
        """Waits up to a minute for the child. Returns whether it has ended."""
        child = next(child for child in self.children if child.pid == pid)
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        for cgroup in self.cgroups:
            top = top_of(cgroup, self.name)
            for directory in top:
                for state in (directory / "freezer.state", directory / "cgroup.freeze"):
                    if state.exists():
                        state.write_text("THAWED" if state.name == "freezer.state" else "0")
        for child in self.children:
            child.kill()
            child.wait()
        for cgroup in self.cgroups:
            for directory in top_of(cgroup, self.name):
                erase(directory)


def top_of(cgroup: Cgroup, name: str) -> list[Path]:
    """The topmost directories of a cgroup that belong to the test."""
    tops = [Path(leaf[: leaf.index(name) + len(name)]) for leaf in cgroup.leaves()]
    return [top for top in tops if top.exists()]


def nest_deep(directory: str) -> None:
    """Makes cgroups in a cgroup, one in another, further down than any path can reach."""
    fd = os.open(directory, os.O_RDONLY)
    for depth in range(25):
        name = chr(97 + depth) * 200
        os.mkdir(name, dir_fd=fd)
        os.mkdir("side", dir_fd=fd)
        deeper = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)


def erase(directory: Path) -> None:
    """Removes a cgroup and all cgroups below it, of any depth, when their processes have ended."""
    for fd, name, parent in walk(str(directory)):
        for pid in read_at(fd, "cgroup.procs").split():
            os.kill(int(pid), signal.SIGKILL)
        wait_for(lambda fd=fd: read_at(fd, "cgroup.procs") == "")  # type: ignore[misc]
        os.rmdir(name, dir_fd=parent)
    wait_for(lambda: not removable_error(directory))


def removable_error(directory: Path) -> str:
    try:
        directory.rmdir()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return str(error)
    return ""


def read_at(directory: int, name: str) -> str:
    fd = os.open(name, os.O_RDONLY, dir_fd=directory)
    with open(fd) as file:
        return file.read()


def wait_for(condition: Callable[[], object]) -> None:
    """Waits until the condition is true. Fails after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def opens(path: str, flags: int = os.O_RDONLY) -> str:
    """ "opened", or the reason why the path cannot be opened."""
    try:
        os.close(os.open(path, flags))
    except OSError as error:
        return os.strerror(error.errno or 0)
    return "opened"


def value(directory: str, file: str) -> str:
    """The content of a file of a cgroup."""
    return Path(directory, file).read_text().strip()


def membership(pid: int) -> dict[str, str]:
    """The cgroups of a process: hierarchy -> path."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    fields = [line.split(":", 2) for line in lines]
    return {name: path for _, names, path in fields for name in names.split(",")}


def in_child(function: Callable[[], object]) -> str:
    """Calls the function in a forked process. Returns its result or its exception, as text."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            result = str(function())
        except BaseException as error:
            result = f"{type(error).__name__}: {error}"
        os.write(write, result.encode())
        os._exit(0)
    os.close(write)
    with open(read) as file:
        result = file.read()
    os.waitpid(pid, 0)
    return result


def clone_into(directory: int, *words: str) -> str:
    """Starts a program in the cgroup of the descriptor. Returns its output; raises OSError.

    Another interpreter makes the call, because a raw clone3 breaks an interpreter with threads.
    """
    done = subprocess.run(
        [sys.executable, "-c", CLONE, str(directory), *words],
        pass_fds=[directory],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(done.returncode, "clone3: " + done.stderr)
    return done.stdout.strip()


CLONE = f"""
import ctypes, os, sys
arguments = (ctypes.c_uint64 * 11)()
arguments[0], arguments[4], arguments[10] = {CLONE_INTO_CGROUP}, 17, int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
pid = libc.syscall({SYS_CLONE3}, ctypes.byref(arguments), ctypes.sizeof(arguments))
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
sys.exit(ctypes.get_errno() if pid < 0 else os.waitpid(pid, 0)[1])
"""


@pytest.fixture
def place() -> Iterator[Place]:
    """A place that is taken away at the end."""
    place = Place(f"hutch-test-{os.getpid()}")
    try:
        yield place
    finally:
        place.close()
