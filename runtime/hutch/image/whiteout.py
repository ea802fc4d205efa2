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
    """How whiteouts and replaced files change a tree. ``stands_alone``: the tree has only this
    layer, and not also the layers below it."""

    stands_alone: bool

    def whiteout(self, tree: Tree, directory: int, parent: bytes, base: bytes) -> None:
        """Carries out the marker ``base`` in the folder ``parent``, open as ``directory``."""

    def note_written(self, path: bytes) -> None:
        """Records that the layer being unpacked has ``path``."""

    def has_written(self, path: bytes) -> bool:
        """Whether ``path`` is from the layer being unpacked, not from a lower layer."""

    def replace(self, tree: Tree, directory: int, path: bytes, was: os.stat_result) -> None:
        """Removes what is at ``path``, because the layer has another file there. ``was`` is its
        status."""

    def replaced_by_folder(
        self, tree: Tree, directory: int, base: bytes, was: os.stat_result
    ) -> None:
        """Called after a folder was made in the place of a file whose status was ``was``."""

    def is_whiteout(self, status: os.stat_result) -> bool:
        """Whether a file of the tree is the mark of a whiteout."""


def hidden_name(base: bytes) -> bytes | None:
    """The name that a marker hides; None for other files of AUFS, which are ignored. Raises
    ImageError."""
    if base.startswith(META):
        return None
    name = base[len(PREFIX) :]
    if name in (b"", b".", b".."):
        raise ImageError(f"a whiteout of {shown(os.fsdecode(name))}")
    return name


class Level:
    """A folder whose files are being removed. ``above`` is a descriptor of its parent. ``bare``:
    no file in it is kept."""

    def __init__(self, path: bytes, above: int) -> None:
        self.path = path
        self.above = above
        self.bare = True
        self.folder = os.open(path.rpartition(b"/")[2], READ_FOLDER, dir_fd=above)
        self.children = os.scandir(self.folder)

    def close(self) -> None:
        """Closes its descriptors."""
        self.children.close()
        os.close(self.folder)


class Merged:
    """A whiteout deletes the file: all layers are unpacked into one tree, the lowest first."""

    stands_alone = False

    def __init__(self) -> None:
        self._written: set[bytes] = set()

    def whiteout(self, tree: Tree, directory: int, parent: bytes, base: bytes) -> None:
        """Deletes files of lower layers. See ``Removal``."""
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
            self._remove_lower_files(tree, directory, path)
        elif path not in self._written:
            tree.remove(directory, path)

    def _remove_lower_files(self, tree: Tree, directory: int, path: bytes) -> None:
        """Removes the folder ``path`` and everything in it, except files of this layer and the
        folders that contain them.

        The open folders are a list, not recursive calls. There are at most as many as the limit of
        the depth.
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
        """See ``Removal``. A folder on the way to it is kept with it (``_remove_lower_files``)."""
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
        """Does nothing: ``replace`` has deleted the file."""

    def is_whiteout(self, status: os.stat_result) -> bool:
        """A merged tree has no marks."""
        return False


class Overlay:
    """A whiteout becomes a mark of overlayfs: a character device 0:0, or an xattr that makes a
    folder opaque (overlayfs.rst, "whiteouts and opaque directories").

    ``user_xattr``: the store of a user without root, who mounts with the option "userxattr".
    """

    stands_alone = True

    def __init__(self, *, user_xattr: bool = False) -> None:
        self._opaque = "user.overlay.opaque" if user_xattr else "trusted.overlay.opaque"

    def whiteout(self, tree: Tree, directory: int, parent: bytes, base: bytes) -> None:
        """Makes the mark for overlayfs. See ``Removal``."""
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
        """Does nothing: everything in the tree is from this layer."""

    def has_written(self, path: bytes) -> bool:
        """See ``Removal``."""
        return True

    def replace(self, tree: Tree, directory: int, path: bytes, was: os.stat_result) -> None:
        """See ``Removal``."""
        tree.remove(directory, path)

    def replaced_by_folder(
        self, tree: Tree, directory: int, base: bytes, was: os.stat_result
    ) -> None:
        """If the folder replaces a whiteout, it becomes opaque, so that the hidden files stay
        hidden."""
        if self.is_whiteout(was):
            self._set_opaque(directory, base)

    def is_whiteout(self, status: os.stat_result) -> bool:
        """Whether it is a whiteout of overlayfs."""
        return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
