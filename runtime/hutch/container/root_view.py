"""The files that a container will see, found from its plan: before it exists, or after a failure.

Nothing is mounted: a path is followed one component after the other through the root file system
and the sources of bind mounts. What a new file system will contain is not known, except that a
tmpfs is empty. Imported only by `check` and after an error.
"""

import posix
from errno import ELOOP, ENOENT, ENOTDIR

from hutch.kernel.beneath import open_in_root
from hutch.plan.operations import COVER_CONTENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.plan.operations import Bind, Mount, Operation

O_PATH = 0o10000000  # <fcntl.h>; posix has no O_PATH
S_IFMT, S_IFLNK, S_IFDIR, S_IFREG = 0o170000, 0o120000, 0o040000, 0o100000
LINKS = 40  # as the kernel's MAXSYMLINKS
EMPTY = ("tmpfs", "ramfs")


class Found:
    """What is at a path of the container.

    ``errno`` is 0 if it exists; None if it cannot be known. ``path`` is the path of the container
    after all symbolic links, ``mode``, ``uid`` and ``gid`` those of stat(2) on the host, ``tree``
    and ``inner`` the host's directory and the path in it; ``origin`` is the field of the mount that
    it is on ("": the root).
    """

    __slots__ = ("errno", "gid", "inner", "mode", "origin", "path", "tree", "uid")

    def __init__(self, path: str, errno: "int | None", origin: str) -> None:
        self.path = path
        self.errno = errno
        self.origin = origin
        self.mode = self.uid = self.gid = 0
        self.tree = self.inner = ""

    def kind(self) -> str:
        """The kind of file in words."""
        names = {0o140000: "a socket", 0o060000: "a block device", 0o020000: "a character device"}
        names.update({S_IFDIR: "a directory", S_IFREG: "a file", 0o010000: "a FIFO"})
        return names.get(self.mode & S_IFMT, "no file")

    def is_directory(self) -> bool:
        return self.mode & S_IFMT == S_IFDIR

    def read(self, size: int) -> bytes:
        """The first bytes of the file; b"" if it cannot be read."""
        try:
            fd = _open(self.tree, self.inner, posix.O_RDONLY | posix.O_NONBLOCK)
        except OSError:
            return b""
        try:
            return posix.read(fd, size)
        except OSError:
            return b""
        finally:
            posix.close(fd)


class RootView:
    """The container's files after the mounts of ``operations``, the plan of a container."""

    def __init__(self, operations: "Sequence[Operation]") -> None:
        self.root = ""
        self._mounts: list[tuple[str, Bind | Mount]] = []
        for operation in operations:
            if operation.name == "open_root":
                self.root = operation.path
            elif operation.name == "bind" or operation.name == "mount":  # noqa: PLR1714 - for mypy
                # The path of the container that the destination leads to.
                place = self.find(operation.target)
                target = operation.target if place.errno else place.path
                self._mounts.append((target.rstrip("/"), operation))

    def mounts(self) -> "list[Bind | Mount]":
        """The mounts in their order; ``find`` counts them."""
        return [operation for _, operation in self._mounts]

    def find(self, path: str, before: int = -1, *, follow: bool = True) -> Found:
        """What is at the absolute ``path``; symbolic links are followed as the container will.

        ``before``: only the mounts before this number count (-1: all).
        """
        done: list[str] = []
        todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        links = 0
        found = self._look("/", before)
        while todo:
            part = todo.pop()
            if part == "..":
                done = done[:-1]
                found = self._look("/" + "/".join(done), before)
                continue
            found = self._look("/" + "/".join([*done, part]), before)
            if found.errno != 0:
                return found
            if found.mode & S_IFMT == S_IFLNK and (follow or todo):
                links += 1
                target = _link(found)
                if links > LINKS:
                    found.errno = ELOOP
                    return found
                if target[:1] == "/":
                    done = []
                todo += [p for p in reversed(target.split("/")) if p not in ("", ".")]
                found = self._look("/" + "/".join(done), before)
                continue
            if todo and not found.is_directory():
                found.errno = ENOTDIR
                return found
            done.append(part)
        return found

    def _look(self, path: str, before: int) -> Found:
        """lstat(2) of a path whose parent has no symbolic links."""
        mount, below = None, path
        mounts = self._mounts if before < 0 else self._mounts[:before]
        for target, operation in mounts:
            if path == target or path.startswith(target + "/"):
                mount, below = operation, path[len(target) :]
        found = self._in(mount, path, below)
        if found.errno == ENOENT and any(target.startswith(path + "/") for target, _ in mounts):
            # The runtime makes the directories above a mount.
            found.errno, found.mode = 0, S_IFDIR
        return found

    def _in(self, mount: "Bind | Mount | None", path: str, below: str) -> Found:
        if mount is None:
            found = Found(path, 0, "")
            found.tree = self.root
        else:
            found = Found(path, 0, mount.origin)
            if mount.name == "mount":
                if not below:
                    found.mode = S_IFDIR
                else:
                    plain = mount.fstype in EMPTY and not mount.cover & COVER_CONTENTS
                    found.errno = ENOENT if plain else None
                return found
            source = mount.source
            if not isinstance(source, str):
                found.errno = None
                return found
            found.tree = source
        found.inner = below
        try:
            fd = _open(found.tree, below, O_PATH | posix.O_NOFOLLOW)
        except OSError as error:
            found.errno = error.errno if error.errno in (ENOENT, ENOTDIR, ELOOP) else None
            return found
        try:
            status = posix.fstat(fd)
            found.mode, found.uid, found.gid = status.st_mode, status.st_uid, status.st_gid
        finally:
            posix.close(fd)
        return found


def _open(tree: str, inner: str, flags: int) -> int:
    if not inner.strip("/"):
        return posix.open(tree, flags & ~posix.O_NOFOLLOW | posix.O_CLOEXEC)
    root = posix.open(tree, O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
    try:
        return open_in_root(root, inner, flags)
    finally:
        posix.close(root)


def _link(found: Found) -> str:
    name = found.inner.rpartition("/")
    fd = _open(found.tree, name[0], O_PATH | posix.O_DIRECTORY)
    try:
        return posix.readlink(name[2], dir_fd=fd)
    finally:
        posix.close(fd)
