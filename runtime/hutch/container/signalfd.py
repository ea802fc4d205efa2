"""Signals, read from a descriptor instead of interrupting Python anywhere (security.md S-82)."""

import posix

from hutch.kernel.process import signal_descriptor

SIGCHLD = 17
SIGWINCH = 28
SIGURG = 23
RECORD = 128  # struct signalfd_siginfo; its first four bytes are the signal's number

# HUP, INT, QUIT and TERM: by these somebody asks the runtime to end.
TERMINATING = (1, 2, 3, 15)

# What posix_spawn is to set to its default in a program that we start: what our caller ignores
# would stay ignored in it. SIGKILL and SIGSTOP cannot be; 32 and 33 are the C library's own.
RESET = tuple([number for number in range(1, 65) if number not in (9, 19, 32, 33)])


def raise_on_signals() -> None:
    """From now on the first terminating signal is raised as a HutchError from wherever it meets us,
    so that what was begun is undone. One that the caller ignores stays ignored."""
    from _signal import SIG_IGN, getsignal, signal

    from hutch.errors import HutchError

    def wait_for_the_end(number: int, frame: object) -> None:
        """We are ending already; a function, since children would inherit SIG_IGN."""

    def interrupted(number: int, frame: object) -> None:
        for terminating in TERMINATING:
            if getsignal(terminating) != SIG_IGN:
                signal(terminating, wait_for_the_end)
        raise HutchError(f"interrupted by signal {number}")

    for number in TERMINATING:
        if getsignal(number) != SIG_IGN:
            signal(number, interrupted)


class Signals:
    """All signals to this process from now on; those that came are ``taken``."""

    __slots__ = ("fd",)

    def __init__(self) -> None:
        self.fd = signal_descriptor()

    def taken(self) -> "list[int]":
        """The numbers of the signals that have come since the last call."""
        try:
            data = posix.read(self.fd, RECORD * 32)
        except BlockingIOError:
            return []
        return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), RECORD)]
