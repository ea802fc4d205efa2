"""Signals to all processes of a container.

SIGKILL goes through ``cgroup.kill`` (Linux 5.14), which misses nobody. Everything else, and older
kernels, take the processes one by one: frozen meanwhile, so that they cannot fork away, and each by
a pidfd, opened before it is looked up once more in the cgroup, so that a pid that has found a new
owner is never hit (S-51).
"""

import posix
from errno import ESRCH

from hutch.cgroups.files import write_file
from hutch.cgroups.freezer import freeze, thaw
from hutch.cgroups.freezer_state import is_frozen
from hutch.cgroups.tree import processes_below
from hutch.errors import HutchError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup

SIGKILL = 9
ROUNDS = 100  # of killing what others forked meanwhile, where nothing freezes
PATIENCE = 2.0  # seconds for freezing; signals go out all the same
AT_ONCE = 256  # pidfds held


def processes(cgroup: "Cgroup") -> "list[int]":
    """The pids of all processes in the container's cgroups and below, in any hierarchy. Sorted."""
    pids: set[int] = set()
    for leaf in cgroup.leaves():
        pids.update(processes_below(leaf))
    return sorted(pids)


def kill(cgroup: "Cgroup", signal: int) -> None:
    """Sends ``signal`` to every process of the container. Raises KernelError.

    A frozen container stays so, but for SIGKILL, which a frozen process of v1 would not notice.
    Returns without waiting for anybody's end.
    """
    if signal == SIGKILL:
        if not _kill_at_once(cgroup):
            _kill_each(cgroup)
        elif cgroup.mode != "v2":
            # A process may have left the cgroup2 tree and stayed in a v1 hierarchy.
            _signal(cgroup, SIGKILL, processes(cgroup))
        thaw(cgroup)
        return
    freezing = not is_frozen(cgroup) and _freeze(cgroup)
    try:
        _signal(cgroup, signal, processes(cgroup))
    finally:
        if freezing:
            thaw(cgroup)


def _kill_at_once(cgroup: "Cgroup") -> bool:
    directory = cgroup.directories.get("")
    if directory is None:
        return False
    try:
        write_file(directory + "/cgroup.kill", "1")
    except OSError:
        # Gone, an old kernel, or a threaded cgroup: one by one then.
        return False
    return True


def _kill_each(cgroup: "Cgroup") -> None:
    """Kills until nobody is there who was not before; those who are may take a while to end."""
    freezing = True
    seen: set[int] = set()
    for _ in range(ROUNDS):
        if seen.issuperset(processes(cgroup)):
            return
        freezing = freezing and _freeze(cgroup)
        pids = processes(cgroup)
        _signal(cgroup, SIGKILL, pids)
        thaw(cgroup)
        seen.update(pids)


def _freeze(cgroup: "Cgroup") -> bool:
    try:
        freeze(cgroup, PATIENCE)
    except HutchError:
        return False
    return True


def _signal(cgroup: "Cgroup", signal: int, pids: "list[int]") -> None:
    from hutch.kernel.process import signal_pidfd

    own = posix.getpid()
    for start in range(0, len(pids), AT_ONCE):
        held: dict[int, int] = {}
        try:
            for pid in pids[start : start + AT_ONCE]:
                if pid != own:
                    try:
                        held[pid] = posix.pidfd_open(pid)
                    except ProcessLookupError:
                        continue
            for pid in held.keys() & set(processes(cgroup)):
                try:
                    signal_pidfd(held[pid], signal)
                except KernelError as error:
                    if error.errno != ESRCH:
                        raise
        finally:
            for fd in held.values():
                posix.close(fd)
