"""Images in tar archives: an OCI layout (oci-archive), the format of ``docker save``, or both.

The headers of an archive are read once to make an index; then each file is read at its offset. A
compressed archive is first decompressed into an unnamed temporary file.
"""

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from hutch.errors import shown
from hutch.image.digest import Digest
from hutch.image.documents import ArchivedImage, ManifestDocument
from hutch.image.errors import ImageError, storage_error
from hutch.image.inflate import archive_compression, compression, inflate_archive
from hutch.image.layout import REF_NAME, open_file
from hutch.image.limits import CONFIG_BYTES, MANIFEST_BYTES, Budget
from hutch.image.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    Descriptor,
    parse_config,
    parse_descriptor,
    parse_json,
)
from hutch.image.reference import HUB, Reference
from hutch.image.tarstream import FILE, LINK, SYMLINK, Chunks, TarReader

READ = 1 << 20
LINKS = 8
MEMBER = 400  # bytes of memory for one file of the archive, in addition to its name


class FileChunks(Chunks):
    """A file as a stream. It seeks over skipped data and does not read it."""

    def __init__(self, fd: int) -> None:
        super().__init__(())
        self._fd = fd
        self._end = os.fstat(fd).st_size

    def read(self, size: int) -> bytes:
        """See ``Chunks``."""
        data = os.pread(self._fd, size, self.position)
        self.position += len(data)
        return data

    def pieces(self, size: int) -> Iterator[memoryview]:
        """See ``Chunks``."""
        while size and (data := self.read(min(size, READ))):
            size -= len(data)
            yield memoryview(data)

    def skip(self, size: int) -> int:
        """See ``Chunks``."""
        size = min(size, self._end - self.position)
        self.position += size
        return size


def _chunks(fd: int, offset: int, size: int) -> Iterator[bytes]:
    while size > 0:
        data = os.pread(fd, min(size, READ), offset)
        if not data:
            return
        offset, size = offset + len(data), size - len(data)
        yield data


def _metered(head: bytes, source: IO[bytes], budget: Budget) -> Iterator[bytes]:
    """The data after ``head`` in a compressed archive. Every byte is counted as input."""
    budget.consume(len(head))
    while chunk := source.read(READ):
        budget.consume(len(chunk))
        yield chunk


class Archive:
    """A tar archive whose files can be read by name."""

    def __init__(self, path: Path) -> None:
        fd = open_file(path, pipes=True)
        self._files: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        try:
            # It is closed with the last of the sources that use it, whatever fails before.
            self._file = os.fdopen(self._plain(fd), "rb", buffering=0)
            self._fd = self._file.fileno()
            try:
                self._index()
            except BaseException:
                self.close()
                raise
        except ImageError as error:
            error.document = shown(str(path))
            raise

    def _index(self) -> None:
        """Makes the index: the offset and size of each file."""
        stream = FileChunks(self._fd)
        reader, budget = TarReader(stream), Budget()
        for entry in reader:
            budget.entry()
            budget.hold(2 * (len(entry.name) + len(entry.link)) + MEMBER)
            name = os.path.normpath(os.fsdecode(entry.name))
            if entry.kind == FILE and entry.sparse is None:
                self._files[name] = (stream.position, entry.size)
            elif entry.kind in (SYMLINK, LINK):
                target = os.fsdecode(entry.link)
                if entry.kind == SYMLINK:
                    target = os.path.join(os.path.dirname(name), target)
                self._links[name] = os.path.normpath(target)

    @staticmethod
    def _plain(fd: int) -> int:
        """``fd``, or a decompressed copy if it is compressed or not a regular file."""
        seekable = stat.S_ISREG(os.fstat(fd).st_mode)
        if seekable and archive_compression(os.pread(fd, 8, 0)) == "tar":
            return fd
        budget = Budget()
        with os.fdopen(fd, "rb") as source, tempfile.TemporaryFile() as copy:
            head = source.read(READ)
            for chunk in inflate_archive(head, _metered(head, source, budget)):
                budget.produce(len(chunk))
                try:
                    copy.write(chunk)
                    copy.flush()
                except OSError as error:
                    what = f"decompress the archive into a file in {tempfile.gettempdir()}"
                    raise storage_error(what, error.errno, elsewhere="$TMPDIR") from None
            return os.dup(copy.fileno())

    def close(self) -> None:
        self._file.close()

    def place(self, name: str) -> tuple[int, int]:
        """Offset and size of a file. Follows links within the archive. Raises ImageError."""
        asked = name
        name = os.path.normpath(name)
        for _ in range(LINKS):
            if name in self._files:
                return self._files[name]
            if name not in self._links:
                break
            name = self._links[name]
        raise ImageError(f"the archive has no {shown(asked)}")

    def has(self, name: str) -> bool:
        return name in self._files

    def read(self, name: str, limit: int) -> bytes:
        offset, size = self.place(name)
        if size > limit:
            raise ImageError(f"{shown(name)} in the archive: {size} bytes; {limit} is the limit")
        return b"".join(_chunks(self._fd, offset, size))

    def chunks(self, name: str, skip: int = 0) -> Iterator[bytes]:
        offset, size = self.place(name)
        return _chunks(self._fd, offset + skip, size - skip)


