"""Decompressors where the preferred packages are missing, as in Debian 12: zlib instead of isal,
and the system's libzstd (zstd.h) instead of a module for zstd. zlib is slower than isal.

Both have the interface that ``hutch.image.inflate`` describes.
"""

import ctypes
import zlib

from hutch.image.errors import ImageError
from hutch.image.limits import ZSTD_WINDOW_LOG

LIBZSTD = "libzstd.so.1"
CHUNK = 128 << 10  # ZSTD_DStreamOutSize
WINDOW_LOG_MAX = 100  # ZSTD_d_windowLogMax


class GzipDecompressor:
    """One member of a gzip stream."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """At most ``max_length`` bytes of output. Raises zlib.error."""
        rest = self._stream.unconsumed_tail
        output = self._stream.decompress(rest + data if rest else data, max(max_length, 0))
        full = len(output) == max_length
        self.needs_input = not (full or self._stream.unconsumed_tail or self._stream.eof)
        return output


class ZstdError(Exception):
    """The message is libzstd's."""


class Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("at", ctypes.c_size_t))


def libzstd() -> ctypes.CDLL:
    """The library, with the types of its functions. Raises ImageError if it is missing."""
    try:
        library = ctypes.CDLL(LIBZSTD)
    except OSError:
        raise ImageError(
            f"zstd cannot be decompressed: neither a module for it nor {LIBZSTD} is installed",
            hint="install libzstd1 (Debian), or backports.zstd (pip)",
        ) from None
    library.ZSTD_createDCtx.restype = ctypes.c_void_p
    library.ZSTD_freeDCtx.argtypes = [ctypes.c_void_p]
    library.ZSTD_DCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    library.ZSTD_DCtx_setParameter.restype = ctypes.c_size_t
    one = ctypes.POINTER(Buffer)
    library.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, one, one]
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    library.ZSTD_isError.argtypes = library.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
    library.ZSTD_getErrorName.restype = ctypes.c_char_p
    return library


class ZstdDecompressor:
    """One frame of zstd."""

    def __init__(self) -> None:
        self._library = libzstd()
        self._context = self._library.ZSTD_createDCtx()
        if not self._context:
            raise MemoryError
        self._checked(
            self._library.ZSTD_DCtx_setParameter(self._context, WINDOW_LOG_MAX, ZSTD_WINDOW_LOG)
        )
        self._rest = b""
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def __del__(self) -> None:
        if context := getattr(self, "_context", None):
            self._library.ZSTD_freeDCtx(context)

    def _checked(self, result: int) -> int:
        if self._library.ZSTD_isError(result):
            raise ZstdError(self._library.ZSTD_getErrorName(result).decode())
        return result

    def decompress(self, data: bytes, max_length: int = CHUNK, /) -> bytes:
        """At most ``max_length`` bytes of output. Raises ZstdError."""
        given = self._rest + data if self._rest else data
        space = ctypes.create_string_buffer(max_length)
        source = Buffer(ctypes.cast(ctypes.c_char_p(given), ctypes.c_void_p), len(given), 0)
        output = Buffer(ctypes.cast(space, ctypes.c_void_p), max_length, 0)
        left = 1
        while left and output.at < max_length:
            before = source.at, output.at
            left = self._checked(
                self._library.ZSTD_decompressStream(
                    self._context, ctypes.byref(output), ctypes.byref(source)
                )
            )
            if left and (source.at, output.at) == before:
                break
        self._rest = given[source.at :]
        self.eof = left == 0
        self.needs_input = not self.eof and output.at < max_length
        if self.eof:
            self._rest, self.unused_data = b"", self._rest
        return ctypes.string_at(space, output.at)
