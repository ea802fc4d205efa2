"""What the kernel knows about a process. A row of the database is compared with it."""

import _signal as signal
import os
import select
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from hutch.container.status import start_time


@cache
def boot_id() -> str:
    """Another one after each boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def birth(pid: int) -> str:
    """Identifies this process among all that have the same pid at some time; "" if it has ended."""
    began = start_time(pid) if pid > 0 else 0
    return f"{boot_id()}:{began}" if began else ""


def before_this_boot(born: str) -> bool:
    """Whether the process with this birth ran before the machine was last started."""
    return bool(born) and born.partition(":")[0] != boot_id()


def lives(pid: int, born: str) -> bool:
    """Whether the process with this birth is there, and is no zombie."""
    return bool(born) and birth(pid) == born


class Death:
    """Waits for the end of a process that is not our child."""

    def __init__(self, pid: int, born: str) -> None:
        self._fd, self._pid = -1, pid
        try:
            self._fd = os.pidfd_open(pid)
        except OSError:
            return
        if not lives(pid, born):
            self.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Returns True when the process has ended, False after ``seconds``."""
        if self._fd < 0:
            return True
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(None if seconds is None else int(max(seconds, 0) * 1000)))

    def status(self) -> int | None:
        """The wait status (waitpid(2)) of the process; None if it has not ended, or if the kernel
        does not tell it: it does from Linux 6.15 on, before only until the process is reaped."""
        if self._fd < 0:
            return None
        from hutch.kernel.pidfd_info import status_of_ended

        return status_of_ended(self._fd, self._pid)

    def signal(self, number: int) -> None:
        """Sends a signal, if the process still exists."""
        if self._fd >= 0:
            try:
                signal.pidfd_send_signal(self._fd, number)
            except ProcessLookupError:
                return

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def wait_until(fact: Callable[[], object], seconds: float) -> bool:
    """Calls ``fact()`` until it is true. Returns False if that takes more than ``seconds``."""
    end = time.monotonic() + seconds
    pause = 0.001
    while not fact():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    return True
