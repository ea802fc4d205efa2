"""An image of a store, and its layers."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.image import stored_image
from hutch.image.database import ImageRecord
from hutch.image.digest import Digest, chain_ids
from hutch.image.manifest import ImageConfig, Manifest
from hutch.image.platform import Platform
from hutch.image.reference import LOCAL, Reference, candidates

if TYPE_CHECKING:
    from hutch.images.store import Store


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image in the store.

    ``digest`` and ``size`` are of its blob, as a registry has it; ``diff_id`` is the digest of what
    it holds, uncompressed; ``chain_id`` of it with all layers below (image-spec, config.md).
    ``directory`` has its files as overlayfs takes them for a lower directory.
    """

    digest: Digest
    diff_id: Digest
    chain_id: Digest
    media_type: str
    size: int
    directory: Path


class Image:
    """An image of a store; ``name`` is the name that it was found by, "" if that was its id."""

    def __init__(self, store: "Store", record: ImageRecord, name: str = "") -> None:
        self._store = store
        self.record = record
        self.name = name

    @property
    def id(self) -> str:
        """The digest of its config, as ``sha256:HEX``."""
        return self.record.id

    @property
    def digest(self) -> Digest:
        """The digest of its manifest."""
        return self.record.manifest

    @property
    def platform(self) -> Platform:
        return Platform(self.record.os, self.record.architecture, self.record.variant)

    @property
    def created(self) -> str:
        """When it was made (RFC 3339), as it says itself; "" if it does not."""
        return self.record.created

    @property
    def size(self) -> int:
        """What its layers hold, unpacked."""
        return self.record.size

    @property
    def names(self) -> list[str]:
        """All names that it has in the store, complete."""
        return self._store.files.database.names_of(self.record.manifest)

    @cached_property
    def manifest(self) -> Manifest:
        """Its manifest (image-spec, manifest.md). Raises ImageError if it is damaged."""
        return stored_image.manifest_of(self._store.files, self.record)

    @cached_property
    def config(self) -> ImageConfig:
        """Its config (image-spec, config.md). Raises ImageError if it is damaged."""
        return stored_image.documents(self._store.files, self.record)[1]

    @property
    def layers(self) -> list[Layer]:
        """Its layers, the lowest first. Raises ImageError if its documents are damaged."""
        files, diff_ids = self._store.files, self.config.diff_ids
        return [
            Layer(one.digest, diff, chain, one.media_type, one.size, files.layer_path(chain))
            for one, diff, chain in zip(
                self.manifest.layers, diff_ids, chain_ids(diff_ids), strict=True
            )
        ]

    def has_label(self, label: str) -> bool:
        """Whether it bears the label ``KEY`` or ``KEY=VALUE``."""
        return stored_image.has_label(self._store.files, self.record, label)

    def is_named(self, text: str) -> bool:
        """Whether its ``name`` is the one that a person wrote: with a tag or not, short or not."""
        if not self.name:
            return False
        own, given, settings = (
            Reference.parse(self.name),
            Reference.parse(text),
            self._store.settings,
        )
        return any(
            own.repository == option.repository and (not given.tag or own.tag == given.tag)
            for option in candidates(given, [LOCAL, *settings.search], settings.aliases)
        )

    def inspect(self) -> dict[str, object]:
        """What is known of it, in the shape of ``docker image inspect``."""
        return stored_image.inspect(self._store.files, self.record)

    def history(self) -> list[stored_image.Step]:
        """How it was made, the newest step first."""
        return stored_image.history(self._store.files, self.record)

    def make_bundle(self, directory: str | os.PathLike[str]) -> None:
        """Unpacks it to ``directory``/rootfs and writes ``directory``/config.json, for
        ``hutch.Container.create``.

        The directory must not exist yet, or be empty and the caller's; it becomes 0700. What could
        not be kept (owners, without root) is told as a warning. Raises ImageError, KernelError.
        """
        self._store.unpack_image(self, self.platform, Path(directory))
