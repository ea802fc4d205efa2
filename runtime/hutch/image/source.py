"""Where an image comes from: one small interface, one module a kind of place.

oci:PATH[:NAME]  oci-archive:FILE[:NAME]  docker-archive:FILE[:NAME]  dir:PATH   local
anything else                                                                    a registry
"""

from collections.abc import Iterator
from typing import Protocol

from .digest import Digest
from .errors import ImageError
from .limits import CONFIG_BYTES, MANIFEST_BYTES
from .manifest import (
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    check_runnable,
    parse,
    parse_config,
)
from .platform import Platform

TRANSPORTS = ("oci", "oci-archive", "docker-archive", "dir")


class Source(Protocol):
    """One image, or one index, in some place."""

    def top(self) -> tuple[bytes, str]:
        """The manifest or index the name stands for, and its media type as the place tells it."""

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """A small blob whole (manifest or config); at most ``limit`` bytes; not yet verified."""

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from ``offset`` on, in chunks; not yet verified."""

    def close(self) -> None:
        """Lets go of files and connections."""


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


def choose(index: Index, wanted: Platform) -> Descriptor:
    """The entry that fits ``wanted`` best; the first of equals (image-index.md). Raises ImageError.

    An entry without a platform is taken when the index has no other.
    """
    ranked = []
    for place, entry in enumerate(index.manifests):
        if entry.platform is not None:
            rank = entry.platform.rank(wanted)
            if rank is not None:
                ranked.append((rank, place, entry))
    if ranked:
        return min(ranked, key=lambda item: item[:2])[2]
    bare = [entry for entry in index.manifests if entry.platform is None]
    if len(bare) == 1 and len(index.manifests) == 1:
        return bare[0]
    offered = sorted({str(e.platform) for e in index.manifests if e.platform is not None})
    raise ImageError(
        f"the image is not made for {wanted}",
        hint="--platform takes one of " + ", ".join(offered[:20]) if offered else "",
    )


def resolve(
    source: Source, wanted: Platform, *, explicit: bool = True
) -> tuple[Manifest, ImageConfig, Index | None]:
    """From a name to one image for ``wanted``: its manifest, its config, and the index if any.

    ``explicit``: the platform was asked for, so an image of another one is refused.
    """
    raw, media_type = source.top()
    top = parse(raw, media_type)
    index: Index | None = None
    depth = 0
    while isinstance(top, Index):
        index = index or top
        depth += 1
        if depth > 4:
            raise ImageError("an index in an index in an index; refused")
        chosen = choose(top, wanted)
        raw = fetch_document(source, chosen, MANIFEST_BYTES, "manifest")
        top = parse(raw, chosen.media_type)
    check_runnable(top)
    config = parse_config(fetch_document(source, top.config, CONFIG_BYTES, "image config"), top)
    if explicit and config.platform.architecture and config.platform.rank(wanted) is None:
        raise ImageError(f"the image is made for {config.platform}, not for {wanted}")
    return top, config, index


def digest_of_top(source: Source) -> Digest:
    """What the name stands for now, by digest."""
    return Digest.of(source.top()[0])
