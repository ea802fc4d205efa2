"""What a layer by itself cannot say: looked up in the layers below it, when all are there.

An archive may speak of ``a/b`` and not of ``a``. Applied over the merged tree, ``a`` keeps its
owner, mode and times; laid into a folder of its own for overlayfs it would become root's, 0755, and
hide the lower one's. Docker and podman leave it so. And a hard link may lead to a file of a lower
layer. Both are put right here, so that layers can be unpacked side by side.
"""

import os
import shutil
import stat
from dataclasses import dataclass

from ..errors import shown
from ..kernel.beneath import O_PATH, open_in_root
from .errors import ImageError
from .tree import Tree
from .whiteout import PREFIX, Overlay

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
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = below
        finally:
            os.close(here)
    return None


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


def complete(
    tree: Tree,
    links: list[tuple[bytes, bytes]],
    layers: list[int],
    overlay: Overlay,
    *,
    privileged: bool,
) -> None:
    """Settles a freshly unpacked layer against the ``layers`` below it, topmost first.

    ``links`` are (path, target) of hard links into lower layers. Raises ImageError for a link to
    nothing.
    """
    for path, target in links:
        found = find(layers, target, overlay)
        if found is None or stat.S_ISDIR(found.status.st_mode):
            raise ImageError(
                f"entry {shown(os.fsdecode(path))}: hard link to {shown(os.fsdecode(target))},"
                " which is not in the image"
            )
        _copy_up(tree, found)
        source, _ = tree.parent(target.rpartition(b"/")[0])
        directory, _ = tree.parent(path.rpartition(b"/")[0])
        os.link(
            target.rpartition(b"/")[2], path.rpartition(b"/")[2],
            src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False,
        )  # fmt: skip
    if is_opaque(tree.root):
        _hide_all(tree, layers, overlay)
    for path in sorted(tree.implied, key=lambda p: p.count(b"/") + bool(p), reverse=True):
        found = find(layers, path, overlay)
        if found is None or not stat.S_ISDIR(found.status.st_mode):
            continue
        lower = open_in_root(found.root, path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with tree.folder(path) as own:
                _copy_metadata(lower, own, found.status, privileged)
        finally:
            os.close(lower)
    tree.close()


def _hide_all(tree: Tree, layers: list[int], overlay: Overlay) -> None:
    """An opaque root: overlayfs knows no such thing, so each name of the layers below is hidden."""
    for root in layers:
        for child in os.listdir(root):
            overlay.whiteout(tree, tree.root, b"", PREFIX + os.fsencode(child))


def _copy_up(tree: Tree, found: Found) -> None:
    """A lower layer's file into this one, as overlayfs itself would."""
    folder, _, name = found.path.rpartition(b"/")
    directory, _ = tree.parent(folder)
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
    source = open_in_root(found.root, found.path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        target = os.open(name, flags, 0o600, dir_fd=directory)
        try:
            with os.fdopen(os.dup(source), "rb") as old, os.fdopen(os.dup(target), "wb") as new:
                shutil.copyfileobj(old, new, 1 << 20)
            _copy_metadata(source, target, found.status, os.geteuid() == 0)
        finally:
            os.close(target)
    finally:
        os.close(source)
