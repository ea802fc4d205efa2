"""Sends signals to all processes of a container.

SIGKILL is sent by ``cgroup.kill`` (Linux 5.14), which reaches every process. Other signals, and
SIGKILL on older kernels, are sent to each process. Meanwhile the container is frozen, so that it
cannot fork. Each process is signalled by a pidfd, and its pid is looked up in the cgroup again
after the pidfd was opened: so no other process that has got the same pid is signalled (S-51).
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
ROUNDS = 100  # how often new processes are killed if the container cannot be frozen
PATIENCE = 2.0  # seconds to wait for freezing; after that signals are sent without it
AT_ONCE = 256  # the number of pidfds that are open at the same time


def processes(cgroup: "Cgroup") -> "list[int]":
    """The pids of all processes in the container's cgroups and below, in any hierarchy. Sorted."""
    pids: set[int] = set()
    for leaf in cgroup.leaves():
        pids.update(processes_below(leaf))
    return sorted(pids)


def kill(cgroup: "Cgroup", signal: int) -> None:
    """Sends ``signal`` to every process of the container. Raises KernelError.

    A frozen container stays frozen, except after SIGKILL, because a frozen process of v1 would not
    end. Does not wait for the end of the processes.
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
        # The cgroup is gone or threaded, or the kernel is too old: the caller kills each process.
        return False
    return True


def _kill_each(cgroup: "Cgroup") -> None:
    """Kills all processes again and again until no new ones appear. Does not wait for the end of
    those that were killed."""
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
