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
BATCH = 1000  # names of a folder that are read at once


class Tree:
    """The directory open as ``root``; not closed by us. Folders made on the way are remembered.

    ``budget`` counts them, and says how deep they may truly lie, whatever symlinks lead there.
    """

    def __init__(self, root: int, budget: Budget) -> None:
        self.root = root
        self.budget = budget
        self.folders = Folders(budget)
        self._parents: dict[bytes, tuple[int, bytes]] = {}

    def close(self) -> None:
        """Forgets the descriptors of parent folders."""
        for fd, _ in self._parents.values():
            os.close(fd)
        self._parents.clear()

    def parent(self, path: bytes, *, make: bool = True) -> tuple[int, bytes]:
        """A descriptor of the folder ``path`` and its true path; with ``make``, made if missing.

        ``path`` has no ".." and no empty components; b"" is the root. The descriptor stays ours.
        Raises OSError, and ImageError where something in it would lie too deep.
        """
        known = self._parents.pop(path, None)
        if known is None:
            known = self._beside(path) or self._from_root(path, make)
            if len(self._parents) >= CACHED:  # the one used longest ago
                os.close(self._parents.pop(next(iter(self._parents)))[0])
            self._parents[path] = known
            self._check_depth(known[1])
            folder = self.folders.at(known[1])
            if not folder.implied and folder.time is None:
                folder.time = os.stat(known[0]).st_mtime_ns
        self._parents[path] = known
        return known

    def _check_depth(self, folder: bytes) -> None:
        """Raises ImageError where nothing may be made in ``folder`` (its true path)."""
        deep = folder.count(b"/") + 2 > self.budget.limits.depth if folder else False
        if deep or len(folder) + 1 + COMPONENT_BYTES > NAME_BYTES:
            raise ImageError(f"folder {shown(os.fsdecode(folder[-60:]))}: too deep to lay files in")

    def _beside(self, path: bytes) -> tuple[int, bytes] | None:
        """The folder, if the one above it is open and it is really a folder there: one step."""
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
        """The folder by its whole path."""
        true = self._walk(path, make)
        return open_in_root(self.root, true, DIRECTORY | os.O_NOFOLLOW), true

    def forget(self, path: bytes) -> None:
        """``path`` is going away: no descriptor of it, below it or reached through it is kept."""
        below = path + b"/"
        for asked, (fd, true) in list(self._parents.items()):
            if asked == path or asked.startswith(below) or true == path or true.startswith(below):
                os.close(fd)
                del self._parents[asked]

    def _walk(self, path: bytes, make: bool) -> bytes:
        """The true path of ``path``, through symlinks kept inside.

        With ``make``, folders that are missing are made (0755), and counted as entries.
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
        """What ``path`` is (a symlink is itself), None if there is nothing."""
        return status_of(self.root, path)

    @contextmanager
    def folder(self, path: bytes) -> Iterator[int]:
        """The folder ``path`` open for reading, not through a symlink in its last component."""
        fd = open_in_root(self.root, path, READ_FOLDER)
        try:
            yield fd
        finally:
            os.close(fd)

    def remove(self, directory: int, path: bytes) -> None:
        """Takes away ``path``, whose parent is open as ``directory``, with everything in it."""
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
    """What ``path`` beneath ``root`` is (a symlink is itself), None if nothing is there."""
    try:
        fd = open_in_root(root, path, O_PATH | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return os.stat(fd)
    finally:
        os.close(fd)


def remove_folder(directory: int, name: bytes) -> int:
    """Takes away the folder ``name`` in ``directory`` with all in it; the bytes of disk set free.

    However deep it is, two descriptors and the names of a batch are all that it takes: the folders
    in a folder are moved up, below the topmost one, before that folder goes. What is left by a
    killed process is taken away by the next call.
    """
    top = os.open(name, READ_FOLDER, dir_fd=directory)
    try:
        freed = _freed(os.stat(top)) + _empty(top, lambda child: _flatten(top, child))
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=directory)
    return freed


def _flatten(top: int, name: bytes) -> int:
    """Takes away the folder ``name`` of ``top``, but for its folders, which move to ``top``."""
    folder = os.open(name, READ_FOLDER, dir_fd=top)

    def up(child: bytes) -> int:
        # A name that nobody could foresee, so it is nobody's yet.
        os.rename(child, os.urandom(16).hex(), src_dir_fd=folder, dst_dir_fd=top)
        return 0

    try:
        freed = _freed(os.stat(folder)) + _empty(folder, up)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)
    return freed


def _empty(folder: int, away: Callable[[bytes], int]) -> int:
    """Unlinks what is in an open folder; ``away`` deals with the folders. The bytes set free."""
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
    """Some names of what is in an open folder; none once it is empty."""
    with os.scandir(folder) as children:
        return [os.fsencode(child.name) for child in islice(children, BATCH)]


def _freed(status: os.stat_result) -> int:
    """What goes with this name, in bytes of disk: nothing while a file has other names."""
    last = stat.S_ISDIR(status.st_mode) or status.st_nlink == 1
    return status.st_blocks * 512 if last else 0


def remove_tree(path: str) -> int:
    """Takes away a file or folder of ours and all in it, however deep; the bytes of disk set free.

    Nothing there is no error.
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
