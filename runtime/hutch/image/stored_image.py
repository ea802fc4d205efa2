"""An image of the store: as a source, and its descriptions for inspect and history."""

from collections.abc import Iterator
from typing import TypedDict

from hutch.image.catalog import digest_name
from hutch.image.database import ImageRecord
from hutch.image.layout import read_chunks
from hutch.image.limits import CONFIG_BYTES, MANIFEST_BYTES
from hutch.image.manifest import Descriptor, ImageConfig, Manifest, parse, parse_config
from hutch.image.reference import Reference
from hutch.image.store import Store


class StoredSource:
    """See ``source.Source``."""

    def __init__(self, store: Store, record: ImageRecord) -> None:
        self._store = store
        self._record = record

    def top(self) -> tuple[bytes, str]:
        """See ``Source``."""
        raw = self._store.read_blob(self._record.manifest, MANIFEST_BYTES)
        return raw, self._record.media_type

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """See ``Source``."""
        return self._store.read_blob(descriptor.digest, limit)

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``."""
        return read_chunks(self._store.blob_path(descriptor.digest), offset)

    def close(self) -> None:
        """See ``Source``."""


def manifest_of(store: Store, record: ImageRecord) -> Manifest:
    """The image's manifest. Raises ImageError if it is damaged."""
    manifest = parse(store.read_blob(record.manifest, MANIFEST_BYTES), record.media_type)
    assert isinstance(manifest, Manifest)
    return manifest


def documents(store: Store, record: ImageRecord) -> tuple[Manifest, ImageConfig]:
    """The image's manifest and config. Raises ImageError if they are damaged."""
    manifest = manifest_of(store, record)
    return manifest, parse_config(store.read_blob(record.config, CONFIG_BYTES), manifest)


def has_label(store: Store, record: ImageRecord, wanted: str) -> bool:
    """Whether the image has the label ``KEY`` or ``KEY=VALUE``."""
    labels = documents(store, record)[1].execution.get("Labels")
    key, given, value = wanted.partition("=")
    return isinstance(labels, dict) and key in labels and (not given or labels[key] == value)


# What a config need not say; as with Docker a template finds the field all the same.
NOTHING: dict[str, object] = {
    "User": "", "Env": [], "Entrypoint": [], "Cmd": [], "Volumes": {}, "WorkingDir": "",
    "Labels": {}, "ExposedPorts": {}, "OnBuild": [],
}  # fmt: skip


def inspect(store: Store, record: ImageRecord) -> dict[str, object]:
    """The description of an image, in the form of ``docker image inspect``."""
    manifest, config = documents(store, record)
    names = [(n, top) for n, m, top in store.database.names() if m == record.manifest]
    layers = [str(store.layer_path(chain)) for chain in store.database.chains_of(record.manifest)]
    digests = {digest_name(Reference.parse(name), str(top)) for name, top in names}
    return {
        "Id": record.id,
        "RepoTags": [name for name, _ in names if "@" not in name],
        "RepoDigests": sorted(digests),
        "Digest": str(record.manifest),
        "Created": record.created,
        "Author": config.document.get("author", ""),
        "Architecture": record.architecture,
        "Variant": record.variant,
        "Os": record.os,
        "Size": record.size,
        "Config": {**NOTHING, **config.execution},
        "Labels": config.execution.get("Labels"),
        "Annotations": manifest.annotations,
        "ManifestType": manifest.media_type,
        "Layers": [layer.json() for layer in manifest.layers],
        "RootFS": {"Type": "layers", "Layers": [str(diff) for diff in config.diff_ids]},
        "GraphDriver": {
            "Name": "overlay",
            "Data": {
                "UpperDir": layers[-1] if layers else "",
                "LowerDir": ":".join(reversed(layers[:-1])),
            },
        },
        "History": config.document.get("history", []),
    }


class Step(TypedDict):
    """A step of an image's history, in the form of ``docker history``; the size in bytes."""

    ID: str
    Created: str
    CreatedBy: str
    Size: int
    Comment: str


def history(store: Store, record: ImageRecord) -> list[Step]:
    """The steps in which the image was made, newest first: the command, the time, and how many
    bytes the step added."""
    _, config = documents(store, record)
    chains = iter(store.database.chains_of(record.manifest))
    lines: list[Step] = []
    given = config.document.get("history")
    steps: list[object] = [{} for _ in config.diff_ids]
    if isinstance(given, list) and given:
        steps = given
    for step in steps:
        part: dict[str, object] = step if isinstance(step, dict) else {}
        size = 0
        if not part.get("empty_layer") and (chain := next(chains, None)) is not None:
            layer = store.database.layer(chain)
            size = layer.size if layer else 0
        lines.append(
            {
                "ID": "<missing>",
                "Created": str(part.get("created", "")),
                "CreatedBy": str(part.get("created_by", "")),
                "Size": size,
                "Comment": str(part.get("comment", "")),
            }
        )
    lines.reverse()
    if lines:
        lines[0]["ID"] = record.id
    return lines
