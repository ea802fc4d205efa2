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
    """Creates the file ``name`` in ``directory`` (a descriptor) with the content ``data`` and the
    time ``mtime`` (nanoseconds).

    ``made_as`` is the mode for open(2). After that the owner and ``mode`` are set, unless they are
    NONE. Raises OSError, for example FileExistsError; then there is no new file.
    """
    seconds, nanoseconds = divmod(mtime, SECOND)
    result: int = lib.hutch_create_file(
        directory, name, ffi.from_buffer(data), len(data), made_as, mode, uid, gid,
        seconds, nanoseconds,
    )  # fmt: skip
    if result < 0:
        raise OSError(-result, strerror(-result), name)
