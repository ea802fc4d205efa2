"""Digests, which identify content (image-spec, descriptor.md), and the paths of blobs."""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from hutch.errors import shown
from hutch.image.errors import ImageError

if TYPE_CHECKING:
    from hashlib import _Hash

HEX_LENGTH = {"sha256": 64, "sha512": 128}
DIGITS = frozenset("0123456789abcdef")


class Digest(NamedTuple):
    """An algorithm, and lower-case hexadecimal digits of exactly its length. Safe in a path and in
    a URL.

    In CVE-2024-3727, a digest that was not checked became part of a path. So the store makes paths
    of blobs only from this class.
    """

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: object) -> "Digest":
        """Parses a digest. Raises ImageError for any other value."""
        algorithm, _, digits = text.partition(":") if isinstance(text, str) else ("", "", "")
        if HEX_LENGTH.get(algorithm) != len(digits) or not DIGITS.issuperset(digits):
            raise ImageError(
                f"{shown(text)} is not a digest",
                hint="sha256 or sha512, a colon, and exactly 64 or 128 lower-case hex digits",
            )
        return cls(algorithm, digits)

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        """The sha256 digest of ``data``."""
        return cls("sha256", hashlib.sha256(data).hexdigest())

    def hasher(self) -> "_Hash":
        """A new hash object of this digest's algorithm."""
        return hashlib.new(self.algorithm)

    def matches(self, data: bytes) -> bool:
        """Whether this is the digest of ``data``."""
        return hashlib.new(self.algorithm, data).hexdigest() == self.hex

    @property
    def path(self) -> str:
        """The path of the blob below ``blobs/`` of an OCI image layout."""
        return f"{self.algorithm}/{self.hex}"

    @property
    def short(self) -> str:
        """The first twelve digits, as in tables and messages."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def chain_ids(diff_ids: list[Digest]) -> list[Digest]:
    """The chain ID of each layer, which also identifies all layers below it (image-spec, config.md,
    "Layer ChainID")."""
    chains: list[Digest] = []
    for diff in diff_ids:
        chains.append(Digest.of(f"{chains[-1]} {diff}".encode()) if chains else diff)
    return chains
