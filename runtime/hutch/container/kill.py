"""kill: sends a signal to a container (runtime.md "Kill")."""

import posix

from hutch.container import status
from hutch.container.state import NOTE
from hutch.errors import KernelError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import State
    from hutch.container.store import Entry, Store

SIGKILL = 9
_WRITE = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC | posix.O_NOFOLLOW
ESRCH = 3


def kill(store: "Store", id: str, signal: int, *, all: bool = False) -> None:
    """Sends ``signal`` to the container's first process, or with ``all`` to each of its processes.

    KILL always ends all processes: in a container without a pid namespace of its own, the others
    would outlive the first one. Raises StateError if the container does not exist or is not
    running. Its other processes may outlive the first one, so a stopped container is no error with
    ``all``, nor for KILL as long as other processes are left.
    """
    entry = store.find(id)
    state = entry.load_state()
    if all:
        if status.is_alive(state):
            _note(entry, signal)
        from hutch.container.processes import signal_all

        signal_all(state, signal)
        return
    if signal == SIGKILL and state.shares_processes and _kill_others(entry, state):
        return
    from hutch.kernel.process import signal_pidfd

    pidfd = -1
    try:
        if state.pid:
            pidfd = posix.pidfd_open(state.pid)
        # Checked after pidfd_open: from then on the pidfd cannot mean another process (S-51).
        if not status.is_alive(state):
            raise _not_running(entry, state)
        _note(entry, signal)
        signal_pidfd(pidfd, signal)
    except ProcessLookupError:
        raise _not_running(entry, state) from None
    except KernelError as error:
        if error.errno == ESRCH:
            raise _not_running(entry, state) from None
        raise
    finally:
        if pidfd >= 0:
            posix.close(pidfd)
    cgroup = state.cgroup() if signal == SIGKILL else None
    if cgroup is not None:
        from hutch.cgroups import is_frozen, thaw

        # On cgroup v1 a frozen process dies only after it was thawed.
        if is_frozen(cgroup):
            thaw(cgroup)


def _note(entry: "Entry", signal: int) -> None:
    """Writes down which signal is sent, for who asks how the container has ended (ending.py). It
    comes before the signal, after which all can happen at once; that it fails does not matter."""
    if signal == 0:
        return
    try:
        note = posix.open(entry.directory + NOTE, _WRITE, 0o600)
    except OSError:
        return
    posix.write(note, str(signal).encode())
    posix.close(note)


def _kill_others(entry: "Entry", state: "State") -> bool:
    """Kills all processes in the container's cgroup. Returns true if the first process was among
    them, or if it is gone and others were left."""
    cgroup = state.cgroup()
    if cgroup is None or not cgroup.directories:
        return False
    from hutch import cgroups

    found = cgroups.processes(cgroup)
    if not found:
        return False
    gone = not status.is_alive(state)
    if not gone:
        _note(entry, SIGKILL)
    cgroups.kill(cgroup, SIGKILL)
    return gone or state.pid in found


def _not_running(entry: "Entry", state: "State") -> StateError:
    now = status.status_of(state, entry.directory)
    return StateError("container not running: " + entry.id, id=entry.id, status=now)
