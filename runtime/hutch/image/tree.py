"""A tree of files from a hostile archive. Every operation is relative to a descriptor in the tree.

Names are bytes. Parents are resolved as if the tree's root were "/" (openat2(2), RESOLVE_IN_ROOT),
and the last component is never followed (S-60, S-61). The tree is in a folder of mode 0700, so no
other user can change it at the same time (S-62, S-77).
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from hutch.errors import shown
from hutch.image.errors import ImageError
from hutch.image.folders import Folders
from hutch.image.limits import COMPONENT_BYTES, NAME_BYTES, Budget
from hutch.kernel.beneath import LINKS, O_PATH, open_in_root

DIRECTORY = O_PATH | os.O_DIRECTORY
READ_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
CACHED = 128
BATCH = 1000  # how many names of a folder are read at once


class Tree:
    """The directory that is open as ``root``; the caller closes it. Remembers the folders that it
    makes.

    ``budget`` counts these folders and limits their depth, measured after symlinks are resolved.
    """

    def __init__(self, root: int, budget: Budget) -> None:
        self.root = root
        self.budget = budget
        self.folders = Folders(budget)
        self._parents: dict[bytes, tuple[int, bytes]] = {}

    def close(self) -> None:
        """Closes the descriptors of parent folders."""
        for fd, _ in self._parents.values():
            os.close(fd)
        self._parents.clear()

    def parent(self, path: bytes, *, make: bool = True) -> tuple[int, bytes]:
        """A descriptor of the folder ``path``, and its path without symlinks. With ``make``, a
        folder that is missing is made.

        ``path`` has no ".." and no empty components; b"" is the root. The caller must not close the
        descriptor. Raises OSError, and ImageError if a file in the folder would be too deep.
        """
        known = self._parents.pop(path, None)
        if known is None:
            known = self._beside(path) or self._from_root(path, make)
            try:
                self._check_depth(known[1])
            except ImageError:
                os.close(known[0])
                raise
            if len(self._parents) >= CACHED:  # close the folder that was not used for longest
                os.close(self._parents.pop(next(iter(self._parents)))[0])
            self._parents[path] = known
            folder = self.folders.at(known[1])
            if not folder.implied and folder.time is None:
                folder.time = os.stat(known[0]).st_mtime_ns
        self._parents[path] = known
        return known

    def _check_depth(self, folder: bytes) -> None:
        """Raises ImageError if ``folder`` (a path without symlinks) is too deep for files in it."""
        deep = folder.count(b"/") + 2 > self.budget.limits.depth if folder else False
        if deep or len(folder) + 1 + COMPONENT_BYTES > NAME_BYTES:
            raise ImageError(f"folder {shown(os.fsdecode(folder[-60:]))}: too deep for files in it")

    def _beside(self, path: bytes) -> tuple[int, bytes] | None:
        """Opens the folder with one call, if its parent is already open; None if that is not so, or
        if it is not a folder."""
        above, _, name = path.rpartition(b"/")
        near = self._parents.get(above) if path else None
        if near is None:
            return None
        try:
            fd = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=near[0])
        except OSError:
            return None
        return fd, near[1] + b"/" + name if near[1] else name

    def _from_root(self, path: bytes, make: bool) -> tuple[int, bytes]:
        """Opens the folder by its complete path."""
        true = self._walk(path, make)
        return open_in_root(self.root, true, DIRECTORY | os.O_NOFOLLOW), true

    def forget(self, path: bytes) -> None:
        """Call this before ``path`` is removed. Closes the descriptors of it, of folders below it,
        and of folders that were reached through it."""
        below = path + b"/"
        for asked, (fd, true) in list(self._parents.items()):
            if asked == path or asked.startswith(below) or true == path or true.startswith(below):
                os.close(fd)
                del self._parents[asked]

    def _walk(self, path: bytes, make: bool) -> bytes:
        """The path of ``path`` without symlinks; none of them can lead out of the tree.

        With ``make``, missing folders are made with mode 0755 and counted as entries.
        """
        todo = [part for part in reversed(path.split(b"/")) if part]
        done: list[bytes] = []
        here = os.dup(self.root)
        links = 0
        try:
            while todo:
                part = todo.pop()
                if part == b".":
                    continue
                if part == b"..":
                    done = done[:-1]
                else:
                    try:
                        found = os.stat(part, dir_fd=here, follow_symlinks=False)
                    except FileNotFoundError:
                        if not make:
                            raise
                        self._check_depth(b"/".join(done))
                        self.budget.entry()
                        os.mkdir(part, 0o755, dir_fd=here)
                        os.chmod(part, 0o755, dir_fd=here)  # noqa: S103 as tar makes them
                        done.append(part)
                        self.folders.at(b"/".join(done)).implied = True
                        here = self._step(here, part)
                        continue
                    if stat.S_ISDIR(found.st_mode):
                        done.append(part)
                        here = self._step(here, part)
                        continue
                    if not stat.S_ISLNK(found.st_mode):
                        name = os.fsdecode(b"/".join([*done, part]))
                        raise NotADirectoryError(20, "not a directory", name)
                    links += 1
                    if links > LINKS:
                        raise OSError(40, "too many symbolic links", os.fsdecode(path))
                    target = os.readlink(part, dir_fd=here)
                    if target.startswith(b"/"):
                        done = []
                    todo += [part for part in reversed(target.split(b"/")) if part]
                os.close(here)
                here = open_in_root(self.root, b"/".join(done), DIRECTORY)
            return b"/".join(done)
        finally:
            os.close(here)

    @staticmethod
    def _step(here: int, part: bytes) -> int:
        try:
            return os.open(part, DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
        finally:
            os.close(here)

    def status(self, path: bytes) -> os.stat_result | None:
        """The status of ``path``, as of lstat(2); None if nothing is there."""
        return status_of(self.root, path)

    @contextmanager
    def folder(self, path: bytes) -> Iterator[int]:
        """Opens the folder ``path`` for reading. If its last component is a symlink, this fails."""
        fd = open_in_root(self.root, path, READ_FOLDER)
        try:
            yield fd
        finally:
            os.close(fd)

    def remove(self, directory: int, path: bytes) -> None:
        """Removes ``path``, whose parent is open as ``directory``, and everything in it."""
        name = path.rpartition(b"/")[2]
        self.forget(path)
        self.folders.drop(path)
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            remove_folder(directory, name)


def status_of(root: int, path: bytes) -> os.stat_result | None:
    """The status of ``path`` below ``root``, as of lstat(2); None if nothing is there."""
    try:
        fd = open_in_root(root, path, O_PATH | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return os.stat(fd)
    finally:
        os.close(fd)


def remove_folder(directory: int, name: bytes) -> int:
    """Removes the folder ``name`` in ``directory`` and everything in it. Returns the bytes on disk
    that are now free.

    A tree of any depth needs only two descriptors and one batch of names: before a folder is
    removed, the folders in it are moved up into the topmost one. If the process is killed, the next
    call removes the rest.
    """
    top = os.open(name, READ_FOLDER, dir_fd=directory)
    try:
        freed = _freed(os.stat(top)) + _empty(top, lambda child: _flatten(top, child))
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=directory)
    return freed


def _flatten(top: int, name: bytes) -> int:
    """Removes the folder ``name`` in ``top``; the folders in it are moved to ``top``."""
    folder = os.open(name, READ_FOLDER, dir_fd=top)

    def up(child: bytes) -> int:
        # A random name, so that no file has it already.
        os.rename(child, os.urandom(16).hex(), src_dir_fd=folder, dst_dir_fd=top)
        return 0

    try:
        freed = _freed(os.stat(folder)) + _empty(folder, up)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)
    return freed


def _empty(folder: int, away: Callable[[bytes], int]) -> int:
    """Unlinks the files in an open folder and calls ``away`` for each folder. Returns the bytes
    that are now free."""
    freed = 0
    while children := _batch(folder):
        for child in children:
            status = os.stat(child, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if status.st_mode & stat.S_IRWXU != stat.S_IRWXU and os.geteuid() != 0:
                    _let_in(folder, child)
                freed += away(child)
            else:
                os.unlink(child, dir_fd=folder)
                freed += _freed(status)
    return freed


def _let_in(folder: int, name: bytes) -> None:
    """Gives the owner all rights in a folder: without root he needs them to take it away."""
    child = os.open(name, O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        os.chmod(f"/proc/self/fd/{child}", stat.S_IRWXU)
    finally:
        os.close(child)


def _batch(folder: int) -> list[bytes]:
    """Some names in an open folder; [] if it is empty."""
    with os.scandir(folder) as children:
        return [os.fsencode(child.name) for child in islice(children, BATCH)]


def _freed(status: os.stat_result) -> int:
    """The bytes on disk that are free when this name is removed; 0 if the file has other names."""
    last = stat.S_ISDIR(status.st_mode) or status.st_nlink == 1
    return status.st_blocks * 512 if last else 0


def remove_tree(path: str) -> int:
    """Removes a file, or a folder of any depth with everything in it. Returns the bytes on disk
    that are now free; 0 if nothing is there.
    """
    parent, name = os.path.split(path.rstrip("/"))
    try:
        directory = os.open(parent or ".", DIRECTORY)
    except FileNotFoundError:
        return 0
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            return remove_folder(directory, os.fsencode(name))
        os.unlink(name, dir_fd=directory)
        return _freed(status)
    except FileNotFoundError:
        return 0
    finally:
        os.close(directory)


def split(name: bytes, what: str = "entry") -> tuple[bytes, ...]:
    """The components of a name in an archive. Raises ImageError if it could lead out of the tree.

    "/" at the front and "." are ignored. ".." removes the component before it, without looking
    whether that is a symlink. Other engines do the same.
    """
    if len(name) > NAME_BYTES:
        raise ImageError(f"{what}: a name of {len(name)} bytes; {NAME_BYTES} is the limit")
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                raise ImageError(f"{what} {shown(os.fsdecode(name))}: leads out of the layer")
            parts.pop()
        elif len(part) > COMPONENT_BYTES:
            raise ImageError(f"{what} {shown(os.fsdecode(name))}: a component over 255 bytes")
        elif part not in (b"", b"."):
            parts.append(part)
    return tuple(parts)
