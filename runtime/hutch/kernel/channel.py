"""The ways between the runtime and hutch-init, as plain descriptors: a pair of unix sockets for the
one that starts it, and two fifos for who says `start` later.

The standard library's socket module is dearer to import than most verbs are to run.
"""

import posix

from hutch._native import ffi, lib

MESSAGE_MAX = 512
_NO_LINK = posix.O_CLOEXEC | posix.O_NOFOLLOW


def pair() -> "tuple[int, int]":
    """Two connected ends, close-on-exec. Raises OSError."""
    result = _checked(lib.hutch_channel())
    return result >> 32, result & 0xFFFFFFFF


def receive(channel: int) -> "tuple[bytes, int]":
    """The next message, and the descriptor that came with it or -1; (b"", -1) at the end.

    Raises OSError."""
    buffer = ffi.new("unsigned char[]", MESSAGE_MAX)
    result = _checked(lib.hutch_receive(channel, buffer, MESSAGE_MAX))
    return bytes(ffi.buffer(buffer, result & 0xFFFFFFFF)), (result >> 32) - 1


def answer(channel: int, answer: int, fd: int = -1) -> None:
    """Sends the one byte ``answer`` that lets the other side go on, with the descriptor ``fd``
    unless it is -1. Raises OSError, but no signal comes."""
    _checked(lib.hutch_answer(channel, answer, fd))


def fetch(pidfd: int, fd: int) -> int:
    """A copy of descriptor ``fd`` of another process (pidfd_getfd(2), Linux 5.6). OSError."""
    return _checked(lib.hutch_fetch(pidfd, fd))


def make_fifo(path: str) -> int:
    """A new fifo, with both ends on one descriptor. Raises OSError."""
    posix.mkfifo(path, 0o600)
    return posix.open(path, posix.O_RDWR | posix.O_CLOEXEC)


def let_start(start: str, reply: str) -> int:
    """Lets the hutch-init go on that waits at the fifo ``start``; what it then tells on the fifo
    ``reply`` is read from the descriptor. OSError where none waits: with ENXIO if it is dead or
    has executed the program."""
    told = posix.open(reply, posix.O_RDONLY | posix.O_NONBLOCK | _NO_LINK)
    try:
        gate = posix.open(start, posix.O_WRONLY | posix.O_NONBLOCK | _NO_LINK)
        try:
            posix.write(gate, b"\0")
        finally:
            posix.close(gate)
        posix.set_blocking(told, True)
    except BaseException:
        posix.close(told)
        raise
    return told


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(-result, posix.strerror(-result))
    return result
