"""Decompresses a stream in chunks of limited size: gzip, zstd or none; for archives also xz and
bzip2.

One step returns at most one chunk of output, even if a few bytes of input contain gigabytes. So the
budget can refuse a decompression bomb before it fills the memory (S-68).
"""

import sys
from collections.abc import Callable, Iterator
from typing import Protocol

from hutch.image.errors import ImageError
from hutch.image.limits import XZ_MEMORY, ZSTD_WINDOW_LOG

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after one byte 0x50 to 0x5f
XZ_MAGIC = b"\xfd7zXZ\0"
BZIP2_MAGIC = b"BZh"
USTAR, USTAR_AT = b"ustar", 257  # in the header of the first entry; it may have any name


def compression(head: bytes) -> str:
    """ "gzip", "zstd" or "tar" (not compressed), from the first bytes of a blob."""
    if head.startswith(GZIP_MAGIC):
        return "gzip"
    if head.startswith(ZSTD_MAGIC) or (head[1:4] == ZSTD_SKIPPABLE and head[0] >> 4 == 5):
        return "zstd"
    return "tar"


def archive_compression(head: bytes) -> str:
    """The same for an archive, which may also be "xz" or "bzip2"; layers may not."""
    if head.startswith(XZ_MAGIC):
        return "xz"
    return "bzip2" if head.startswith(BZIP2_MAGIC) else compression(head)


def inflate(chunks: Iterator[bytes], declared: str) -> Iterator[bytes]:
    """A layer's uncompressed stream. ``declared`` is the compression in its media type: "gzip",
    "zstd" or "tar".

    Some builders declare the wrong one, so the first bytes decide. There is one exception: a layer
    that is declared as "tar" and begins with a tar header is not decompressed. At the end the
    diffID decides whether the content is right. Raises ImageError.
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
        yield from _members(kind, head, chunks, *gzip())
    elif kind == "zstd":
        yield from _members(kind, head, chunks, *zstd())
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


def gzip() -> "tuple[Callable[[], Decompressor], type[Exception]]":
    """What decompresses a member of gzip, and its errors: isal, otherwise zlib."""
    try:
        from isal import igzip_lib
    except ImportError:
        import zlib

        from hutch.image.system_libraries import GzipDecompressor

        return GzipDecompressor, zlib.error

    def member() -> Decompressor:
        return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)

    return member, igzip_lib.error  # type: ignore[return-value]


def zstd() -> "tuple[Callable[[], Decompressor], type[Exception]]":
    """The same for a frame of zstd: Python's module or its backport, otherwise libzstd. Raises
    ImageError if there is none."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        from hutch.image.system_libraries import ZstdDecompressor, ZstdError

        return ZstdDecompressor, ZstdError
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}

    def frame() -> Decompressor:
        return zstd.ZstdDecompressor(options=options)

    return frame, zstd.ZstdError


class Decompressor(Protocol):
    """The interface of the decompressors of isal, zstd, lzma and bz2."""

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
    """Decompresses one or more streams; zeros may follow each of them."""
    stream = make()
    while True:
        try:
            output = stream.decompress(data, CHUNK)
        except wrong as error:
            raise ImageError(f"not a valid {kind} stream: {error}") from None
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
