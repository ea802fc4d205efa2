"""kill: sends a signal to a container (runtime.md "Kill")."""

import posix

from hutch.container import status
from hutch.errors import KernelError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.store import Store

SIGKILL = 9


def kill(store: "Store", id: str, signal: int, *, all: bool = False) -> None:
    """Sends ``signal`` to the container's first process, or with ``all`` to each of its processes.

    Raises StateError where the container does not exist or is not running; with ``all`` a stopped
    container, whose other processes may still live, is no error.
    """
    entry = store.find(id)
    state = entry.load_state()
    now = status.status_of(state, entry.directory)
    if all:
        from hutch.container.kin import signal_all

        signal_all(state, signal)
        return
    if now in (status.STOPPED, status.CREATING):
        raise StateError("container not running: " + id, id=id, status=now)
    from hutch.kernel.process import signal_pidfd

    try:
        pidfd = posix.pidfd_open(state["pid"])
    except ProcessLookupError:
        raise StateError("container not running: " + id, id=id, status=status.STOPPED) from None
    try:
        # The pidfd holds the pid; if it is still the same process now, it stays so (S-51).
        if not status.is_alive(state):
            raise StateError("container not running: " + id, id=id, status=status.STOPPED)
        signal_pidfd(pidfd, signal)
    except KernelError as error:
        if error.errno == 3:
            raise StateError("container not running: " + id, id=id) from None
        raise
    finally:
        posix.close(pidfd)
    if now == status.PAUSED and signal == SIGKILL:
        from hutch.cgroups import thaw
        from hutch.plan.cgroup_paths import Cgroup

        # A frozen process dies only once it is thawed (v1).
        thaw(Cgroup.from_json(state["cgroup"]))
