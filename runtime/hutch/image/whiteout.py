"""Whiteouts (image-spec, layer.md, "Whiteouts"): the files of lower layers that a layer removes.

``.wh.NAME`` hides NAME of the lower layers; ``.wh..wh..opq`` hides all that the lower layers have
in its folder. A whiteout never hides files of its own layer, whichever entry comes first (S-65).
"""

import os
import stat
from typing import Protocol

from hutch.errors import shown
from hutch.image.errors import ImageError
from hutch.image.tree import READ_FOLDER, Tree

PREFIX = b".wh."
META = b".wh..wh."
OPAQUE = b".wh..wh..opq"


class Removal(Protocol):
    """How whiteouts and replacements are carried out in a tree."""

    stands_alone: bool

    def whiteout(self, tree: Tree, directory: int, parent: bytes, base: bytes) -> None:
        """Carries out the marker ``base`` in the folder ``parent``, open as ``directory``."""

    def note_written(self, path: bytes) -> None:
        """Tells that the layer itself brought ``path``."""

    def has_written(self, path: bytes) -> bool:
        """Whether what stands at ``path`` is the layer's own."""

    def replace(self, tree: Tree, directory: int, path: bytes, was: os.stat_result) -> None:
        """Takes away what stands at ``path`` (``was``), because the layer brings another thing."""

    def replaced_by_folder(
        self, tree: Tree, directory: int, base: bytes, was: os.stat_result
    ) -> None:
        """Tells that a folder now stands where ``was`` stood."""

    def is_whiteout(self, status: os.stat_result) -> bool:
        """Whether a file of the tree is a mark, not a file."""


def hidden_name(base: bytes) -> bytes | None:
    """The name a marker hides; None for AUFS's own files, which nobody keeps. Raises ImageError."""
    if base.startswith(META):
        return None
    name = base[len(PREFIX) :]
    if name in (b"", b".", b".."):
        raise ImageError(f"a whiteout of {shown(os.fsdecode(name))}")
    return name


class Level:
    """A folder on the way down; ``bare`` while nothing in it stays. ``above`` has its name."""

    def __init__(self, path: bytes, above: int) -> None:
        self.path = path
        self.above = above
        self.bare = True
        self.folder = os.open(path.rpartition(b"/")[2], READ_FOLDER, dir_fd=above)
        self.children = os.scandir(self.folder)

    def close(self) -> None:
        """Lets go of its descriptors."""
        self.children.close()
        os.close(self.folder)


class Merged:
    """Whiteouts delete: the layer is applied over the ones below it, in one tree."""

    stands_alone = False

    def __init__(self) -> None:
        self._written: set[bytes] = set()

    def whiteout(self, tree: Tree, directory: int, parent: bytes, base: bytes) -> None:
        """Deletes what lower layers brought. See ``Removal``."""
        if base == OPAQUE:
            with os.scandir(f"/proc/self/fd/{directory}") as children:
                for child in children:
                    name = os.fsencode(child.name)
                    self._delete(tree, directory, parent + b"/" + name if parent else name)
            return
        hidden = hidden_name(base)
        if hidden is not None:
            self._delete(tree, directory, parent + b"/" + hidden if parent else hidden)

    def _delete(self, tree: Tree, directory: int, path: bytes) -> None:
        name = path.rpartition(b"/")[2]
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(status.st_mode):
            tree.forget(path)
            self._thin_out(tree, directory, path)
        elif path not in self._written:
            tree.remove(directory, path)

    def _thin_out(self, tree: Tree, directory: int, path: bytes) -> None:
        """Takes away the folder ``path`` and all in it, but what the layer wrote and its way there.

        Nothing recurses: the levels are a list, and no more than the budget's depth.
        """
        levels = [Level(path, directory)]
        try:
            while levels:
                level = levels[-1]
                child = next(level.children, None)
                if child is None:
                    levels.pop().close()
                    if level.bare and level.path not in self._written:
                        os.rmdir(level.path.rpartition(b"/")[2], dir_fd=level.above)
                        tree.folders.drop(level.path)
                    elif levels:
                        levels[-1].bare = False
                    continue
                own = level.path + b"/" + os.fsencode(child.name)
                if child.is_dir(follow_symlinks=False):
                    levels.append(Level(own, level.folder))
                elif own in self._written:
                    level.bare = False
                else:
                    os.unlink(child.name, dir_fd=level.folder)
        finally:
            for level in levels:
                level.close()

    def note_written(self, path: bytes) -> None:
        """See ``Removal``. A folder on the way to it is kept with it (``_thin_out``)."""
        self._written.add(path)

    def has_written(self, path: bytes) -> bool:
        """See ``Removal``."""
        return path in self._written

    def replace(self, tree: Tree, directory: int, path: bytes, was: os.stat_result) -> None:
        """See ``Removal``."""
        tree.remove(directory, path)

    def replaced_by_folder(
        self, tree: Tree, directory: int, base: bytes, was: os.stat_result
    ) -> None:
        """Nothing is left to tell."""

    def is_whiteout(self, status: os.stat_result) -> bool:
        """No marks stay in a merged tree."""
        return False


class Overlay:
    """Whiteouts become overlayfs's own: a character device 0:0, an xattr on an opaque folder.

    ``user_xattr``: the store of an unprivileged user, mounted with the option "userxattr".
    """

    stands_alone = True

    def __init__(self, *, user_xattr: bool = False) -> None:
        self._opaque = "user.overlay.opaque" if user_xattr else "trusted.overlay.opaque"

    def whiteout(self, tree: Tree, directory: int, parent: bytes, base: bytes) -> None:
        """Leaves a mark for overlayfs. See ``Removal``."""
        if base == OPAQUE:
            self._set_opaque(directory, b".")
            return
        hidden = hidden_name(base)
        if hidden is None:
            return
        try:
            os.mknod(hidden, stat.S_IFCHR, 0, dir_fd=directory)
        except FileExistsError:
            status = os.stat(hidden, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                # The layer's own folder stays; what lower layers have in it is hidden.
                self._set_opaque(directory, hidden)

    def _set_opaque(self, directory: int, name: bytes) -> None:
        fd = os.open(name, READ_FOLDER, dir_fd=directory)
        try:
            os.setxattr(fd, self._opaque, b"y")
        finally:
            os.close(fd)

    def note_written(self, path: bytes) -> None:
        """All that is in the tree is the layer's own."""

    def has_written(self, path: bytes) -> bool:
        """See ``Removal``."""
        return True

    def replace(self, tree: Tree, directory: int, path: bytes, was: os.stat_result) -> None:
        """See ``Removal``."""
        tree.remove(directory, path)

    def replaced_by_folder(
        self, tree: Tree, directory: int, base: bytes, was: os.stat_result
    ) -> None:
        """A folder where a whiteout stood does not merge with what the whiteout hid."""
        if self.is_whiteout(was):
            self._set_opaque(directory, base)

    def is_whiteout(self, status: os.stat_result) -> bool:
        """Whether it is overlayfs's mark."""
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
