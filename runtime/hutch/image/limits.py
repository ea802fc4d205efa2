"""Limits on the resources that an image may use (S-68, S-69).

The limits apply to the *unpacked* data, because the compressed size of a layer does not show how
large its content is. All layers of an image share one budget, so that an image with many layers
just below the limit is refused too.
"""

from threading import Lock
from typing import NamedTuple

from hutch.image.errors import ImageError

MANIFEST_BYTES = 4 << 20  # distribution-spec, "Pushing Manifests"
CONFIG_BYTES = 8 << 20
TOKEN_BYTES = 1 << 20
ERROR_BYTES = 64 << 10
DRAIN_BYTES = 16 << 10  # a body up to this size is read, so that its connection can be reused
LIST_BYTES = 4 << 20  # one page of tags or of the catalogue
LIST_PAGES = 1000
PAX_BYTES = 1 << 20  # one PAX header or GNU long name
NAME_BYTES = 4096  # PATH_MAX
COMPONENT_BYTES = 255  # NAME_MAX
INDEX_DEPTH = 4  # indexes in indexes
NESTED_DOCUMENTS = 32  # documents that are fetched to choose an image from one index
LAYERS = 500  # overlayfs allows 500 lower layers
ZSTD_WINDOW_LOG = 27  # 128 MiB: what zstd --long=27 writes
XZ_MEMORY = 1 << 28  # data of xz -9 needs 65 MiB to decompress


class Limits(NamedTuple):
    """The limits for one image when it is unpacked; sizes in bytes.

    ``ratio`` is the output divided by the compressed input. It only applies after ``ratio_from``
    bytes of output, because a small layer of zeros is common and harmless. ``names`` limits the
    memory for the names of files and the entries of folders while a layer is unpacked.
    """

    unpacked_bytes: int = 256 << 30
    entries: int = 5_000_000
    depth: int = 256
    names: int = 256 << 20
    ratio: int = 200
    ratio_from: int = 1 << 30


class Budget:
    """Counts what an image has used of the limits. All threads that unpack it share one budget."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lock = Lock()
        self._read = 0
        self._written = 0
        self._entries = 0
        self._held = 0

    def consume(self, compressed: int) -> None:
        """Counts ``compressed`` bytes of input."""
        with self._lock:
            self._read += compressed

    def produce(self, output: int) -> None:
        """Counts ``output`` bytes of unpacked data. Raises ImageError past a limit."""
        with self._lock:
            self._written += output
            written, read = self._written, self._read
        if written > self.limits.unpacked_bytes:
            raise ImageError(
                f"the image's layers unpack to more than {self.limits.unpacked_bytes} bytes",
                hint="limits.unpacked_bytes in the configuration raises it",
            )
        if written > self.limits.ratio_from and written > read * self.limits.ratio:
            raise ImageError(
                f"the image's layers unpack to {written} bytes from {read}: a decompression bomb",
                hint="limits.ratio in the configuration raises it",
            )

    def entry(self, count: int = 1) -> None:
        """Counts ``count`` more entries of a layer. Raises ImageError past the limit."""
        with self._lock:
            self._entries += count
            entries = self._entries
        if entries > self.limits.entries:
            raise ImageError(
                f"the image's layers hold more than {self.limits.entries} entries",
                hint="limits.entries in the configuration raises it",
            )

    def hold(self, size: int) -> None:
        """Counts ``size`` more bytes of memory for names. Raises ImageError past the limit."""
        with self._lock:
            self._held += size
            held = self._held
        if held > self.limits.names:
            raise ImageError(
                "the names of the image's files and folders take more than"
                f" {self.limits.names} bytes of memory",
                hint="limits.names in the configuration raises it",
            )

    def release(self, size: int) -> None:
        """Gives ``size`` bytes of memory for names back to the budget."""
        with self._lock:
            self._held -= size
