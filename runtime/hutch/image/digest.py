"""Digests: the names of content, and the only way to a blob's path (image-spec, descriptor.md)."""

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from hutch.errors import shown
from hutch.image.errors import ImageError

if TYPE_CHECKING:
    from hashlib import _Hash

HEX_LENGTH = {"sha256": 64, "sha512": 128}
PATTERN = re.compile(r"(sha256|sha512):([0-9a-f]+)")


class Digest(NamedTuple):
    """An algorithm and lower-case hexadecimal of exactly its length: safe in a path and in a URL.

    CVE-2024-3727: a digest that was never parsed became part of a path. Therefore nothing else
    in the store turns text into a path.
    """

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: object) -> "Digest":
        """The digest that ``text`` writes; raises ImageError for anything else."""
        match = PATTERN.fullmatch(text) if isinstance(text, str) else None
        if match is None or len(match[2]) != HEX_LENGTH[match[1]]:
            raise ImageError(
                f"{shown(text)} is not a digest",
                hint="sha256 or sha512, a colon, and exactly 64 or 128 lower-case hex digits",
            )
        return cls(match[1], match[2])

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        """The sha256 digest of ``data``."""
        return cls("sha256", hashlib.sha256(data).hexdigest())

    def hasher(self) -> "_Hash":
        """A fresh hash of this digest's algorithm."""
        return hashlib.new(self.algorithm)

    def matches(self, data: bytes) -> bool:
        return hashlib.new(self.algorithm, data).hexdigest() == self.hex

    @property
    def path(self) -> str:
        """Where the blob lies below ``blobs/`` of an OCI image layout."""
        return f"{self.algorithm}/{self.hex}"

    @property
    def short(self) -> str:
        """The twelve digits that people see."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def chain_ids(diff_ids: list[Digest]) -> list[Digest]:
    """The identity of the stack up to each layer (image-spec, config.md, "Layer ChainID")."""
    chains: list[Digest] = []
    for diff in diff_ids:
        chains.append(Digest.of(f"{chains[-1]} {diff}".encode()) if chains else diff)
    return chains