def oci_entries(archive: Archive) -> list[tuple[str, Descriptor]]:
    """Names and manifests of an OCI layout in an archive."""
    document = parse_json(archive.read("index.json", MANIFEST_BYTES), "index.json")
    manifests = document.get("manifests")
    if not isinstance(manifests, list):
        raise ImageError("index.json: manifests: must be a list")
    found = [parse_descriptor(m, f"index.json: manifests[{i}]") for i, m in enumerate(manifests)]
    # containerd writes the complete name here, and only the tag into ref.name.
    key = "io.containerd.image.name"
    return [(e.annotations.get(key) or e.annotations.get(REF_NAME, ""), e) for e in found]


class OciArchiveSource:
    """One image of an OCI layout in a tar archive. See ``source.Source``."""

    def __init__(
        self, path: Path, name: str = "", archive: Archive | None = None,
        entry: Descriptor | None = None,
    ) -> None:  # fmt: skip
        self.archive = archive or Archive(path)
        self.names: list[str] = []
        if entry is None:
            entries = [(own, e) for own, e in oci_entries(self.archive) if not name or own == name]
            if len({e.digest for _, e in entries}) != 1:
                what = "several images; say which" if entries else "no such image"
                known = ", ".join(own for own, _ in oci_entries(self.archive) if own)
                raise ImageError(f"{shown(str(path))}: {what}", hint=f"its images are {known}")
            self.names, entry = [own for own, _ in entries if own], entries[0][1]
        self.entry = entry

    def top(self) -> tuple[bytes, str]:
        """See ``Source``."""
        return self.document(self.entry, MANIFEST_BYTES), self.entry.media_type

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """See ``Source``."""
        return self.archive.read(f"blobs/{descriptor.digest.path}", limit)

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``."""
        return self.archive.chunks(f"blobs/{descriptor.digest.path}", offset)

    def close(self) -> None:
        """See ``Source``."""
        self.archive.close()


def docker_entries(archive: Archive) -> list[ArchivedImage]:
    """The images of ``docker save``'s manifest.json, checked."""
    raw = archive.read("manifest.json", MANIFEST_BYTES)
    try:
        entries: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"manifest.json: not JSON: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise ImageError("manifest.json: must be a list of objects")
    found: list[ArchivedImage] = []
    for entry in entries:
        config, layers, tags = entry.get("Config"), entry.get("Layers"), entry.get("RepoTags") or []
        if (
            not isinstance(config, str)
            or not isinstance(layers, list)
            or not isinstance(tags, list)
            or not all(isinstance(text, str) for text in [*layers, *tags])
        ):
            raise ImageError(
                "manifest.json: Config must be a string, RepoTags and Layers lists of strings"
            )
        # docker save writes this for an image without a name.
        names = [tag for tag in tags if tag != "<none>:<none>"]
        found.append({"Config": config, "RepoTags": names, "Layers": layers})
    return found


