"""inotify(7): a descriptor that is ready when files have changed (native/kernel/inotify.c)."""

from posix import read, strerror
from sys import byteorder

from hutch._native import lib

# struct inotify_event: wd, mask, cookie, and the length of the name that follows; four bytes each.
HEAD, LENGTH = 16, 12
SIZE = 64 << 10


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(-result, strerror(-result))
    return result


def inotify() -> int:
    """A new descriptor. Raises OSError: a user may have a limited number of them."""
    return _checked(lib.hutch_inotify())


def watch(fd: int, path: bytes) -> int:
    """Watches a file, or the files of a folder, for writes and new names: the number of the watch,
    the same one for the same file. Raises OSError."""
    return _checked(lib.hutch_watch(fd, path))


def unwatch(fd: int, number: int) -> None:
    """Ends a watch, if it is still there: it goes with its file."""
    lib.hutch_unwatch(fd, number)


def changed(fd: int) -> set[int]:
    """The watches whose files have changed since the last call."""
    found: set[int] = set()
    try:
        data = read(fd, SIZE)
    except BlockingIOError:
        return found
    at = 0
    while at < len(data):
        found.add(int.from_bytes(data[at : at + 4], byteorder, signed=True))
        at += HEAD + int.from_bytes(data[at + LENGTH : at + HEAD], byteorder)
    return found
