"""What the tests of a session make has its name, and what they leave is found, told and removed.

The hooks are those of tests/conftest.py: with the last fixture gone nothing may be left. What is
makes the session fail, in its own part of the report, by name.
"""

import os
import secrets
import signal
import time
from pathlib import Path

import pytest
from hutch.cgroups import layout
from hutch.plan.cgroup_paths import resolve

# Others may run containers meanwhile: all cgroups of this session are below this one.
# (A pid alone is no name of its own: pid namespaces share the cgroups.)
SESSION = secrets.token_hex(4)
CGROUPS = f"hutch-tests-{SESSION}"
HIERARCHIES = Path("/sys/fs/cgroup")
# The directories of tests: set as soon as there is one.
bases: set[Path] = set()
# Those of defaults() that somebody had made before.
others: set[Path] = set()
found: list[str] = []


def named(name: str) -> list[Path]:
    """The cgroups of this name directly below the hierarchies' roots, on any kind of host."""
    return [path for pattern in (name, f"*/{name}") for path in HIERARCHIES.glob(pattern)]


def defaults() -> set[Path]:
    """The cgroups below which containers go whose config has no cgroupsPath: shared with others."""
    directories = resolve(None, CGROUPS, layout.read()).directories.values()
    return {Path(directory).parent for directory in directories if Path(directory).parent.exists()}


def below(name: str) -> list[Path]:
    """The cgroups below those of this name, leaves first."""
    return [
        Path(folder)
        for top in named(name)
        for folder, _, _ in os.walk(top, topdown=False)
        if Path(folder) != top
    ]


def own() -> list[Path]:
    """The cgroups in which containers of this session are or were, leaves first."""
    default = [path for top in defaults() for path in top.glob(f"*{CGROUPS}*")]
    return [*below(CGROUPS), *default]


def descendants(name: str) -> list[int]:
    """The pids of all live processes below this one with this name (comm)."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            comm, _, rest = stat.partition("(")[2].rpartition(") ")
            state, parent = rest.split()[:2]
            parents[int(entry.name)] = int(parent)
            if state not in "ZX":
                names[int(entry.name)] = comm

    def is_below(pid: int) -> bool:
        while pid in parents:
            pid = parents[pid]
            if pid == os.getpid():
                return True
        return False

    return [pid for pid, comm in names.items() if comm == name and is_below(pid)]


def mounts(base: Path) -> list[str]:
    """The lines of mountinfo(5) of what is mounted below a directory."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if str(base) in line]


def left(base: Path) -> list[str]:
    """What containers of this session have left: mounts below ``base``, cgroups, processes."""
    inits = [f"process {pid}" for pid in descendants("hutch-init")]
    return [*mounts(base), *map(str, own()), *inits]


def members(cgroup: Path) -> set[int]:
    try:
        return {int(pid) for pid in (cgroup / "cgroup.procs").read_text().split()}
    except OSError:
        return set()


def lines_of(cgroups: list[Path]) -> list[str]:
    """A line for each cgroup of this session, whatever the number of hierarchies it is in."""
    tops: dict[str, list[str]] = {}
    for path in cgroups:
        top, name, inner = str(path).partition(f"/{CGROUPS}")
        tops.setdefault(name + inner, []).append(top)
    return [f"cgroup {name} in {' '.join(found)}" for name, found in tops.items()]


def sweep() -> list[str]:
    """Ends and removes all that the session has left; says what that was."""
    said = [f"mount {line}" for base in bases for line in mounts(base)]
    for line in reversed(said):
        os.spawnlp(os.P_WAIT, "umount", "umount", "--lazy", line.split()[5])
    inits = set(descendants("hutch-init"))
    said += [f"process {pid} (hutch-init)" for pid in sorted(inits)]
    pids = {pid: path for path in [*own(), *named(CGROUPS)] for pid in members(path)}
    said += [f"process {pid} in {path}" for pid, path in sorted(pids.items())]
    for pid in inits | set(pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    said += lines_of(own())
    # A parent that containers shared is none's to remove, and is no fault.
    deadline = time.monotonic() + 30
    while not removed([*own(), *named(CGROUPS)]):
        if time.monotonic() > deadline:
            return [*said, "still there:", *lines_of([*own(), *named(CGROUPS)])]
        time.sleep(0.02)
    for top in defaults() - others:
        removed([top])
    return said


def removed(cgroups: list[Path]) -> bool:
    """Whether these are gone, in this order: one with processes or children in it is not."""
    for path in cgroups:
        try:
            path.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def begin() -> None:
    """What is there before is others'."""
    others.update(defaults() if os.geteuid() == 0 else ())


def pytest_sessionstart() -> None:
    begin()


# Last: the fixtures' ends come first, in pytest's own.
@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    found.extend(sweep() if os.geteuid() == 0 else [])
    if found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if found:
        terminalreporter.section("left behind by the tests, and removed", red=True)
        for line in found:
            terminalreporter.line(line)
