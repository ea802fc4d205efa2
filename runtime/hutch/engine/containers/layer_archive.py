"""What overlayfs keeps of a container's changes, written as a layer's archive (layer.md)."""

import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from hutch.image.lower_layers import OPAQUE, is_opaque_folder
from hutch.image.whiteout import Overlay

SKIPPED = ("trusted.overlay.", "user.overlay.", "security.selinux")


Owners = Callable[[int, int], tuple[int, int]]


def write_layer(upper: Path, output: IO[bytes], owners: Owners) -> None:
    """A tar archive of the folder: device 0:0 becomes ``.wh.NAME``, an opaque folder has
    ``.wh..wh..opq``. Sockets are left out. ``owners`` gives the ids in the layer of those on disk.
    Raises OSError."""
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        _folder(archive, str(upper), "", {}, owners)


def _folder(
    archive: tarfile.TarFile,
    top: str,
    folder: str,
    links: dict[tuple[int, int], str],
    owners: Owners,
) -> None:
    overlay = Overlay()
    for entry in sorted(os.scandir(top + "/" + folder), key=lambda one: one.name):
        name = folder + entry.name
        status = entry.stat(follow_symlinks=False)
        if overlay.is_whiteout(status):
            archive.addfile(_empty(folder + ".wh." + entry.name))
            continue
        if stat.S_ISSOCK(status.st_mode):
            continue
        info = archive.gettarinfo(entry.path, name)
        info.uname = info.gname = ""
        info.uid, info.gid = owners(info.uid, info.gid)
        info.pax_headers = _xattrs(entry.path)
        if stat.S_ISREG(status.st_mode):
            first = links.setdefault((status.st_dev, status.st_ino), name)
            if status.st_nlink > 1 and first != name:
                info.type, info.linkname, info.size = tarfile.LNKTYPE, first, 0
                archive.addfile(info)
                continue
            info.type, info.size = tarfile.REGTYPE, status.st_size
            with open(entry.path, "rb") as file:
                archive.addfile(info, file)
            continue
        archive.addfile(info)
        if stat.S_ISDIR(status.st_mode):
            if is_opaque_folder(entry.path):
                archive.addfile(_empty(name + "/.wh..wh..opq"))
            _folder(archive, top, name + "/", links, owners)


def _empty(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode = 0
    return info


def _xattrs(path: str) -> dict[str, str]:
    """Extended attributes as PAX headers, without overlayfs's own."""
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        if not name.startswith(SKIPPED) and name not in OPAQUE:
            value = os.getxattr(path, name, follow_symlinks=False)
            found["SCHILY.xattr." + name] = value.decode("utf-8", "surrogateescape")
    return found
