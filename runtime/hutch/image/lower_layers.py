"""Completes an unpacked layer with what only the layers below it know.

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
    """A file of a lower layer: the root it lies in, and its path there."""

    root: int
    path: bytes
    status: os.stat_result


def find(layers: list[int], path: bytes, overlay: Overlay) -> Found | None:
    """``path`` in the stack of layer roots, topmost first; None where it is not, or is hidden.

    Symlinks on the way are not followed: such a path is not found. b"" is the topmost's root.
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
    """Whether overlayfs shows nothing of lower layers in the folder at ``path``. Raises OSError,
    also where the path is a symbolic link."""
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
            elif folder.time is not None:  # links came into it, or a folder went
                with tree.folder(path) as own:
                    os.utime(own, ns=(folder.time, folder.time))
    except OSError as error:
        raise explained(path, error) from error
    finally:
        tree.close()
        tree.folders.forget()


def _links(tree: Tree) -> Iterator[tuple[bytes, bytes]]:
    """(path, target) of the hard links that wait; the folders that they are in are still there."""
    for path, folder in tree.folders.inside_out():
        for name, target in folder.links.items():
            yield (path + b"/" + name if path else name), target


def _settle_link(
    tree: Tree, layers: list[int], overlay: Overlay, path: bytes, target: bytes
) -> None:
    """Makes the hard link ``path`` to a lower layer's file, which comes up into this one."""
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
        # This layer has made a file of the folder that the target was in.
        _copy_up(tree, found, directory, name)
        return
    base = target.rpartition(b"/")[2]
    brought = tree.folders.at(true).links
    if tree.status(target) is None:
        _copy_up(tree, found, source, base)
        brought[base] = target
    if path == target:
        return
    if brought.get(base) == target:
        os.link(base, name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
    else:
        # This layer has another file there by now: the link is to what was there before it.
        _copy_up(tree, found, directory, name)


def _settle_folder(
    tree: Tree, layers: list[int], overlay: Overlay, path: bytes, *, privileged: bool
) -> None:
    """What the layer did not say of a folder, the folder below says."""
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
    """Takes a folder away that only whiteouts led to, and that is none below: they hide nothing."""
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
    """An opaque root: overlayfs knows no such thing, so each name of the layers below is hidden."""
    for root in layers:
        with os.scandir(root) as children:
            for child in children:
                overlay.whiteout(tree, tree.root, b"", PREFIX + os.fsencode(child.name))


def _copy_up(tree: Tree, found: Found, directory: int, name: bytes) -> None:
    """A lower layer's file as ``name`` into ``directory``, as overlayfs itself would."""
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
    """The content of one file into another; its holes stay holes."""
    os.ftruncate(target, size)
    end = 0
    while end < size:
        try:
            at = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == ENXIO:  # nothing but a hole follows
                return
            raise
        end = os.lseek(source, at, os.SEEK_HOLE)
        while at < end:
            data = os.pread(source, min(end - at, 1 << 20), at)
            if not data:
                return
            at += os.pwrite(target, data, at)
