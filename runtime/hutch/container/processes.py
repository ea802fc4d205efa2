"""All processes of a container: those of its cgroup or, where it got none, of its pid namespace.

Without root there may be no cgroup for a container, so nothing that lists its processes. Those of
the pid namespace of its first one are then all that can be found.
"""

import posix

from hutch.container import status
from hutch.errors import KernelError

ESRCH = 3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import State

    pass


def processes_of(state: "State") -> "list[int]":
    """Their pids on the host, sorted."""
    cgroup = state.cgroup()
    if cgroup is not None and cgroup.directories:
        from hutch.cgroups import processes

        return processes(cgroup)
    if not status.is_alive(state):
        return []
    namespace = _pid_namespace(state.pid)
    if namespace in ("", _pid_namespace(posix.getpid())):
        return [state.pid]
    found = [int(name) for name in posix.listdir("/proc") if name.isdigit()]
    return sorted(pid for pid in found if _pid_namespace(pid) == namespace)


def signal_all(state: "State", signal: int) -> None:
    """Sends a signal to each of them; raises KernelError."""
    cgroup = state.cgroup()
    if cgroup is not None and cgroup.directories:
        from hutch import cgroups

        cgroups.kill(cgroup, signal)
        return
    from hutch.kernel.process import signal_pidfd

    known = processes_of(state)
    for pid in known:
        try:
            pidfd = posix.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            # The pidfd holds the pid; it must still be one of the container's (S-51).
            if pid in processes_of(state):
                signal_pidfd(pidfd, signal)
        except KernelError as error:
            # The end of the first takes the others along.
            if error.errno != ESRCH:
                raise
        finally:
            posix.close(pidfd)


def _pid_namespace(pid: int) -> str:
    """ "" where the process is gone, or another user's."""
    try:
        return posix.readlink("/proc/" + str(pid) + "/ns/pid")
    except OSError:
        return ""
