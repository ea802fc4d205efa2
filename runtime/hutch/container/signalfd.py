"""Signals, read from a descriptor, so that they do not interrupt Python code (security.md S-82)."""

import posix

from hutch.kernel.process import signal_descriptor, unblock_signals

SIGCHLD = 17
SIGWINCH = 28
SIGURG = 23
RECORD = 128  # struct signalfd_siginfo; its first four bytes are the signal's number

# HUP, INT, QUIT and TERM: the signals that ask the runtime to end.
TERMINATING = (1, 2, 3, 15)


def to_reset() -> list[int]:
    """The signals that posix_spawn sets to their default action in a program that the runtime
    starts: else those that our caller ignores would stay ignored there. SIGKILL and SIGSTOP cannot
    be set, nor those that belong to the C library: 32 and 33, and of musl 34."""
    from _signal import valid_signals

    return [number for number in valid_signals() if number not in (9, 19)]


def raise_on_signals() -> None:
    """From now on the first terminating signal raises a HutchError in the code that runs then, so
    that the code undoes what it has begun. A signal that the caller ignores stays ignored."""
    from _signal import SIG_IGN, getsignal, signal

    from hutch.errors import HutchError

    def wait_for_the_end(number: int, frame: object) -> None:
        """Ignores later signals. It is a function because children would inherit SIG_IGN."""

    def interrupted(number: int, frame: object) -> None:
        for terminating in TERMINATING:
            if getsignal(terminating) != SIG_IGN:
                signal(terminating, wait_for_the_end)
        raise HutchError(f"interrupted by signal {number}")

    for number in TERMINATING:
        if getsignal(number) != SIG_IGN:
            signal(number, interrupted)


class Signals:
    """Collects all signals to this process until ``close``; ``fd`` can be polled. ``passed_on`` is
    the last one that was passed on to the program, or 0."""

    __slots__ = ("fd", "passed_on")

    def __init__(self) -> None:
        self.fd = signal_descriptor()
        self.passed_on = 0

    def taken(self) -> "list[int]":
        """The numbers of the signals that have come since the last call."""
        try:
            data = posix.read(self.fd, RECORD * 32)
        except BlockingIOError:
            return []
        return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), RECORD)]

    def close(self) -> None:
        """From now on signals come as they did before. Those that have come until now and were not
        taken are dropped: they were for a process that has ended."""
        self.taken()
        posix.close(self.fd)
        unblock_signals()
