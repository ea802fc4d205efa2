"""Finds, reports and removes what the tests of a session have left. Its cgroups have a name with a
random part.

tests/conftest.py uses the hooks of this module. After the last fixture nothing may be left.
Otherwise the session fails, and the report lists what was left.
"""

import os
import secrets
import signal
import time
from pathlib import Path

import pytest
from hutch.cgroups import layout
from hutch.plan.cgroup_paths import resolve

# All cgroups of this session are below this one, because other containers may run at the same time.
# (A pid would not be unique, because pid namespaces share the cgroups.)
SESSION = secrets.token_hex(4)
CGROUPS = f"hutch-tests-{SESSION}"
HIERARCHIES = Path("/sys/fs/cgroup")
# The directories of tests.
bases: set[Path] = set()
# The cgroups of defaults() that existed before the session.
others: set[Path] = set()
found: list[str] = []
# The first process of a container has one of these names, until its program is executed or CRIU has
# restored it.
WAITING = ("hutch-init", "criu")


def named(name: str) -> list[Path]:
    """The cgroups of this name directly below the hierarchies' roots, on any kind of host."""
    return [path for pattern in (name, f"*/{name}") for path in HIERARCHIES.glob(pattern)]


def defaults() -> set[Path]:
    """The parents of the cgroups of containers without a cgroupsPath. Other programs use them
    too."""
    directories = resolve(None, CGROUPS, layout.read()).directories.values()
    return {Path(directory).parent for directory in directories if Path(directory).parent.exists()}


def below(name: str) -> list[Path]:
    """The cgroups below those with this name, leaves first."""
    return [
        Path(folder)
        for top in named(name)
        for folder, _, _ in os.walk(top, topdown=False)
        if Path(folder) != top
    ]


def own() -> list[Path]:
    """The cgroups of the containers of this session, leaves first."""
    default = [path for top in defaults() for path in top.glob(f"*{CGROUPS}*")]
    return [*below(CGROUPS), *default]


def descendants(*names: str) -> list[int]:
    """The pids of all live processes below this one with one of these names (comm)."""
    parents, comms = {}, {}
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
                comms[int(entry.name)] = comm

    def is_below(pid: int) -> bool:
        while pid in parents:
            pid = parents[pid]
            if pid == os.getpid():
                return True
        return False

    return [pid for pid, comm in comms.items() if comm in names and is_below(pid)]


def mounts(base: Path) -> list[str]:
    """The lines of mountinfo(5) for mounts below a directory."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if str(base) in line]


def left(base: Path) -> list[str]:
    """Mounts below ``base``, cgroups and processes that containers of this session have left."""
    waiting = [f"process {pid}" for pid in descendants(*WAITING)]
    return [*mounts(base), *map(str, own()), *waiting]


def members(cgroup: Path) -> set[int]:
    try:
        return {int(pid) for pid in (cgroup / "cgroup.procs").read_text().split()}
    except OSError:
        return set()


def lines_of(cgroups: list[Path]) -> list[str]:
    """One line for each cgroup of this session, with all hierarchies that have it."""
    tops: dict[str, list[str]] = {}
    for path in cgroups:
        top, name, inner = str(path).partition(f"/{CGROUPS}")
        tops.setdefault(name + inner, []).append(top)
    return [f"cgroup {name} in {' '.join(found)}" for name, found in tops.items()]


def sweep() -> list[str]:
    """Kills and removes everything that the session has left. Returns a line for each of these."""
    left_behind = [f"mount {line}" for base in bases for line in mounts(base)]
    for line in reversed(left_behind):
        os.spawnlp(os.P_WAIT, "umount", "umount", "--lazy", line.split()[5])
    waiting = set(descendants(*WAITING))
    left_behind += [f"process {pid} ({' or '.join(WAITING)})" for pid in sorted(waiting)]
    pids = {pid: path for path in [*own(), *named(CGROUPS)] for pid in members(path)}
    left_behind += [f"process {pid} in {path}" for pid, path in sorted(pids.items())]
    for pid in waiting | set(pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    left_behind += lines_of(own())
    # No container removes a parent that several containers used, so it is removed without a report.
    deadline = time.monotonic() + 30
    while not removed([*own(), *named(CGROUPS)]):
        if time.monotonic() > deadline:
            return [*left_behind, "still there:", *lines_of([*own(), *named(CGROUPS)])]
        time.sleep(0.02)
    for top in defaults() - others:
        removed([top])
    return left_behind


def removed(cgroups: list[Path]) -> bool:
    """Removes these cgroups in this order. Returns whether all are gone; one with processes or
    children is not."""
    for path in cgroups:
        try:
            path.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def begin() -> None:
    """Remembers the cgroups that exist before the session."""
    others.update(defaults() if os.geteuid() == 0 else ())


def pytest_sessionstart() -> None:
    begin()


# Runs last, because pytest ends the fixtures in its own hook.
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
