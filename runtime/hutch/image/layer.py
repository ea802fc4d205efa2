"""Unpacks one layer from the bytes of the compressed blob to files, and verifies both.

    chunks ── verify ──▶ inflate ── verify ──▶ unpack
              digest,     (thread)  diffID
              size                  budget

Nothing is used before both digests were verified: the folder with the files becomes a layer by
rename(2), and the blob becomes visible by rename(2), only after that (S-71).
"""

from collections.abc import Iterator

from hutch.image.digest import Digest
from hutch.image.errors import ImageError
from hutch.image.inflate import inflate
from hutch.image.limits import Budget
from hutch.image.manifest import LAYERS_TYPES, Descriptor
from hutch.image.ownership import Ownership
from hutch.image.read_ahead import ReadAhead
from hutch.image.tarstream import Chunks, TarReader
from hutch.image.tree import Tree
from hutch.image.unpack import Result, Unpacker
from hutch.image.whiteout import Removal


def verified(chunks: Iterator[bytes], descriptor: Descriptor) -> Iterator[bytes]:
    """The same chunks. Raises ImageError if size or digest are wrong, at the end or as soon as
    there are too many bytes."""
    hasher = descriptor.digest.hasher()
    blob = f"blob {descriptor.digest}"
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > descriptor.size:
            raise ImageError(f"longer than {descriptor.size} bytes", document=blob)
        hasher.update(chunk)
        yield chunk
    if size != descriptor.size:
        text = f"{size} bytes, but its descriptor says {descriptor.size}"
        raise ImageError(text, document=blob)
    if hasher.hexdigest() != descriptor.digest.hex:
        raise ImageError("its content has another digest", document=blob)


def metered(chunks: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    """The same chunks, counted as input."""
    for chunk in chunks:
        budget.consume(len(chunk))
        yield chunk


def diff_verified(chunks: Iterator[bytes], diff_id: Digest, budget: Budget) -> Iterator[bytes]:
    """The uncompressed chunks, counted as output; the diffID is checked at the end."""
    hasher = diff_id.hasher()
    for chunk in chunks:
        budget.produce(len(chunk))
        hasher.update(chunk)
        yield chunk
    if hasher.hexdigest() != diff_id.hex:
        raise ImageError(f"layer {diff_id}: its uncompressed content has another digest")


def check_layer(
    chunks: Iterator[bytes], descriptor: Descriptor, diff_id: Digest, budget: Budget
) -> None:
    """Verifies a layer without unpacking it, because its files are already there. Raises
    ImageError."""
    declared = LAYERS_TYPES.get(descriptor.media_type, "tar")
    for _ in diff_verified(inflate(metered(chunks, budget), declared), diff_id, budget):
        pass


def unpack_layer(
    chunks: Iterator[bytes],
    descriptor: Descriptor,
    diff_id: Digest,
    root: int,
    removal: Removal,
    budget: Budget,
    ownership: Ownership,
) -> tuple[Tree, Result]:
    """Unpacks a layer into the folder that is open as ``root``. ``chunks`` are the blob's bytes;
    their iterator verifies them.

    Raises ImageError, which names the layer, if the layer is hostile or damaged.
    """
    tree = Tree(root, budget)
    unpacker = Unpacker(tree, removal, budget, ownership)
    declared = LAYERS_TYPES.get(descriptor.media_type, "tar")
    plain = diff_verified(inflate(metered(chunks, budget), declared), diff_id, budget)
    try:
        with ReadAhead(plain) as ahead:
            stream = Chunks(ahead)
            result = unpacker.unpack(TarReader(stream))
            while stream.skip(1 << 20):  # the digest includes the bytes after the archive's end
                pass
    except ImageError as error:
        if not error.document:
            error.document = f"layer {descriptor.digest}"
        raise
    return tree, result
