"""An image of a store, and its layers."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hutch.image import stored_image
from hutch.image.database import ImageRecord
from hutch.image.digest import Digest, chain_ids
from hutch.image.manifest import ImageConfig, Manifest
from hutch.image.platform import Platform
from hutch.image.reference import LOCAL, Reference, candidates

if TYPE_CHECKING:
    from hutch.images.store import Store


class Layer(NamedTuple):
    """A layer of an image in the store.

    ``digest`` and ``size`` (bytes) are those of its blob in a registry. ``diff_id`` is the digest
    of the uncompressed content, ``chain_id`` that of the layer with all layers below it
    (image-spec, config.md). ``directory`` has its files, as a lower directory for overlayfs.
    """

    digest: Digest
    diff_id: Digest
    chain_id: Digest
    media_type: str
    size: int
    directory: Path


class Image:
    """An image of a store. ``name`` is the name by which it was found; "" if found by its id."""

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
        """The platform that it is for."""
        return Platform(self.record.os, self.record.architecture, self.record.variant)

    @property
    def created(self) -> str:
        """When it was made (RFC 3339), according to its config; "" if the config does not say."""
        return self.record.created

    @property
    def size(self) -> int:
        """The size of its unpacked layers in bytes."""
        return self.record.size

    @property
    def names(self) -> list[str]:
        """All names that it has in the store, each with registry and tag or digest."""
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
        """Its layers, the lowest first. Raises ImageError if its manifest or config is damaged."""
        files, diff_ids = self._store.files, self.config.diff_ids
        return [
            Layer(one.digest, diff, chain, one.media_type, one.size, files.layer_path(chain))
            for one, diff, chain in zip(
                self.manifest.layers, diff_ids, chain_ids(diff_ids), strict=True
            )
        ]

    def has_label(self, label: str) -> bool:
        """Whether it has the label ``KEY`` or ``KEY=VALUE``."""
        return stored_image.has_label(self._store.files, self.record, label)

    def is_named(self, text: str) -> bool:
        """Whether ``text``, with or without tag, short or complete, means this ``name``."""
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
        """A description of the image, in the format of ``docker image inspect``."""
        return stored_image.inspect(self._store.files, self.record)

    def history(self) -> list[stored_image.Step]:
        """The steps by which it was made, the newest first."""
        return stored_image.history(self._store.files, self.record)

    def make_bundle(self, directory: str | os.PathLike[str]) -> None:
        """Unpacks it to ``directory``/rootfs and writes ``directory``/config.json, for
        ``hutch.Container.create``.

        The directory must not exist, or it must be empty and belong to the caller; its mode becomes
        0700. Attributes that could not be set (such as owners, without root) are reported as a
        warning. Raises ImageError, KernelError.
        """
        self._store.unpack_image(self, self.platform, Path(directory))
