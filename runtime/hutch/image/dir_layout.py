"""``dir:PATH``, a format of skopeo: a folder with manifest.json and a file for each blob, named by
the hexadecimal digits of its digest."""

from collections.abc import Iterator
from pathlib import Path

from hutch.image.layout import read_bounded, read_chunks
from hutch.image.limits import MANIFEST_BYTES
from hutch.image.manifest import Descriptor


class DirSource:
    """See ``source.Source``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def top(self) -> tuple[bytes, str]:
        """See ``Source``. A folder has no media type, so the document must contain it."""
        return read_bounded(self.root / "manifest.json", MANIFEST_BYTES), ""

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """See ``Source``."""
        path = self.root / f"{descriptor.digest.hex}.manifest.json"
        return read_bounded(path if path.exists() else self.root / descriptor.digest.hex, limit)

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``."""
        return read_chunks(self.root / descriptor.digest.hex, offset)

    def close(self) -> None:
        """See ``Source``."""
