"""All processes of a container: those in its cgroup, or, without a cgroup, in its pid namespace.

Without root a container may have no cgroup, which would list its processes. Then the processes in
the pid namespace of its first process are all that can be found.
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
    """The pids of a container's processes, as the host numbers them, sorted."""
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
    """Sends a signal to each process of a container. Raises KernelError."""
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
            # Checked after pidfd_open: the pid could have become another process's (S-51).
            if pid in processes_of(state):
                signal_pidfd(pidfd, signal)
        except KernelError as error:
            # ESRCH: the end of the first process has ended the others (pid_namespaces(7)).
            if error.errno != ESRCH:
                raise
        finally:
            posix.close(pidfd)


def _pid_namespace(pid: int) -> str:
    """The link /proc/PID/ns/pid; "" if the process is gone or belongs to another user."""
    try:
        return posix.readlink("/proc/" + str(pid) + "/ns/pid")
    except OSError:
        return ""
