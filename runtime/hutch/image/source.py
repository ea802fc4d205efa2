"""The interface of everything that an image can come from. Each kind of place has its own module.

oci:PATH[:NAME]  oci-archive:FILE[:NAME]  docker-archive:FILE[:NAME]  dir:PATH   local
anything else                                                                    a registry
"""

from collections.abc import Iterator
from typing import Protocol

from hutch.image.errors import ImageError
from hutch.image.limits import CONFIG_BYTES, INDEX_DEPTH, MANIFEST_BYTES, NESTED_DOCUMENTS
from hutch.image.manifest import (
    CONFIGS,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    check_runnable,
    parse,
    parse_config,
)
from hutch.image.platform import Platform

TRANSPORTS = ("oci", "oci-archive", "docker-archive", "dir")


class Source(Protocol):
    """One image, or one index, in some place."""

    def top(self) -> tuple[bytes, str]:
        """The manifest or index that the name means, and the media type that the place gives; "" if
        it gives none."""

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """A complete small blob (manifest or config) of at most ``limit`` bytes; not verified."""

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from ``offset`` on, in chunks; not verified."""

    def close(self) -> None:
        """Closes files and connections."""


def fetch_document(source: Source, descriptor: Descriptor, limit: int, what: str) -> bytes:
    """A small blob, verified by size and digest. Raises ImageError."""
    if descriptor.size > limit:
        raise ImageError(f"{what} {descriptor.digest}: {descriptor.size} bytes; {limit} is allowed")
    data = descriptor.data
    if data is None:
        data = source.document(descriptor, limit)
    if len(data) != descriptor.size or not descriptor.digest.matches(data):
        raise ImageError(f"{what} {descriptor.digest}: its content has another digest or size")
    return data


def resolve(
    source: Source, wanted: Platform, *, explicit: bool = True
) -> tuple[Manifest, ImageConfig, Index | None]:
    """Chooses the image for the platform ``wanted``. Returns its manifest, its config, and the
    index that it was chosen from, if there was one.

    With ``explicit``, which means that the user named the platform, an image for another platform
    is refused. Raises ImageError.
    """
    raw, media_type = source.top()
    top = parse(raw, media_type)
    index = top if isinstance(top, Index) else None
    manifest = Choice(source, wanted).of(top) if isinstance(top, Index) else top
    check_runnable(manifest)
    config = _config(source, manifest)
    if explicit and config.platform.architecture and config.platform.rank(wanted) is None:
        raise ImageError(f"the image is made for {config.platform}, not for {wanted}")
    return manifest, config, index


def _config(source: Source, manifest: Manifest) -> ImageConfig:
    raw = fetch_document(source, manifest.config, CONFIG_BYTES, "image config")
    return parse_config(raw, manifest)


class Choice:
    """The choice of one image for ``wanted`` from an index (image-index.md).

    The entry whose platform fits best is chosen; of equal entries, the first. If none fits, the
    entries without a platform are fetched: an index is searched in the same way, and for a manifest
    the platform in its config counts.
    """

    def __init__(self, source: Source, wanted: Platform) -> None:
        self._source = source
        self._wanted = wanted
        self._offered: set[str] = set()
        self._left = NESTED_DOCUMENTS

    def of(self, index: Index) -> Manifest:
        """The chosen image. Raises ImageError if there is none for the platform."""
        found = self._best(index, 1)
        if found is not None:
            return found[1]
        offered = ", ".join(sorted(self._offered)[:20])
        raise ImageError(
            f"the image is not made for {self._wanted}",
            hint=f"it is made for {offered}; choose with --platform" if offered else "",
        )

    def _best(self, index: Index, depth: int) -> tuple[int, Manifest] | None:
        """The best image in an index and in the indexes in it, with its rank (0 is best)."""
        if depth > INDEX_DEPTH:
            raise ImageError(f"more than {INDEX_DEPTH} indexes, one in another")
        fitting, without_platform = [], []
        for entry in index.manifests:
            if entry.platform is None:
                without_platform.append(entry)
                continue
            self._offered.add(str(entry.platform))
            rank = entry.platform.rank(self._wanted)
            if rank is not None:
                fitting.append((rank, entry))
        for rank, entry in sorted(fitting, key=lambda pair: pair[0]):
            document = self._document(entry)
            if isinstance(document, Manifest):
                return rank, document
            if found := self._best(document, depth + 1):
                return found
        best: tuple[int, Manifest] | None = None
        for entry in without_platform:
            document = self._document(entry)
            if isinstance(document, Index):
                found = self._best(document, depth + 1)
            elif len(index.manifests) == 1:
                found = 0, document  # the only image
            else:
                found = self._by_config(document)
            if found and (best is None or found[0] < best[0]):
                best = found
            if best and best[0] == 0:
                break
        return best

    def _document(self, entry: Descriptor) -> Manifest | Index:
        self._left -= 1
        if self._left < 0:
            raise ImageError(f"more than {NESTED_DOCUMENTS} indexes and manifests in an index")
        raw = fetch_document(self._source, entry, MANIFEST_BYTES, "manifest")
        return parse(raw, entry.media_type)

    def _by_config(self, manifest: Manifest) -> tuple[int, Manifest] | None:
        if manifest.config.media_type not in CONFIGS:
            return None  # an artifact
        platform = _config(self._source, manifest).platform
        self._offered.add(str(platform))
        rank = platform.rank(self._wanted)
        return None if rank is None else (rank, manifest)
