"""A cache on disk for compiled seccomp filters: compiling one takes about ten milliseconds.

The name of an entry is the digest of its profile. An entry begins with a digest of all that
follows, and names the file of libseccomp that compiled the filter. If that file has changed, the
filter is compiled again; so libseccomp need not be loaded to use an entry. A user who can write
here decides what containers may do: directory and entries must belong to the caller, and others
must have no access (security.md S-12). An entry that is not valid is no error; it is not used.

    digest (32)  flags (4)  notify (4)  lengths (3 x 4)  program  library  warnings
"""

import posix
from _blake2 import blake2b
from errno import ELOOP, ENOTDIR
from marshal import dumps

from hutch import __version__
from hutch.errors import ConfigError, HostError
from hutch.kernel.seccomp import Filter
from hutch.spec.json import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hutch.errors import HutchError
    from hutch.spec.config import Seccomp

# Increase this number when a profile is compiled to another filter than before.
FORMAT = 2
ENTRIES = 128  # kept at most
LARGEST = 65536  # bytes of an entry: a program has 32768 at most

_VERSION = f"hutch {__version__} filter {FORMAT}".encode()
_DIGEST = 32
_HEAD = _DIGEST + 20
_DIRECTORY = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC
# O_NONBLOCK: opening a FIFO would wait for a writer.
_READ = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC
_WRITE = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
_S_IFMT = 0o170000
_S_IFREG = 0o100000


def filter_for(profile: "Seccomp", directory: str) -> Filter:
    """The filter of a checked ``linux.seccomp``, from the cache in ``directory`` or newly compiled.

    ``directory`` is an absolute path; it is made with mode 0700 if it is missing. With "" there is
    no cache. The last profile's filter is kept in memory too, for a program that starts many
    containers. Raises as compile_filter does.
    """
    global _last  # noqa: PLW0603
    if not directory:
        return _compile(profile)
    if _last is None or _last[0] is not profile or _last[1] != directory:
        _last = profile, directory, _cached_or_compiled(profile, directory)
    return _last[2]


_last: "tuple[Seccomp, str, Filter] | None" = None


def _cached_or_compiled(profile: "Seccomp", directory: str) -> Filter:
    # Version 2 of the format has no references, so that equal profiles give equal bytes.
    content = dumps(profile, 2)  # type: ignore[arg-type]
    key = blake2b(_VERSION + content, digest_size=_DIGEST).digest()
    name = key.hex()
    try:
        folder = _open_directory(directory)
    except OSError:
        return _compile(profile)  # the caller may not write there
    if folder < 0:
        found = _compile(profile)
        found.warnings.append(
            HostError(
                f"the compiled seccomp filters in {directory} are not used: the directory must "
                f"belong to uid {posix.geteuid()} and be closed to all others (mode 0700)"
            )
        )
        return found
    try:
        cached = _read(folder, name, key)
        if cached is not None:
            return cached
        found = _compile(profile)
        _write(folder, name, key, found)
        return found
    finally:
        posix.close(folder)


def _compile(profile: "Seccomp") -> Filter:
    from hutch.kernel.libseccomp import compile_filter
    from hutch.spec.seccomp import translate

    return compile_filter(translate(profile))


def _open_directory(path: str) -> int:
    """A descriptor of the directory; -1 if another user owns it or has access. Raises OSError."""
    try:
        fd = posix.open(path, _DIRECTORY)
    except FileNotFoundError:
        _make_directories(path)
        fd = posix.open(path, _DIRECTORY)
    except OSError as error:
        if error.errno in (ELOOP, ENOTDIR):
            return -1
        raise
    status = posix.fstat(fd)
    if status.st_uid == posix.geteuid() and not status.st_mode & 0o077:
        return fd
    posix.close(fd)
    return -1


def _make_directories(path: str) -> None:
    made = ""
    for part in path.strip("/").split("/"):
        made += "/" + part
        try:
            posix.mkdir(made, 0o700)
        except FileExistsError:
            continue


def _read(folder: int, name: str, key: bytes) -> "Filter | None":
    """The filter of an entry; None if there is no entry that is trusted and up to date."""
    try:
        fd = posix.open(name, _READ, dir_fd=folder)
    except OSError:
        return None
    try:
        status = posix.fstat(fd)
        if (
            status.st_mode & (_S_IFMT | 0o077) != _S_IFREG
            or status.st_uid != posix.geteuid()
            or not _HEAD < status.st_size <= LARGEST
        ):
            return None
        data = posix.read(fd, status.st_size + 1)
    except OSError:
        return None
    finally:
        posix.close(fd)
    if blake2b(data[_DIGEST:], digest_size=_DIGEST, key=key).digest() != data[:_DIGEST]:
        return None
    flags, notify, *lengths = [
        int.from_bytes(data[at : at + 4], "little") for at in range(_DIGEST, _HEAD, 4)
    ]
    program = _HEAD + lengths[0]
    library = program + lengths[1]
    origin = data[program:library]
    if library + lengths[2] != len(data) or origin != _identity(origin.partition(b"\n")[0]):
        return None
    written: Any = decode(data[library:], name)
    warnings: list[HutchError] = [
        ConfigError(pointer, reason, value=value[0] if value else ..., hint=hint)
        for pointer, reason, value, hint in written
    ]
    return Filter(data[_HEAD:program], flags, notify == 1, warnings)


def _identity(path: bytes) -> "bytes | None":
    """Path, inode, size and time of a file, which change when it is replaced; None if it does not
    exist."""
    try:
        status = posix.stat(path)
    except (OSError, ValueError):
        return None
    return b"%b\n%d %d %d" % (path, status.st_ino, status.st_size, status.st_mtime_ns)


def _write(folder: int, name: str, key: bytes, filter: Filter) -> None:
    """Adds an entry. It is written under another name and renamed, so that it is always whole."""
    from hutch.kernel.libseccomp import library_file

    library = _identity(library_file().encode("utf-8", "surrogateescape"))
    if library is None:
        return
    warnings = encode(
        [
            (error.pointer, error.reason, [] if error.value is ... else [error.value], error.hint)
            for error in filter.warnings
        ]
    ).encode("utf-8", "replace")
    numbers = (filter.flags, filter.notify, len(filter.program), len(library), len(warnings))
    body = b"".join([number.to_bytes(4, "little") for number in numbers])
    body += filter.program + library + warnings
    data = blake2b(body, digest_size=_DIGEST, key=key).digest() + body
    if len(data) > LARGEST:
        return
    new = "new-" + posix.urandom(8).hex()
    try:
        _make_room(folder)
        fd = posix.open(new, _WRITE, 0o600, dir_fd=folder)
        try:
            complete = posix.write(fd, data) == len(data)
        finally:
            posix.close(fd)
        try:
            if complete:
                posix.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            complete = False
        if not complete:
            posix.unlink(new, dir_fd=folder)
    except OSError:
        return  # a full or read-only disk: the filter is used without the cache


def _make_room(folder: int) -> None:
    """Removes the oldest entries and unfinished files, so that at most ENTRIES are kept."""
    names = posix.listdir(folder)
    if len(names) < ENTRIES:
        return
    aged = []
    for name in names:
        try:
            status = posix.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue  # another runtime makes room too
        aged.append((status.st_mtime_ns, name))
    aged.sort()
    for _, name in aged[: len(aged) - ENTRIES + 1]:
        try:
            posix.unlink(name, dir_fd=folder)
        except OSError:
            continue
