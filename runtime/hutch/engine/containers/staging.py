"""What warren itself mounts for a run, in the container's folder "staged"; the runtime binds it.

The runtime takes the source of a mount by its path. A path in a volume can be changed by whoever
writes to the volume, even into a link to the host's files, after it was looked at; so what is there
is bound here by its descriptor first.
"""

import errno
import os
import stat
from pathlib import Path

from hutch.engine.containers.places import Places
from hutch.engine.containers.rootfs import MNT_DETACH, layer_paths
from hutch.engine.containers.selinux import context, make_layers_usable
from hutch.errors import KernelError, UsageError, shown
from hutch.image.store import Store
from hutch.kernel.beneath import O_PATH, open_in_root
from hutch.kernel.mounts import bind, mount, unmount

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8


def stage_subpath(places: Places, name: str, top: Path, subpath: str) -> Path:
    """A file or folder below ``top``, none of whose links leads out of it, bound to a place of its
    own. Raises UsageError if it is not there, KernelError."""
    root = os.open(top, os.O_PATH | os.O_DIRECTORY)
    try:
        found = open_in_root(root, subpath, O_PATH)
    except OSError as error:
        raise UsageError(f"the subpath {shown(subpath)} is not there: {error.strerror}") from None
    finally:
        os.close(root)
    try:
        target = _place(places, name, folder=stat.S_ISDIR(os.stat(found).st_mode))
        bind(f"/proc/self/fd/{found}", str(target))
    finally:
        os.close(found)
    return target


def stage_image(store: Store, places: Places, name: str, manifest: str, label: str) -> Path:
    """An image's root file system, which cannot be written to; ``label`` is that of its files for
    SELinux. Raises ImageError, KernelError."""
    layers = layer_paths(store, manifest)
    if label:
        make_layers_usable(layers)
    links = _place(places, name + ".layers", folder=True)
    for number, layer in enumerate(layers):
        (links / str(number)).symlink_to(layer)
    (links / "empty").mkdir()  # an overlay without an upper folder has at least two
    target = _place(places, name, folder=True)
    folder = os.open(links, os.O_PATH | os.O_DIRECTORY)
    try:
        here = f"/proc/self/fd/{folder}"
        lower = [f"{here}/{number}" for number in reversed(range(len(layers)))]
        options = "lowerdir=" + ":".join([*lower, here + "/empty"])
        mount("overlay", str(target), "overlay", MS_RDONLY, options + context(label))
    finally:
        os.close(folder)
    return target


def stage_shm(places: Places, size: int, label: str) -> Path:
    """The shared memory of a container that others may join (--ipc shareable)."""
    target = _place(places, "shm", folder=True)
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    mount("shm", str(target), "tmpfs", flags, f"mode=1777,size={size}{context(label)}")
    return target


def stage_root(places: Places, group: int) -> Path:
    """The root file system where the container's root (--uidmap), of that group, can reach it; the
    store and its folders are closed to all but the host's root (S-77)."""
    top = places.reachable
    top.parent.mkdir(mode=0o711, exist_ok=True)
    top.mkdir(mode=0o710, exist_ok=True)
    os.chown(top, 0, group)
    target = top / "rootfs"
    target.mkdir(exist_ok=True)
    bind(str(places.rootfs), str(target))
    return target


def _place(places: Places, name: str, *, folder: bool) -> Path:
    places.staged.mkdir(mode=0o700, exist_ok=True)
    target = places.staged / name
    if folder:
        target.mkdir()
    else:
        target.touch()
    return target


def unstage(places: Places) -> None:
    """Takes all of it away; nothing if there is nothing. Raises KernelError if a mount stays: then
    the folder must not be deleted, since what is mounted would be."""
    if places.reachable.is_dir():
        target = places.reachable / "rootfs"
        if target.is_dir():
            _unmount(target)
            target.rmdir()
        places.reachable.rmdir()
    if not places.staged.is_dir():
        return
    for target in sorted(places.staged.iterdir()):
        _unmount(target)
        if target.name.endswith(".layers"):
            for link in target.iterdir():
                link.unlink() if link.is_symlink() else link.rmdir()
        target.rmdir() if target.is_dir() else target.unlink()
    places.staged.rmdir()


def _unmount(target: Path) -> None:
    """All that is mounted there. Raises KernelError."""
    while True:
        try:
            unmount(str(target), MNT_DETACH)
        except KernelError as error:
            if error.errno != errno.EINVAL:
                raise
            return
