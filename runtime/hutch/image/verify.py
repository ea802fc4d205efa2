"""An unpacked layer, file by file, against the archive it came from. Nothing is written."""

import os
import stat
from collections.abc import Iterator

from ..errors import shown
from ..kernel.beneath import open_in_root
from .digest import Digest
from .errors import ImageError
from .inflate import inflate
from .layer import differed, metered
from .limits import Budget
from .manifest import LAYERS_TYPES, Descriptor
from .tarstream import (
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
from .tree import Tree, split
from .unpack import Ownership
from .whiteout import PREFIX

FORMATS = {
    FILE: stat.S_IFREG,
    SYMLINK: stat.S_IFLNK,
    CHARACTER: stat.S_IFCHR,
    BLOCK_DEVICE: stat.S_IFBLK,
    DIRECTORY: stat.S_IFDIR,
    FIFO: stat.S_IFIFO,
}


def verify_layer(chunks: Iterator[bytes], layer: Descriptor, diff_id: Digest, root: int) -> str:
    """What differs first, "" if nothing does. ``root`` is the layer's folder.

    The archive is read once: a file that a later entry replaces is told apart by being looked at
    only when the archive has ended, so contents are remembered by their digest.
    """
    import hashlib

    wanted: dict[bytes, tuple[Entry, str]] = {}
    budget = Budget()
    declared = LAYERS_TYPES.get(layer.media_type, "tar")
    stream = Chunks(differed(inflate(metered(chunks, budget), declared), diff_id, budget))
    reader = TarReader(stream)
    try:
        for entry in reader:
            path = b"/".join(split(entry.name))
            if path.rpartition(b"/")[2].startswith(PREFIX):
                continue
            before = wanted.get(path)
            if before is not None and before[0].kind == DIRECTORY != entry.kind:
                gone = [known for known in wanted if known.startswith(path + b"/")]
                for known in gone:
                    del wanted[known]
            content = ""
            if entry.kind == FILE:
                hasher = hashlib.sha256()
                for piece in reader.content():
                    hasher.update(piece)
                content = hasher.hexdigest()
            wanted[path] = (entry, content)
        while stream.skip(1 << 20):
            pass
    except ImageError as error:
        return error.sentence
    tree = Tree(root)
    for path, (entry, content) in wanted.items():
        if problem := _compare(tree, path, entry, content):
            return f"{shown(os.fsdecode(path) or '/')}: {problem}"
    return ""


def _compare(tree: Tree, path: bytes, entry: Entry, content: str) -> str:
    """How the file at ``path`` is not what ``entry`` says; "" if it is."""
    import hashlib

    if entry.kind == LINK:
        return "" if tree.status(path) is not None else "missing"
    status = tree.status(path)
    if status is None:
        return "missing"
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
        fd = open_in_root(tree.root, path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != content:
                return "other content"
    return ""
