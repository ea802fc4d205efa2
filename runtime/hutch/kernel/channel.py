"""The unix sockets between the runtime and hutch-init, as plain descriptors.

The standard library's socket module is dearer to import than most verbs are to run.
"""

import posix

from hutch._native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE_MAX = 512
NAME = "/start.sock"


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


def answer(channel: int) -> None:
    """Sends the one byte that lets the other side go on. Raises OSError, but no signal comes."""
    _checked(lib.hutch_answer(channel))


def listen(directory: str) -> int:
    """A socket that listens in ``directory`` for `start`. Raises OSError."""
    return _in(directory, lib.hutch_listen)


def connect(directory: str) -> int:
    """A connection to whoever listens in ``directory``; OSError where nobody does."""
    return _in(directory, lib.hutch_connect)


def _in(directory: str, call: "Callable[[bytes], int]") -> int:
    """By way of the directory's descriptor: a socket's path holds 107 bytes at the most."""
    folder = posix.open(directory, posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
    try:
        return _checked(call(("/proc/self/fd/" + str(folder) + NAME).encode()))
    finally:
        posix.close(folder)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(-result, posix.strerror(-result))
    return result
