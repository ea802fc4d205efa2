"""The status of a container. It is computed from the kernel; the saved status is not trusted."""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import State

CREATING = "creating"
CREATED = "created"
RUNNING = "running"
PAUSED = "paused"
STOPPED = "stopped"

# The target of /proc/PID/exe of hutch-init, which is executed from memory (memfd_create(2)).
INIT_EXE = "/memfd:hutch-init (deleted)"
# Fifos in a container's directory: hutch-init waits at the first, and replies on the second.
START = "/start.fifo"
REPLY = "/reply.fifo"


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since boot (proc(5), stat, field 22); 0 if there is
    no such process or it is a zombie."""
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
    # The name stands in parentheses, and may itself have spaces and parentheses.
    fields = text[text.rfind(b")") + 2 :].split()
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def is_alive(state: "State") -> bool:
    """Whether the container's first process lives. Its start time is compared, since another
    process may have its pid by now (S-51)."""
    pid = state.pid
    # 0 if the process had ended before its start time was read.
    started = state.start_time
    return pid > 0 and started > 0 and start_time(pid) == started


def status_of(state: "State", directory: str) -> str:
    """creating, created, running, paused or stopped (runtime.md "State"). ``directory`` is the
    container's state directory."""
    if not is_alive(state):
        return (
            CREATING if state.status == CREATING and _being_created(state, directory) else STOPPED
        )
    if _is_paused(state):
        return PAUSED
    return CREATED if is_waiting(state.pid, directory) else RUNNING


def is_waiting(pid: int, directory: str) -> bool:
    """Whether hutch-init, the process ``pid``, still waits for `start`.

    `start` removes the fifos after the program was executed. If `start` has died before that, then
    /proc/PID/exe shows that the process executes another program.
    """
    try:
        posix.lstat(directory + START)
    except OSError:
        return False
    try:
        return posix.readlink("/proc/" + str(pid) + "/exe") == INIT_EXE
    except OSError:
        return True  # the caller may not read the link


def _being_created(state: "State", directory: str) -> bool:
    """Whether the runtime that makes the container still works on it.

    It must be alive. That is not enough for a program that uses hutch as a library, which lives on
    after a failure: so the container's lock must be held too. (Another verb may hold it, `delete`
    for example.)
    """
    if start_time(state.maker) != state.maker_start_time:
        return False
    from fcntl import LOCK_NB, LOCK_SH, flock

    try:
        fd = posix.open(directory, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A shared lock: two processes that read the status must not take each other for the maker.
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
    """Whether systemd manages the container's cgroup; with ``of_user``, whether the user's own
    systemd does."""
    unit = state.kept_cgroup.get("unit") if state.kept_cgroup else None
    return unit is not None and (unit["user"] or not of_user)
