"""Completes an unpacked layer with information from the layers below it.

Layers are unpacked at the same time, each in its own folder. Three things then need the lower
layers, and this module does them when all lower layers are complete:

- An archive may contain ``a/b`` but not ``a``. The folder ``a`` must keep the owner, mode and times
  that it has in the lower layers; otherwise overlayfs would show it as root's with mode 0755 (as
  Docker and podman do).
- The target of a hard link may be in a lower layer.
- A whiteout may lie below a path that is not a folder in the lower layers.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from errno import ENXIO

from hutch.errors import shown
from hutch.image.errors import ImageError
from hutch.image.tree import READ_FOLDER, Tree
from hutch.image.unpack import explained
from hutch.image.whiteout import PREFIX, Overlay
from hutch.kernel.beneath import O_PATH, open_in_root

OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")
KEPT_XATTRS = ("user.", "trusted.", "system.posix_acl_", "security.capability")


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a lower layer: a descriptor of the layer's root, and the file's path there."""

    root: int
    path: bytes
    status: os.stat_result


def find(layers: list[int], path: bytes, overlay: Overlay) -> Found | None:
    """Finds ``path`` in ``layers``, descriptors of layer roots from the topmost down. None if it
    does not exist or is hidden by a whiteout.

    Symlinks in the path are not followed: such a path is not found. b"" is the topmost root.
    """
    if not path:
        return Found(layers[0], b"", os.stat(layers[0])) if layers else None
    parts = path.split(b"/")
    for root in layers:
        here = os.dup(root)
        try:
            for place, part in enumerate(parts):
                try:
                    status = os.stat(part, dir_fd=here, follow_symlinks=False)
                except FileNotFoundError:
                    if is_opaque(here):
                        return None
                    break
                if overlay.is_whiteout(status):
                    return None
                if place == len(parts) - 1:
                    return Found(root, path, status)
                if not stat.S_ISDIR(status.st_mode):
                    return None
                below = os.open(part, READ_FOLDER, dir_fd=here)
                os.close(here)
                here = below
        finally:
            os.close(here)
    return None


