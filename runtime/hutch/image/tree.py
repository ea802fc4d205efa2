"""A tree of files that a hostile archive fills: every act is relative to a descriptor in it.

Names are bytes. Parents are resolved as if the tree's root were "/" (openat2, RESOLVE_IN_ROOT), the
last component is never followed (S-60, S-61). The tree lies in a folder of mode 0700, so nobody
else moves things about in it (S-62, S-77).
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ..kernel.beneath import LINKS, O_PATH, open_in_root
from .errors import ImageError

DIRECTORY = O_PATH | os.O_DIRECTORY
CACHED = 128


class Tree:
    """The directory open as ``root``; not closed by us. Folders made on the way are remembered."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.implied: set[bytes] = set()  # parents that no entry has described
        self.touched: dict[bytes, int] = {}  # folders that were there, with their times before
        self._parents: dict[bytes, tuple[int, bytes]] = {}

    def close(self) -> None:
        """Forgets the descriptors of parent folders."""
        for fd, _ in self._parents.values():
            os.close(fd)
        self._parents.clear()

    def parent(self, path: bytes) -> tuple[int, bytes]:
        """A descriptor of the folder ``path`` and its true path; made if it is not there.

        ``path`` has no ".." and no empty components; b"" is the root. The descriptor stays ours.
        """
        known = self._parents.pop(path, None)
        if known is None:
            known = self._beside(path) or self._from_root(path)
            if len(self._parents) >= CACHED:  # the one used longest ago
                os.close(self._parents.pop(next(iter(self._parents)))[0])
            if known[1] not in self.implied and known[1] not in self.touched:
                self.touched[known[1]] = os.stat(known[0]).st_mtime_ns
        self._parents[path] = known
        return known

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

    def _from_root(self, path: bytes) -> tuple[int, bytes]:
        """The folder by its whole path, made if it is not there."""
        true = self._make(path)
        return open_in_root(self.root, true, DIRECTORY | os.O_NOFOLLOW), true

    def forget(self, path: bytes) -> None:
        """``path`` is going away: no descriptor of it, below it or reached through it is kept."""
        below = path + b"/"
        for asked, (fd, true) in list(self._parents.items()):
            if asked == path or asked.startswith(below) or true == path or true.startswith(below):
                os.close(fd)
                del self._parents[asked]

    def _make(self, path: bytes) -> bytes:
        """Walks to ``path`` through symlinks kept inside; makes folders that are missing (0755)."""
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
                        os.mkdir(part, 0o755, dir_fd=here)
                        os.chmod(part, 0o755, dir_fd=here)  # noqa: S103 as tar makes them
                        done.append(part)
                        self.implied.add(b"/".join(done))
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
        try:
            fd = open_in_root(self.root, path, O_PATH | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            return os.stat(fd)
        finally:
            os.close(fd)

    @contextmanager
    def folder(self, path: bytes) -> Iterator[int]:
        """The folder ``path`` open for reading, not through a symlink in its last component."""
        fd = open_in_root(self.root, path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield fd
        finally:
            os.close(fd)

    def remove(self, directory: int, path: bytes) -> None:
        """Takes away ``path``, whose parent is open as ``directory``, with everything in it."""
        name = path.rpartition(b"/")[2]
        self.forget(path)
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            self.empty(directory, name)
            os.rmdir(name, dir_fd=directory)

    def empty(self, directory: int, name: bytes, keep: "set[bytes] | None" = None,
              path: bytes = b"") -> bool:  # fmt: skip
        """Takes away what is in the folder ``name``, but not the paths in ``keep``.

        ``path`` is the folder's own path in the tree (only needed with ``keep``). Says whether
        nothing is left. Folders are walked with a stack of descriptors, never by a joined path.
        """
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        try:
            bare = True
            for child in os.listdir(folder):
                raw = os.fsencode(child)
                own = path + b"/" + raw if path else raw
                kept = keep is not None and own in keep
                status = os.stat(raw, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    if self.empty(folder, raw, keep, own) and not kept:
                        os.rmdir(raw, dir_fd=folder)
                    else:
                        bare = False
                elif kept:
                    bare = False
                else:
                    os.unlink(raw, dir_fd=folder)
            return bare
        finally:
            os.close(folder)


def remove_tree(path: str) -> None:
    """Takes away a folder of ours and all in it, however deep; nothing there is no error."""
    parent, name = os.path.split(path.rstrip("/"))
    try:
        directory = os.open(parent or ".", DIRECTORY)
    except FileNotFoundError:
        return
    try:
        tree = Tree(directory)
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            tree.empty(directory, os.fsencode(name))
            os.rmdir(name, dir_fd=directory)
        else:
            os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return
    finally:
        os.close(directory)


def split(name: bytes, what: str = "entry") -> tuple[bytes, ...]:
    """The components of a name in an archive; raises ImageError for one that could lead out.

    "/" at the front and "." are passed over, as every engine does; ".." is refused wherever it
    stands, since what it means would depend on symlinks.
    """
    from ..errors import shown
    from .limits import COMPONENT_BYTES, NAME_BYTES

    if len(name) > NAME_BYTES:
        raise ImageError(f"{what}: a name of {len(name)} bytes; {NAME_BYTES} is the limit")
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if b".." in parts:
        raise ImageError(f"{what} {shown(os.fsdecode(name))}: leads out of the layer")
    if any(len(part) > COMPONENT_BYTES for part in parts):
        raise ImageError(f"{what} {shown(os.fsdecode(name))}: a component over 255 bytes")
    return parts
