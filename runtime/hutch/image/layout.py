"""OCI image layouts (image-spec, image-layout.md): read as sources, and written."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hutch.errors import shown
from hutch.image.digest import Digest
from hutch.image.documents import DescriptorDocument, IndexDocument
from hutch.image.errors import ImageError
from hutch.image.limits import MANIFEST_BYTES
from hutch.image.manifest import Descriptor, parse_descriptor, parse_json
from hutch.kernel.beneath import O_PATH

REF_NAME = "org.opencontainers.image.ref.name"
VERSION = '{"imageLayoutVersion":"1.0.0"}'
READ = 1 << 20
KINDS = {
    stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder",
}  # fmt: skip


def open_file(path: Path, *, pipes: bool = False) -> int:
    """Opens a file for reading. Raises ImageError if it cannot be read or is not a regular file.

    The type is checked before the open, because open(2) of a FIFO can wait for ever, and open of a
    device can have side effects. With ``pipes``, for a path that the user gave, a FIFO is allowed
    too, but another process must have it open for writing.
    """
    try:
        place = os.open(path, O_PATH | os.O_CLOEXEC)
        try:
            kind = stat.S_IFMT(os.stat(place).st_mode)
            if kind != stat.S_IFREG and not (pipes and kind == stat.S_IFIFO):
                what = KINDS.get(kind, "not a file")
                raise ImageError(f"cannot read {shown(str(path))}: it is {what}")
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
            fd = os.open(f"/proc/self/fd/{place}", flags)
        finally:
            os.close(place)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise ImageError(f"cannot read {shown(str(path))}: {reason}") from None
    os.set_blocking(fd, True)
    return fd


def read_bounded(path: Path, limit: int) -> bytes:
    """The content of a file of at most ``limit`` bytes; otherwise raises ImageError."""
    with os.fdopen(open_file(path), "rb") as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise ImageError(f"cannot read {shown(str(path))}: {reason}") from None
    if len(data) > limit:
        raise ImageError(f"{shown(str(path))}: longer than {limit} bytes")
    return data


def read_chunks(path: Path, offset: int = 0) -> Iterator[bytes]:
    """A file in chunks; raises ImageError if it cannot be read."""
    fd = open_file(path)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        os.lseek(fd, offset, os.SEEK_SET)
        while chunk := os.read(fd, READ):
            yield chunk
    finally:
        os.close(fd)


class Layout:
    """A layout in a folder, for reading."""

    def __init__(self, root: Path) -> None:
        self.root = root
        version = parse_json(read_bounded(root / "oci-layout", 1 << 16), f"{root}/oci-layout")
        if not str(version.get("imageLayoutVersion", "")).startswith("1."):
            raise ImageError(f"{root}: an OCI layout of an unknown version")

    def blob_path(self, digest: Digest) -> Path:
        return self.root / "blobs" / digest.path

    def names(self) -> list[tuple[str, Descriptor]]:
        """The images of index.json with their names ("" for an image without a name)."""
        raw = read_bounded(self.root / "index.json", MANIFEST_BYTES)
        what = f"{self.root}/index.json"
        manifests = parse_json(raw, what).get("manifests")
        if not isinstance(manifests, list):
            raise ImageError(f"{what}: manifests: must be a list")
        found = [parse_descriptor(m, f"{what}: manifests[{i}]") for i, m in enumerate(manifests)]
        return [(entry.annotations.get(REF_NAME, ""), entry) for entry in found]

    def find(self, name: str) -> Descriptor:
        """The image with that name, or if ``name`` is "" the only image. Raises ImageError."""
        entries = self.names()
        if name.startswith(("sha256:", "sha512:")):
            matching = [entry for _, entry in entries if str(entry.digest) == name]
        elif name:
            matching = [entry for own, entry in entries if own == name]
        else:
            matching = [entry for _, entry in entries]
        if len({entry.digest for entry in matching}) == 1:
            return matching[0]
        known = ", ".join(sorted({own for own, _ in entries if own})[:10])
        if not matching:
            wanted = f"no image named {shown(name)}" if name else "it has no image"
            hint = f"its images are {known}" if known else ""
            raise ImageError(f"{self.root}: {wanted}", hint=hint)
        raise ImageError(
            f"{self.root}: {len(matching)} images{' with that name' if name else ''}; name one",
            hint=f"oci:{self.root}:NAME with one of {known}" if known else "",
        )


class LayoutSource:
    """One image of a layout. See ``Source``."""

    def __init__(self, root: Path, name: str = "") -> None:
        self.layout = Layout(root)
        self.descriptor = self.layout.find(name)
        self.name = name or self.descriptor.annotations.get(REF_NAME, "")

    @classmethod
    def of(cls, layout: Layout, descriptor: Descriptor) -> "LayoutSource":
        """The image with that descriptor."""
        source = cls.__new__(cls)
        source.layout, source.descriptor, source.name = layout, descriptor, ""
        return source

    def top(self) -> tuple[bytes, str]:
        """See ``Source``."""
        raw = self.document(self.descriptor, MANIFEST_BYTES)
        if not self.descriptor.digest.matches(raw) or len(raw) != self.descriptor.size:
            raise ImageError(f"manifest {self.descriptor.digest}: its content has another digest")
        return raw, self.descriptor.media_type

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """See ``Source``."""
        return read_bounded(self.layout.blob_path(descriptor.digest), limit)

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``."""
        return read_chunks(self.layout.blob_path(descriptor.digest), offset)

    def close(self) -> None:
        """See ``Source``."""


def index_json(entries: list[tuple[str, Descriptor]]) -> bytes:
    """The index.json of a layout with these ``entries``, each with its name ("" for none)."""
    manifests: list[DescriptorDocument] = []
    for name, entry in entries:
        document = entry.json()
        if name:
            document["annotations"] = {**entry.annotations, REF_NAME: name}
        manifests.append(document)
    index: IndexDocument = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    }
    return json.dumps(index, indent=2).encode() + b"\n"