def is_opaque_folder(path: str) -> bool:
    """Whether the folder at ``path`` hides the files of lower layers from overlayfs. Raises
    OSError, also if the path is a symbolic link."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        return is_opaque(folder)
    finally:
        os.close(folder)


def is_opaque(folder: int) -> bool:
    for name in OPAQUE:
        try:
            if os.getxattr(folder, name) == b"y":
                return True
        except OSError:
            continue
    return False


def _copy_metadata(source: int, target: int, status: os.stat_result, privileged: bool) -> None:
    if privileged:
        os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source):
        if name.startswith(KEPT_XATTRS) and name not in OPAQUE:
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def complete(tree: Tree, layers: list[int], overlay: Overlay, *, privileged: bool) -> None:
    """Completes a newly unpacked layer with the ``layers`` below it, given from the topmost down.

    Raises ImageError if the layer cannot be completed, for example if the target of a hard link
    does not exist; KernelError if the host refuses a call.
    """
    path = b""
    try:
        for path, target in list(_links(tree)):
            _settle_link(tree, layers, overlay, path, target)
        path = b""
        if is_opaque(tree.root):
            _hide_all(tree, layers, overlay)
        for path, folder in tree.folders.inside_out():
            if folder.implied:
                _settle_folder(tree, layers, overlay, path, privileged=privileged)
            elif folder.time is not None:  # links were made or folders removed in it
                with tree.folder(path) as own:
                    os.utime(own, ns=(folder.time, folder.time))
    except OSError as error:
        raise explained(path, error) from error
    finally:
        tree.close()
        tree.folders.forget()


def _links(tree: Tree) -> Iterator[tuple[bytes, bytes]]:
    """Path and target of each hard link that must still be made. Their folders exist."""
    for path, folder in tree.folders.inside_out():
        for name, target in folder.links.items():
            yield (path + b"/" + name if path else name), target


def _settle_link(
    tree: Tree, layers: list[int], overlay: Overlay, path: bytes, target: bytes
) -> None:
    """Makes the hard link ``path`` to a file of a lower layer. The file is copied into this layer
    first."""
    found = find(layers, target, overlay)
    if found is None or stat.S_ISDIR(found.status.st_mode):
        raise ImageError(
            f"entry {shown(os.fsdecode(path))}: hard link to {shown(os.fsdecode(target))},"
            " which is not in the image"
        )
    where, _, name = path.rpartition(b"/")
    directory, _ = tree.parent(where)
    try:
        source, true = tree.parent(target.rpartition(b"/")[0])
    except NotADirectoryError:
        # In this layer, the folder of the target has been replaced by a file.
        _copy_up(tree, found, directory, name)
        return
    base = target.rpartition(b"/")[2]
    copied = tree.folders.at(true).links
    if tree.status(target) is None:
        _copy_up(tree, found, source, base)
        copied[base] = target
    if path == target:
        return
    if copied.get(base) == target:
        os.link(base, name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
    else:
        # This layer has another file at the target's path. The link is to the lower layer's file.
        _copy_up(tree, found, directory, name)


def _settle_folder(
    tree: Tree, layers: list[int], overlay: Overlay, path: bytes, *, privileged: bool
) -> None:
    """Copies the metadata of a folder that this layer does not describe from the lower layer."""
    found = find(layers, path, overlay)
    if found is None or not stat.S_ISDIR(found.status.st_mode):
        if path:
            _remove_marks(tree, path, overlay)
        return
    lower = open_in_root(found.root, path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with tree.folder(path) as own:
            _copy_metadata(lower, own, found.status, privileged)
    finally:
        os.close(lower)


def _remove_marks(tree: Tree, path: bytes, overlay: Overlay) -> None:
    """Removes a folder that has only whiteouts, if the lower layers have no such folder. Such
    whiteouts hide nothing."""
    with tree.folder(path) as own:
        marks = []
        with os.scandir(own) as children:
            for child in children:
                if not overlay.is_whiteout(child.stat(follow_symlinks=False)):
                    return
                marks.append(child.name)
        for name in marks:
            os.unlink(name, dir_fd=own)
    directory, _ = tree.parent(path.rpartition(b"/")[0])
    tree.forget(path)
    os.rmdir(path.rpartition(b"/")[2], dir_fd=directory)


def _hide_all(tree: Tree, layers: list[int], overlay: Overlay) -> None:
    """Makes a whiteout for each name in the roots of the lower layers, because overlayfs does not
    support an opaque root."""
    for root in layers:
        with os.scandir(root) as children:
            for child in children:
                overlay.whiteout(tree, tree.root, b"", PREFIX + os.fsencode(child.name))


def _copy_up(tree: Tree, found: Found, directory: int, name: bytes) -> None:
    """Copies a file of a lower layer to ``name`` in ``directory``, like a copy-up of overlayfs."""
    tree.budget.entry()
    if stat.S_ISLNK(found.status.st_mode):
        link = open_in_root(found.root, found.path, O_PATH | os.O_NOFOLLOW)
        try:
            os.symlink(os.readlink(b"", dir_fd=link), name, dir_fd=directory)
        finally:
            os.close(link)
        return
    if not stat.S_ISREG(found.status.st_mode):
        os.mknod(name, found.status.st_mode, found.status.st_rdev, dir_fd=directory)
        return
    tree.budget.produce(found.status.st_blocks * 512)
    source = open_in_root(found.root, found.path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        target = os.open(name, flags, 0o600, dir_fd=directory)
        try:
            _copy_data(source, target, found.status.st_size)
            _copy_metadata(source, target, found.status, os.geteuid() == 0)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _copy_data(source: int, target: int, size: int) -> None:
    """Copies the content of a file. Holes stay holes."""
    os.ftruncate(target, size)
    end = 0
    while end < size:
        try:
            at = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == ENXIO:  # the rest is a hole (lseek(2))
                return
            raise
        end = os.lseek(source, at, os.SEEK_HOLE)
        while at < end:
            data = os.pread(source, min(end - at, 1 << 20), at)
            if not data:
                return
            at += os.pwrite(target, data, at)
