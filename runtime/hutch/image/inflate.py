"""Decompression as a stream of bounded chunks: gzip (isal), zstd, or none.

However small the input, one step never gives more than a chunk; so the budget sees a bomb before
the memory does (S-68).
"""

from collections.abc import Iterator
from io import RawIOBase

from ..errors import ImageError
from .limits import ZSTD_WINDOW

CHUNK = 512 << 10
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after one byte 0x50 to 0x5f


def compression(head: bytes) -> str:
    """ "gzip", "zstd" or "tar", by a blob's first bytes."""
    if head.startswith(GZIP_MAGIC):
        return "gzip"
    if head.startswith(ZSTD_MAGIC) or (head[1:4] == ZSTD_SKIPPABLE and head[0] >> 4 == 5):
        return "zstd"
    return "tar"


def inflate(chunks: Iterator[bytes], declared: str) -> Iterator[bytes]:
    """The uncompressed stream. ``declared`` is the media type's word: "gzip", "zstd" or "tar".

    A blob that is declared compressed is read by its magic, since builders mix gzip and zstd up;
    one that is declared plain is never decompressed. Raises ImageError.
    """
    head = next(chunks, b"")
    while len(head) < 4:
        more = next(chunks, b"")
        if not more:
            break
        head += more
    kind = "tar" if declared == "tar" else compression(head)
    if kind == "gzip":
        yield from _gunzip(head, chunks)
    elif kind == "zstd":
        yield from _unzstd(head, chunks)
    else:
        if head:
            yield head
        yield from chunks


def _gunzip(data: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    from isal import igzip_lib

    def member() -> igzip_lib.IgzipDecompressor:
        return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)

    stream = member()
    try:
        while True:
            output = stream.decompress(data, CHUNK)
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
                stream = member()
            elif stream.needs_input:
                data = next(chunks, b"")
                if not data:
                    raise ImageError("the gzip stream ends too early")
    except igzip_lib.error as error:  # type: ignore[misc]
        raise ImageError(f"not a sound gzip stream: {error}") from None


class _Pull(RawIOBase):
    """An iterator of chunks as the file that zstandard reads from."""

    def __init__(self, head: bytes, chunks: Iterator[bytes]) -> None:
        self._head = head
        self._chunks = chunks

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            self._head = next(self._chunks, b"")
        data, self._head = self._head[:size], self._head[size:]
        return data


def _unzstd(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    source = _Pull(head, chunks)
    reader = decompressor.stream_reader(
        source,  # type: ignore[arg-type]
        read_size=CHUNK,
        read_across_frames=True,
    )
    try:
        while output := reader.read(CHUNK):
            yield output
    except zstandard.ZstdError as error:
        raise ImageError(f"not a sound zstd stream: {error}") from None
