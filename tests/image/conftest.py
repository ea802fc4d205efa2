"""The registries and the stores that the tests of images share."""

from tests.support.registries import (
    another,
    elsewhere,
    fake,
    fetches,
    folder,
    odd,
    pit,
    private_registry,
    registry,
    tls_registry,
    token_registry,
    warren,
)

__all__ = [
    "another",
    "elsewhere",
    "fake",
    "fetches",
    "folder",
    "odd",
    "pit",
    "private_registry",
    "registry",
    "tls_registry",
    "token_registry",
    "warren",
]
