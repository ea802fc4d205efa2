"""Reading and writing the files of cgroups: plain text, one write a value."""

import posix

from hutch.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.resources import CgroupWrite

ENOENT, ENODEV = 2, 19  # errno(3)
READ = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW
WRITE = posix.O_WRONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW
DIRECTORY = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC | posix.O_NOFOLLOW


def read_file(path: str, directory: "int | None" = None) -> str:
    """The whole of a file, by path or beneath the descriptor ``directory``. Raises OSError."""
    fd = posix.open(path, READ, dir_fd=directory)
    try:
        content = b""
        while part := posix.read(fd, 65536):
            content += part
    finally:
        posix.close(fd)
    return content.decode("utf-8", "surrogateescape")


def read_or(path: str, default: str = "") -> str:
    """The whole of a file, ``default`` where it cannot be read (gone, or never there)."""
    try:
        return read_file(path)
    except OSError:
        return default


def exists(path: str) -> bool:
    """Whether there is anything at ``path`` that can be looked at."""
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def write_file(path: str, value: str) -> None:
    """Writes ``value`` in one call, as the files of cgroups want it. Raises OSError."""
    fd = posix.open(path, WRITE)
    try:
        posix.write(fd, value.encode("utf-8", "surrogateescape"))
    finally:
        posix.close(fd)


def flat(content: str) -> "dict[str, int]":
    """A "flat keyed" file (cgroup-v2.rst, Format): lines of a name and a number."""
    values = {}
    for line in content.split("\n"):
        name, _, number = line.partition(" ")
        if number.isdigit():
            values[name] = int(number)
    return values


def put(cgroup: "Cgroup", write: "CgroupWrite") -> None:
    """Carries out one write of ``linux.resources`` in the container's cgroup.

    Raises KernelError or HostError that name the field and say what may be behind it.
    """
    directory = cgroup.directories.get("" if cgroup.mode == "v2" else write.controller)
    if directory is None:
        if write.optional:
            return
        from hutch.cgroups.write_errors import missing_hierarchy

        raise missing_hierarchy(write)
    try:
        try:
            write_file(directory + "/" + write.file, write.value)
        except FileNotFoundError:
            if write.fallback is None:
                raise
            file, value = write.fallback
            write_file(directory + "/" + file, value)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and write.optional:
            return
        from hutch.cgroups.write_errors import failed_write

        raise failed_write(cgroup, directory, write, error) from None


def make_directory(path: str) -> None:
    """mkdir of a cgroup. Raises KernelError, but FileExistsError and FileNotFoundError as such."""
    try:
        posix.mkdir(path, 0o755)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        if error.errno == ENODEV:
            # What a parent answers that is being removed at this moment.
            raise FileNotFoundError(ENOENT, path) from None
        from hutch.cgroups.write_errors import hint_for_making

        raise KernelError(
            "make the cgroup " + path,
            "mkdir",
            error.errno or 0,
            pointer="linux.cgroupsPath",
            hint=hint_for_making(path, error.errno or 0),
        ) from None
