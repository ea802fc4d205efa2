"""The decompressors of layers: the preferred packages, and what replaces them where they are
missing."""

import gzip
import random
import sys
from collections.abc import Iterator

import pytest
from hutch.image import inflate, system_libraries
from hutch.image.errors import ImageError
from hutch.image.importing import gzip_compressor

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PLAIN = random.Random(1).randbytes(300_000) + bytes(2_000_000) + b"end"
PACKED = {"gzip": gzip.compress(PLAIN), "zstd": zstd.compress(PLAIN)}
MISSING = ("isal", "backports", "compression")


@pytest.fixture(params=["preferred", "replaced"])
def libraries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which libraries decompress."""
    if request.param == "replaced":
        for name in MISSING:
            monkeypatch.setitem(sys.modules, name, None)
        assert isinstance(inflate.gzip()[0](), system_libraries.GzipDecompressor)
        assert isinstance(inflate.zstd()[0](), system_libraries.ZstdDecompressor)
    return str(request.param)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return iter([data[i : i + size] for i in range(0, len(data), size)])


@pytest.mark.parametrize("kind", PACKED)
def test_streams_of_several_members_with_padding(libraries: str, kind: str) -> None:
    packed = PACKED[kind] * 2 + bytes(700)
    for size in (1 << 20, 7_000, 700):
        chunks = list(inflate.inflate(pieces(packed, size), kind))
        assert b"".join(chunks) == PLAIN * 2
        assert max(map(len, chunks)) <= inflate.CHUNK


@pytest.mark.parametrize("kind", PACKED)
def test_a_damaged_stream_and_a_short_one_are_errors(libraries: str, kind: str) -> None:
    packed = PACKED[kind]
    with pytest.raises(ImageError, match=f"^the {kind} stream ends too early$"):
        list(inflate.inflate(pieces(packed[:-1], 7_000), kind))
    with pytest.raises(ImageError, match=f"^not a valid {kind} stream: "):
        list(inflate.inflate(pieces(packed[:50] + b"\xff" * len(packed), 7_000), kind))


def test_a_window_of_zstd_that_is_too_large_is_an_error(libraries: str) -> None:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 28}
    packer = zstd.ZstdCompressor(options=options)
    packed = packer.compress(bytes(1 << 20)) + packer.flush()
    with pytest.raises(ImageError, match=r"^not a valid zstd stream: .*memory"):
        list(inflate.inflate(iter([packed]), "zstd"))


def test_archives_are_compressed_with_both(libraries: str) -> None:
    packer = gzip_compressor()
    assert gzip.decompress(packer.compress(PLAIN) + packer.flush()) == PLAIN


def test_without_any_zstd_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MISSING:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(system_libraries, "LIBZSTD", "libabsent.so.1")
    with pytest.raises(ImageError) as error:
        list(inflate.inflate(iter([PACKED["zstd"]]), "zstd"))
    assert "libabsent.so.1" in str(error.value) and "libzstd1" in error.value.hint
