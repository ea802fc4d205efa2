"""A small file with its content, mode, owner and time in one call (native/kernel/create_file.c)."""

from posix import strerror

from hutch._native import ffi, lib

NONE = -1  # for a mode or an owner: leave it as it is
SECOND = 1_000_000_000


def create_file(
    directory: int,
    name: bytes,
    data: "bytes | memoryview",
    made_as: int,
    mode: int,
    uid: int,
    gid: int,
    mtime: int,
) -> None:
    """Makes ``name`` in ``directory`` with ``data`` and the time ``mtime`` (nanoseconds).

    It is opened with the mode ``made_as``; then owner and mode are set where they are not NONE.
    Raises OSError, FileExistsError among others; then nothing has been made.
    """
    seconds, nanoseconds = divmod(mtime, SECOND)
    result: int = lib.hutch_create_file(
        directory, name, ffi.from_buffer(data), len(data), made_as, mode, uid, gid,
        seconds, nanoseconds,
    )  # fmt: skip
    if result < 0:
        raise OSError(-result, strerror(-result), name)
