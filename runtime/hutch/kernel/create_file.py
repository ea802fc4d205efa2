"""A small file with its content, mode, owner and time in one call (native/kernel/create_file.c)."""

from posix import O_CLOEXEC, O_RDONLY, close, getxattr, open, read, strerror

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


def changed_bits(root: int) -> int:
    """The mode bits that open(2) may not set as they are given, for a new file below ``root``.

    These are the bits of the umask, and the setuid, setgid and sticky bits. If ``root`` has a
    default ACL, which the kernel uses instead of the umask, they are all bits (acl(5)).
    """
    try:
        getxattr(root, "system.posix_acl_default")
        return 0o7777
    except OSError:
        pass
    status = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    try:
        lines = read(status, 4096).split(b"\n")
    finally:
        close(status)
    for line in lines:
        if line.startswith(b"Umask:"):
            return int(line.split()[1], 8) | 0o7000
    return 0o7777
