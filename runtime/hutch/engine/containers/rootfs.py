"""A container's root file system: an overlay of the image's layers and a folder of its own."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.engine.containers.places import Places
from hutch.engine.containers.selinux import context, files_label, make_layers_usable
from hutch.errors import HostError, KernelError
from hutch.image.digest import Digest
from hutch.image.errors import ImageError
from hutch.image.store import Store
from hutch.kernel.mounts import mount, unmount

if TYPE_CHECKING:
    from hutch.engine.containers.options import Options

MNT_DETACH = 2
PAGE = 4096  # of options, mount(2) reads no more


def is_mounted(path: Path) -> bool:
    """Whether something is mounted on the folder: it lies on another device than its parent, or
    is the parent's root."""
    return os.path.ismount(path)


def mount_rootfs(
    store: Store, manifest: str, places: Places, options: "Options", *, volatile: bool = False
) -> None:
    """Mounts the overlay on ``places.rootfs``, if it is not mounted yet.

    With ``volatile`` what the container writes is not synced to disk when it is unmounted, which
    takes some 20 ms: for a container that is removed when it ends.

    The layers are named through links in a folder of the container, since mount(2) takes but a
    page of options. Raises ImageError if a layer is missing, KernelError.
    """
    if is_mounted(places.rootfs):
        return
    layers = layer_paths(store, manifest)
    label = files_label(options, places.id)
    if label:
        make_layers_usable(layers)
    more = context(label)
    if volatile:
        more += ",volatile"
        _forget_volatile(places)
    if options.uid_map:
        from hutch.engine.containers.id_maps import mapped, root_of

        os.chown(places.upper, *root_of(options))
        with mapped(layers, options, places.staged) as mounts:
            _mount(places, mounts, more)
    else:
        _mount(places, layers, more)


def _mount(places: Places, layers: list[Path], more: str) -> None:
    for old in places.lower.iterdir():
        old.unlink()
    for number, layer in enumerate(layers):
        (places.lower / str(number)).symlink_to(layer)
    if not layers:
        (places.lower / "0").mkdir(exist_ok=True)
    names = reversed(range(max(len(layers), 1)))
    folder = os.open(places.folder, os.O_PATH | os.O_DIRECTORY)
    try:
        here = f"/proc/self/fd/{folder}"
        lower = ":".join(f"{here}/lower/{number}" for number in names)
        options = f"lowerdir={lower},upperdir={here}/upper,workdir={here}/work,index=off"
        if os.geteuid() != 0 or Path("/proc/self/uid_map").read_text().split() != [
            "0", "0", "4294967295",
        ]:  # fmt: skip
            options += ",userxattr"
        options += more
        if len(options) >= PAGE:
            raise HostError(f"the image has {len(layers)} layers: more than one mount can take")
        mount("overlay", f"{here}/rootfs", "overlay", 0, options)
    except KernelError as error:
        if error.errno == errno.ENODEV:
            raise HostError(
                "the kernel has no overlay file system", hint="modprobe overlay"
            ) from None
        raise
    finally:
        os.close(folder)


def _forget_volatile(places: Places) -> None:
    """Removes the mark by which overlayfs refuses what was mounted volatile before, as after a
    power failure (overlayfs.rst, "Volatile mount"). This is for a container that is restarted."""
    incompatible = places.work / "work" / "incompat"
    for mark in (incompatible / "volatile", incompatible):
        with suppress(FileNotFoundError):
            mark.rmdir()


def layer_paths(store: Store, manifest: str) -> list[Path]:
    """The image's layers, lowest first. Raises ImageError for one that is missing."""
    paths = [store.layer_path(chain) for chain in store.database.chains_of(Digest.parse(manifest))]
    for path in paths:
        if not path.is_dir():
            raise ImageError(f"the layer {path} is missing", hint="warren system check --repair")
    return paths


def unmount_rootfs(places: Places) -> None:
    """Unmounts the overlay, if it is mounted, even while it is in use."""
    while is_mounted(places.rootfs):
        try:
            unmount(str(places.rootfs), MNT_DETACH)
        except KernelError as error:
            if error.errno != errno.EINVAL:
                raise
            return


@contextmanager
def mounted(store: Store, manifest: str, places: Places, options: "Options") -> Iterator[Path]:
    """The root file system, mounted for a while if it is not; the caller has the container's
    lock."""
    was = is_mounted(places.rootfs)
    mount_rootfs(store, manifest, places, options)
    try:
        yield places.rootfs
    finally:
        if not was:
            unmount_rootfs(places)
