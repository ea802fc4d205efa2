"""``dir:PATH``: a folder with manifest.json and one file a blob, named by its hex (skopeo's)."""

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
        """See ``Source``. What kind of manifest it is, it must say itself."""
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
