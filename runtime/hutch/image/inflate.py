"""Decompression as a stream of bounded chunks: gzip (isal), zstd or none; of archives xz and bzip2.

However small the input, one step never gives more than a chunk; so the budget sees a bomb before
the memory does (S-68).
"""

import sys
from collections.abc import Callable, Iterator
from typing import Protocol

from hutch.image.errors import ImageError
from hutch.image.limits import XZ_MEMORY, ZSTD_WINDOW_LOG

CHUNK = 512 << 10
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after one byte 0x50 to 0x5f
XZ_MAGIC = b"\xfd7zXZ\0"
BZIP2_MAGIC = b"BZh"
USTAR, USTAR_AT = b"ustar", 257  # in the header of the first entry; it may have any name


def compression(head: bytes) -> str:
    """ "gzip", "zstd" or "tar", by a blob's first bytes."""
    if head.startswith(GZIP_MAGIC):
        return "gzip"
    if head.startswith(ZSTD_MAGIC) or (head[1:4] == ZSTD_SKIPPABLE and head[0] >> 4 == 5):
        return "zstd"
    return "tar"


def archive_compression(head: bytes) -> str:
    """The same of an archive that a person names: "xz" and "bzip2" too, which no layer may be."""
    if head.startswith(XZ_MAGIC):
        return "xz"
    return "bzip2" if head.startswith(BZIP2_MAGIC) else compression(head)


def inflate(chunks: Iterator[bytes], declared: str) -> Iterator[bytes]:
    """A layer's uncompressed stream. ``declared`` is its media type's word: "gzip", "zstd", "tar".

    What it is, its first bytes say, since builders mix the three up; only where one that is
    declared plain begins as a tar archive does, it is one. The diffID decides in the end whether
    the stream is the right one. Raises ImageError.
    """
    head = next(chunks, b"")
    while len(head) < USTAR_AT + len(USTAR):
        more = next(chunks, b"")
        if not more:
            break
        head += more
    plain = declared == "tar" and head.startswith(USTAR, USTAR_AT)
    yield from _expanded("tar" if plain else compression(head), head, chunks)


def inflate_archive(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The uncompressed stream of an archive that begins with ``head``. Raises ImageError."""
    yield from _expanded(archive_compression(head), head, chunks)


def _expanded(kind: str, head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    if kind == "gzip":
        from isal import igzip_lib

        def gzip() -> Decompressor:
            return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)

        yield from _members(kind, head, chunks, gzip, igzip_lib.error)  # type: ignore[arg-type]
    elif kind == "zstd":
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}

        def frame() -> Decompressor:
            return zstd.ZstdDecompressor(options=options)

        yield from _members(kind, head, chunks, frame, zstd.ZstdError)
    elif kind == "xz":
        import lzma

        def xz() -> Decompressor:
            return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

        yield from _members(kind, head, chunks, xz, lzma.LZMAError)
    elif kind == "bzip2":
        import bz2

        yield from _members(kind, head, chunks, bz2.BZ2Decompressor, OSError)
    else:
        if head:
            yield head
        yield from chunks


class Decompressor(Protocol):
    """What isal, zstd, lzma and bz2 have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """At most ``max_length`` bytes of output."""


def _members(
    kind: str,
    data: bytes,
    chunks: Iterator[bytes],
    make: Callable[[], Decompressor],
    wrong: type[Exception],
) -> Iterator[bytes]:
    """Compressed streams one after another, with zeros between and behind them."""
    stream = make()
    while True:
        try:
            output = stream.decompress(data, CHUNK)
        except wrong as error:
            raise ImageError(f"not a sound {kind} stream: {error}") from None
        data = b""
        if output:
            yield output
        if stream.eof:
            # More members may follow; zeros after the last are padding (gzip(1) skips them).
            data = stream.unused_data
            while not data.lstrip(b"\0"):
                data = next(chunks, None) or b""
                if not data:
                    return
            data = data.lstrip(b"\0")
            stream = make()
        elif stream.needs_input:
            data = next(chunks, b"")
            if not data:
                raise ImageError(f"the {kind} stream ends too early")
