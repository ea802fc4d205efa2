"""Compares each file of an unpacked layer with the archive of the layer. Nothing is written."""

import os
import stat
from collections.abc import Iterator
from typing import IO

from hutch.errors import shown
from hutch.image.digest import Digest
from hutch.image.errors import ImageError
from hutch.image.inflate import inflate
from hutch.image.layer import diff_verified, metered
from hutch.image.layout import READ
from hutch.image.limits import Budget, Limits
from hutch.image.manifest import LAYERS_TYPES, Descriptor
from hutch.image.ownership import Ownership
from hutch.image.tarstream import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    FILE,
    LINK,
    SYMLINK,
    Chunks,
    Entry,
    TarReader,
)
from hutch.image.tree import split, status_of
from hutch.image.whiteout import PREFIX
from hutch.kernel.beneath import open_in_root

FORMATS = {
    FILE: stat.S_IFREG,
    SYMLINK: stat.S_IFLNK,
    CHARACTER: stat.S_IFCHR,
    BLOCK_DEVICE: stat.S_IFBLK,
    DIRECTORY: stat.S_IFDIR,
    FIFO: stat.S_IFIFO,
}


# The layer was within the limits when it was pulled. Here only the memory of the check is limited.
ACCEPTED = Limits(unpacked_bytes=1 << 62, entries=1 << 62, ratio=1 << 62)
SUSPECT = 300  # bytes of memory


def verify_layer(chunks: Iterator[bytes], layer: Descriptor, diff_id: Digest, root: int) -> str:
    """The first difference; "" if there is none. ``root`` is the layer's folder.

    The archive is read once, and each entry is compared immediately. A later entry may replace the
    same file, so a difference is reported only at the end of the archive.
    """
    suspects: dict[bytes, str] = {}
    budget = Budget(ACCEPTED)
    declared = LAYERS_TYPES.get(layer.media_type, "tar")
    stream = Chunks(diff_verified(inflate(metered(chunks, budget), declared), diff_id, budget))
    reader = TarReader(stream)
    try:
        for entry in reader:
            path = b"/".join(split(entry.name))
            if path.rpartition(b"/")[2].startswith(PREFIX):
                continue
            if suspects and entry.kind != DIRECTORY:
                suspects = {p: found for p, found in suspects.items() if not below(p, path)}
            if problem := _compare(root, path, entry, reader):
                budget.hold(len(path) + SUSPECT)
                suspects[path] = problem
            else:
                suspects.pop(path, None)
        while stream.skip(1 << 20):
            pass
    except ImageError as error:
        return error.sentence
    for path, problem in suspects.items():
        return f"{shown(os.fsdecode(path) or '/')}: {problem}"
    return ""


def below(path: bytes, folder: bytes) -> bool:
    """Whether ``path`` lies in ``folder``."""
    return path.startswith(folder + b"/")


def _compare(root: int, path: bytes, entry: Entry, reader: TarReader) -> str:
    """How the file at ``path`` differs from ``entry``; "" if it does not differ."""
    status = status_of(root, path)
    if status is None:
        return "missing"
    if entry.kind == LINK:
        return ""
    ownership = Ownership.current()
    if stat.S_IFMT(status.st_mode) != FORMATS[entry.kind]:
        placeholder = entry.kind in (CHARACTER, BLOCK_DEVICE) and stat.S_ISREG(status.st_mode)
        return "" if placeholder else "another kind of file"
    if ownership.privileged and not ownership.namespaced:
        if (status.st_uid, status.st_gid) != (entry.uid, entry.gid):
            return f"owned by {status.st_uid}:{status.st_gid}"
        if entry.kind != SYMLINK and stat.S_IMODE(status.st_mode) != entry.mode:
            return f"of mode {stat.S_IMODE(status.st_mode):o}"
    if entry.kind == FILE:
        if status.st_size != entry.size:
            return f"{status.st_size} bytes, not {entry.size}"
        if status.st_mtime_ns != entry.mtime:
            return "changed at another time"
        fd = open_in_root(root, path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb") as file:
            return "" if _same(file, entry, reader) else "other content"
    return ""


def _same(file: IO[bytes], entry: Entry, reader: TarReader) -> bool:
    """Whether an open file has the content of the entry, with zeros in the place of its holes."""
    end = 0
    for at, piece in reader.placed():
        if not _zeros(file, at - end) or file.read(len(piece)) != piece:
            return False
        end = at + len(piece)
    return _zeros(file, entry.size - end)


def _zeros(file: IO[bytes], size: int) -> bool:
    """Whether the next ``size`` bytes are all zero."""
    while size > 0:
        data = file.read(min(size, READ))
        if not data or data.count(0) != len(data):
            return False
        size -= len(data)
    return True
