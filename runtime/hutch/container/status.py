"""What a container is doing: computed from the kernel, never believed from the file."""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import State

CREATING = "creating"
CREATED = "created"
RUNNING = "running"
PAUSED = "paused"
STOPPED = "stopped"

# What /proc/PID/exe says of hutch-init, which is executed from memory.
INIT_EXE = "/memfd:hutch-init (deleted)"
# In a container's directory: the fifo at which it waits, and the one on which it then tells.
START = "/start.fifo"
REPLY = "/reply.fifo"


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since boot (proc(5), stat, field 22); 0 if it is
    gone or only a zombie is left of it."""
    try:
        fd = posix.open("/proc/" + str(pid) + "/stat", posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return 0
    try:
        text = posix.read(fd, 4096)
    except OSError:
        return 0
    finally:
        posix.close(fd)
    # The name, in parentheses, may itself hold spaces and parentheses.
    fields = text[text.rfind(b")") + 2 :].split()
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def is_alive(state: "State") -> bool:
    """Whether the container's first process is the one that was started (S-51)."""
    pid = state.pid
    # 0 where it had ended before it was noted, and so it is of every process that is gone.
    started = state.start_time
    return pid > 0 and started > 0 and start_time(pid) == started


def status_of(state: "State", directory: str) -> str:
    """creating, created, running, paused or stopped (runtime.md "State")."""
    if not is_alive(state):
        return (
            CREATING if state.status == CREATING and _being_created(state, directory) else STOPPED
        )
    if _is_paused(state):
        return PAUSED
    return CREATED if is_waiting(state.pid, directory) else RUNNING


def is_waiting(pid: int, directory: str) -> bool:
    """Whether hutch-init, the process ``pid``, still waits for `start`.

    `start` removes the fifos once the program was executed. Should it have died before that, the
    process tells that it executes another program by now.
    """
    try:
        posix.lstat(directory + START)
    except OSError:
        return False
    try:
        return posix.readlink("/proc/" + str(pid) + "/exe") == INIT_EXE
    except OSError:
        return True  # not for us to see


def _being_created(state: "State", directory: str) -> bool:
    """Whether the runtime that makes the container is alive, and has not left it half-made.

    Only a dead one has, but where it is a program that uses hutch as a library: so the container's
    lock must be held too, which it may also be by another verb, `delete` say.
    """
    if start_time(state.maker) != state.maker_start_time:
        return False
    from fcntl import LOCK_NB, LOCK_SH, flock

    try:
        fd = posix.open(directory, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared: two who only look do not take each other for the maker.
        flock(fd, LOCK_SH | LOCK_NB)
    except OSError:
        return True
    finally:
        posix.close(fd)
    return False


def _is_paused(state: "State") -> bool:
    cgroup = state.cgroup()
    if cgroup is None:
        return False
    from hutch.cgroups import is_frozen

    return is_frozen(cgroup)


def has_systemd_unit(state: "State", *, of_user: bool = False) -> bool:
    """Whether systemd manages the container's cgroup; ``of_user``: its user's own one."""
    unit = state.kept_cgroup.get("unit") if state.kept_cgroup else None
    return unit is not None and (unit["user"] or not of_user)
