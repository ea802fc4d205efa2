"""Reads and writes the files of cgroups: plain text, one write(2) for each value."""

import posix

# Most of these files have a line or two. A buffer that malloc finds among the pieces that it has
# costs no new memory.
CHUNK = 4096
READ = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW
WRITE = posix.O_WRONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW
DIRECTORY = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC | posix.O_NOFOLLOW


def read_file(path: str, directory: "int | None" = None) -> str:
    """The content of a file; a relative path counts from ``directory``. Raises OSError."""
    fd = posix.open(path, READ, dir_fd=directory)
    try:
        content = b""
        while part := posix.read(fd, CHUNK):
            content += part
    finally:
        posix.close(fd)
    return content.decode("utf-8", "surrogateescape")


def read_or(path: str, default: str = "") -> str:
    """The content of a file; ``default`` if it cannot be read."""
    try:
        return read_file(path)
    except OSError:
        return default


def exists(path: str) -> bool:
    """Whether ``path`` exists and may be looked up (access(2))."""
    return posix.access(path, posix.F_OK)


def write_file(path: str, value: str) -> None:
    """Writes ``value`` in one call, as files of cgroups require. Raises OSError."""
    fd = posix.open(path, WRITE)
    try:
        posix.write(fd, value.encode("utf-8", "surrogateescape"))
    finally:
        posix.close(fd)


def flat(content: str) -> "dict[str, int]":
    """The values of a "flat keyed" file (cgroup-v2.rst, "Format"): lines of a name and a number."""
    values = {}
    for line in content.split("\n"):
        name, _, number = line.partition(" ")
        if number.isdigit():
            values[name] = int(number)
    return values
