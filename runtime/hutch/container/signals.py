"""Signals, read from a descriptor instead of interrupting Python anywhere (security.md S-82)."""

import posix

from hutch.kernel.process import signal_descriptor

SIGCHLD = 17
SIGWINCH = 28
SIGURG = 23
RECORD = 128  # struct signalfd_siginfo; its first four bytes are the signal's number

# What ends a runtime that waits: everything that would have done so without the descriptor.
TERMINATING = (1, 2, 3, 15)


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
