"""Waits that may last for ever have a name: when one has lasted long, it is said for what.

hutch-init           a warning after PATIENCE; the wait goes on, as a mount may take its time
the hooks            the same; a hook with a timeout is ended by it
the lock             an error after LOCKED, which names the process that holds it
sockets of others    an error after PATIENCE (SOCKET)
"""

import posix
from fcntl import LOCK_EX, LOCK_NB, flock

from hutch.errors import HutchError, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hutch.plan.operations import Operation

PATIENCE = 10  # seconds
LOCKED = 60


def tell_slow(
    pid: int,
    operations: "Sequence[Operation]",
    seconds: int,
    warn: "Callable[[HutchError], None] | None",
) -> None:
    """Warns, once, when hutch-init, the process ``pid``, has sent nothing for PATIENCE seconds."""
    if seconds != PATIENCE or warn is None:
        return
    from hutch.container.doing import work_of

    error = HutchError(
        f"the container's first process has not gone on for {seconds} seconds: "
        f"{work_of(pid, operations)}",
        hint=f"it is process {pid}: see /proc/{pid}/stack; the runtime goes on waiting",
    )
    error.facts = {"cause": "wait", "pid": pid}
    warn(error)


def wait_for_lock(fd: int, id: str) -> None:
    """Takes the lock of a container's directory. Raises StateError if another process has held it
    for LOCKED seconds, or OSError."""
    from time import monotonic, sleep

    end = monotonic() + LOCKED
    pause = 0.001
    while True:
        try:
            flock(fd, LOCK_EX | LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() > end:
                raise _held(fd, id) from None
        sleep(pause)
        pause = min(pause * 2, 0.05)


def _held(fd: int, id: str) -> StateError:
    """Who holds the lock (proc(5), locks)."""
    from hutch.cgroups.files import read_or
    from hutch.container.doing import sleeps_in

    inode = ":" + str(posix.fstat(fd).st_ino) + " "
    holder = 0
    for line in read_or("/proc/locks").splitlines():
        words = line.split()
        if inode in line and "FLOCK" in words and "->" not in words:
            holder = int(words[4])
    who, hint = "another process", ""
    if holder > 0:
        call = sleeps_in(holder)
        who = f"process {holder}" + (f", which sleeps in {call}," if call else "")
        hint = f"see /proc/{holder}/cmdline"
    return StateError(
        f"container {id} is being worked on by {who} for more than {LOCKED} seconds",
        id=id,
        hint=hint,
    )
