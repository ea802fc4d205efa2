"""The connections between the runtime and hutch-init: a pair of unix sockets for the process that
starts hutch-init, and two fifos for a later `start`. All are plain descriptors.

The standard library's socket module is not used: importing it takes longer than most commands run.
"""

import posix

from hutch._native import ffi, lib

MESSAGE_MAX = 512
_NO_LINK = posix.O_CLOEXEC | posix.O_NOFOLLOW


def pair() -> "tuple[int, int]":
    """Two connected ends, close-on-exec; ``receive`` waits for a second at most at the first one.
    Raises OSError."""
    result = _checked(lib.hutch_channel())
    return result >> 32, result & 0xFFFFFFFF


def receive(channel: int) -> "tuple[bytes, int]":
    """The next message, and the descriptor that came with it or -1; (b"", -1) at the end.

    Raises OSError; BlockingIOError if none has come for a second."""
    buffer = ffi.new("unsigned char[]", MESSAGE_MAX)
    result = _checked(lib.hutch_receive(channel, buffer, MESSAGE_MAX))
    return bytes(ffi.buffer(buffer, result & 0xFFFFFFFF)), (result >> 32) - 1


def answer(channel: int, answer: int, fd: int = -1) -> None:
    """Sends the byte ``answer``, for which the other side waits, with the descriptor ``fd`` unless
    it is -1. Raises OSError; the process gets no SIGPIPE."""
    _checked(lib.hutch_answer(channel, answer, fd))


def fetch(pidfd: int, fd: int) -> int:
    """A copy of descriptor ``fd`` of the process ``pidfd`` (pidfd_getfd(2), Linux 5.6).

    Raises OSError.
    """
    return _checked(lib.hutch_fetch(pidfd, fd))


def make_fifo(path: str) -> int:
    """Makes a fifo and returns a descriptor that reads and writes it. Raises OSError."""
    posix.mkfifo(path, 0o600)
    return posix.open(path, posix.O_RDWR | posix.O_CLOEXEC)


def let_start(start: str, reply: str) -> int:
    """Lets the hutch-init continue that waits at the fifo ``start``.

    Returns a descriptor for reading what hutch-init then writes to the fifo ``reply``. Raises
    OSError if no hutch-init waits: ENXIO if it is dead or has executed the program.
    """
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