def hub_name(text: str) -> str:
    """The complete name for a name in an archive of docker save: "busybox" means
    docker.io/library/busybox."""
    reference = Reference.parse(text)
    return str(reference if reference.registry else reference.completed(HUB))


class DockerArchiveSource:
    """One image of a ``docker save`` archive. Such an archive has no manifest, so this class makes
    one. See ``Source``."""

    def __init__(
        self, path: Path, name: str = "", archive: Archive | None = None,
        entry: ArchivedImage | None = None,
    ) -> None:  # fmt: skip
        self.archive = archive or Archive(path)
        if entry is None:
            entries = docker_entries(self.archive)
            if name:
                wanted = str(Reference.parse(hub_name(name)).tagged())
                entries = [e for e in entries if wanted in map(hub_name, e["RepoTags"] or [])]
            if len(entries) != 1:
                what = "several images; say which" if entries else "no such image"
                raise ImageError(f"{shown(str(path))}: {what}")
            entry = entries[0]
        self.names = [hub_name(tag) for tag in entry["RepoTags"] or []]
        self._members: dict[Digest, str] = {}
        self._manifest = self._make(entry["Config"], entry["Layers"])

    def _make(self, config_name: str, layers: list[str]) -> bytes:
        raw = self.archive.read(config_name, CONFIG_BYTES)
        config = parse_config(raw)
        if len(config.diff_ids) != len(layers):
            raise ImageError(
                f"manifest.json: {len(layers)} Layers, but {len(config.diff_ids)} diff_ids in the"
                " config"
            )
        digest = Digest.of(raw)
        self._members[digest] = config_name
        described = []
        for name, diff_id in zip(layers, config.diff_ids, strict=True):
            head = next(self.archive.chunks(name), b"")
            kind = compression(head[:8])
            blob = diff_id if kind == "tar" else self._digest(name)
            suffix = "" if kind == "tar" else "." + kind
            self._members[blob] = name
            size = self.archive.place(name)[1]
            described.append(Descriptor(DOCKER_LAYER + suffix, blob, size).json())
        document: ManifestDocument = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": Descriptor(DOCKER_CONFIG, digest, len(raw)).json(),
            "layers": described,
        }
        return json.dumps(document, indent=2).encode()

    def _digest(self, name: str) -> Digest:
        import hashlib

        hasher = hashlib.sha256()
        for chunk in self.archive.chunks(name):
            hasher.update(chunk)
        return Digest("sha256", hasher.hexdigest())

    def top(self) -> tuple[bytes, str]:
        """See ``Source``."""
        return self._manifest, DOCKER_MANIFEST

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """See ``Source``."""
        return self.archive.read(self._members[descriptor.digest], limit)

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``."""
        return self.archive.chunks(self._members[descriptor.digest], offset)

    def close(self) -> None:
        """See ``Source``."""
        self.archive.close()


def all_images(path: Path) -> "list[OciArchiveSource | DockerArchiveSource]":
    """Every image of an archive of either format, with its names. Raises ImageError."""
    archive = Archive(path)
    try:
        return _images_of(archive, path)
    except BaseException:
        archive.close()
        raise


def _images_of(archive: Archive, path: Path) -> "list[OciArchiveSource | DockerArchiveSource]":
    if archive.has("oci-layout") and archive.has("index.json"):
        grouped: dict[Digest, OciArchiveSource] = {}
        for name, entry in oci_entries(archive):
            source = grouped.setdefault(entry.digest, OciArchiveSource(path, "", archive, entry))
            if name:
                source.names.append(name)
        return list(grouped.values())
    if archive.has("manifest.json"):
        return [DockerArchiveSource(path, "", archive, e) for e in docker_entries(archive)]
    raise ImageError(
        f"{shown(str(path))}: neither an OCI layout nor an archive of docker save",
        hint="warren import takes an archive of a root file system",
    )
