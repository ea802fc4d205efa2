"""Manifests, indexes and descriptors: from hostile JSON to checked values.

OCI image-spec 1.1 (manifest.md, image-index.md, descriptor.md) and Docker's image manifest version
2, schema 2. This module checks every field before it is used. An invalid field raises ImageError.
"""

import base64
import binascii
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from hutch._json import decode
from hutch.errors import shown
from hutch.image.digest import Digest
from hutch.image.documents import DescriptorDocument, Execution, Healthcheck
from hutch.image.errors import ImageError
from hutch.image.limits import CONFIG_BYTES, LAYERS, MANIFEST_BYTES
from hutch.image.platform import Platform

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1"

INDEXES = (OCI_INDEX, DOCKER_INDEX)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
CONFIGS = (OCI_CONFIG, DOCKER_CONFIG)

OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"

# The compression that a layer's media type declares. The first bytes of the content decide, because
# some registries and builders declare the wrong one.
LAYERS_TYPES = {
    base + (mark + packed if packed != "tar" else ""): packed
    for base, mark in (
        (OCI_LAYER, "+"), (OCI_FOREIGN, "+"), (DOCKER_LAYER, "."), (DOCKER_FOREIGN, "."),
    )
    for packed in ("tar", "gzip", "zstd")
}  # fmt: skip
EMPTY_JSON = b"{}"


class Descriptor(NamedTuple):
    """A blob by media type, digest and size in bytes (image-spec, descriptor.md)."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = MappingProxyType({})
    data: bytes | None = None

    @property
    def foreign(self) -> bool:
        """Whether it is a layer that registries are not required to have."""
        return self.media_type.startswith((OCI_FOREIGN, DOCKER_FOREIGN))

    def json(self) -> DescriptorDocument:
        """The descriptor as JSON."""
        document: DescriptorDocument = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.platform is not None:
            document["platform"] = self.platform.json()
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return document


class Manifest(NamedTuple):
    """One image: its config and its layers, lowest first. ``raw`` is the document as it was
    received; the digest is computed from it."""

    media_type: str
    config: Descriptor
    layers: list[Descriptor]
    annotations: dict[str, str]
    raw: bytes

    @property
    def digest(self) -> Digest:
        """The digest of its bytes."""
        return Digest.of(self.raw)

    @property
    def descriptor(self) -> Descriptor:
        """What an index says of it."""
        return Descriptor(self.media_type, self.digest, len(self.raw))


class Index(NamedTuple):
    """Several images under one name, usually one for each platform."""

    media_type: str
    manifests: list[Descriptor]
    annotations: dict[str, str]
    raw: bytes


class ImageConfig(NamedTuple):
    """The image's own config: the platform, the diffIDs and what a container runs by default."""

    document: dict[str, object]
    platform: Platform
    diff_ids: list[Digest]
    raw: bytes

    @property
    def execution(self) -> dict[str, object]:
        """The ``config`` part, unchecked: Env, Entrypoint, Cmd and so on. See ``checked``."""
        part = self.document.get("config")
        return part if isinstance(part, dict) else {}

    def checked(self) -> Execution:
        """The fields of ``execution`` that a container is made from. Raises ImageError if one of
        them is malformed."""
        part = self.execution
        execution: Execution = {
            "User": _text(part, "User"),
            "Env": _list(part, "Env"),
            "Entrypoint": _list(part, "Entrypoint"),
            "Cmd": _list(part, "Cmd"),
            "WorkingDir": _text(part, "WorkingDir"),
            "StopSignal": _text(part, "StopSignal"),
        }
        if isinstance(ports := part.get("ExposedPorts"), dict):
            execution["ExposedPorts"] = {port: {} for port in ports}
        if isinstance(volumes := part.get("Volumes"), dict):
            execution["Volumes"] = {place: {} for place in volumes}
        if isinstance(labels := part.get("Labels"), dict):
            execution["Labels"] = {key: str(value) for key, value in labels.items()}
        if isinstance(check := part.get("Healthcheck"), dict):
            execution["Healthcheck"] = _healthcheck(check)
        return execution


def _healthcheck(check: dict[str, object]) -> Healthcheck:
    test = _list(check, "Test")
    if test and (
        test[0] not in ("NONE", "CMD", "CMD-SHELL")
        or (test[0] == "CMD-SHELL" and len(test) != 2)
        or test == ["CMD"]
    ):
        raise ImageError(f"image config: config.Healthcheck.Test: {shown(test)} is no check")
    return {
        "Test": test,
        "Interval": _whole(check, "Interval"),
        "Timeout": _whole(check, "Timeout"),
        "StartPeriod": _whole(check, "StartPeriod"),
        "StartInterval": _whole(check, "StartInterval"),
        "Retries": _whole(check, "Retries"),
    }


def _list(execution: dict[str, object], key: str) -> list[str]:
    value = execution.get(key) or []
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ImageError(f"image config: config.{key}: must be a list of strings")
    if any("\0" in part for part in value):
        raise ImageError(f"image config: config.{key}: a NUL character")
    return list(value)


def _whole(check: dict[str, object], key: str) -> int:
    value = check.get(key) or 0
    if not isinstance(value, int) or value < 0:
        raise ImageError(f"image config: config.Healthcheck.{key}: {shown(value)} is no number")
    return value


def _text(execution: dict[str, object], key: str) -> str:
    value = execution.get(key) or ""
    if not isinstance(value, str) or "\0" in value:
        raise ImageError(f"image config: config.{key}: {shown(value)} is not a string")
    return value


def parse_json(raw: bytes, what: str) -> dict[str, object]:
    """Parses a JSON object. A key that occurs twice is refused, because two parsers could use
    different values. Raises ImageError."""
    try:
        document = decode(raw)
    except ValueError:  # json also reads what decode() refuses, and says what is wrong
        document = _slowly(raw, what)
    if not isinstance(document, dict):
        raise ImageError(f"{what}: must be a JSON object, not {type(document).__name__}")
    return document


def _slowly(raw: bytes, what: str) -> object:
    """The value by the standard library's parser. Raises ImageError."""
    import json

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        seen = dict(pairs)
        if len(seen) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ImageError(f"{what}: the key {shown(twice)} is given twice")
        return seen

    try:
        found: object = json.loads(raw.decode(), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ImageError(f"{what}: not JSON: {reason}") from None
    return found


def parse_descriptor(value: object, where: str) -> Descriptor:
    """Checks a descriptor (S-73). ``where`` names it in errors, for example ``layers[2]``."""
    if not isinstance(value, dict):
        raise ImageError(f"{where}: must be a descriptor, not {shown(value)}")
    media_type = value.get("mediaType", "")
    size = value.get("size")
    if not isinstance(media_type, str) or not media_type:
        raise ImageError(f"{where}.mediaType: must be a media type, not {shown(media_type)}")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 62:
        raise ImageError(f"{where}.size: must be a number of bytes, not {shown(size)}")
    try:
        digest = Digest.parse(value.get("digest"))
    except ImageError as error:
        raise ImageError(f"{where}.digest: {error.sentence}", hint=error.hint) from None
    data = None
    if "data" in value:
        data = _embedded(value["data"], digest, size, where)
    if media_type == OCI_EMPTY and (size != 2 or not digest.matches(EMPTY_JSON)):
        raise ImageError(f"{where}: the media type of the empty JSON object, but other content")
    platform = value.get("platform")
    return Descriptor(
        media_type,
        digest,
        size,
        Platform.from_json(platform, where + ".platform") if platform is not None else None,
        _strings(value.get("annotations"), where + ".annotations"),
        data,
    )


def _embedded(data: object, digest: Digest, size: int, where: str) -> bytes:
    """The content that is embedded in a descriptor. Its size and digest must be right."""
    try:
        content = base64.b64decode(data if isinstance(data, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(f"{where}.data: not base64") from None
    if len(content) != size or not digest.matches(content):
        raise ImageError(f"{where}.data: does not agree with the descriptor's size and digest")
    return content


def _strings(value: object, where: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise ImageError(f"{where}: must be an object of strings")
    return value


def parse(raw: bytes, media_type: str = "") -> Manifest | Index:
    """The manifest or index in ``raw``. ``media_type`` is the type that the sender gave, or "".

    A document that can be read both as a manifest and as an index is refused (CVE-2021-41190,
    S-72). The mediaType in the document must be the same as the sender's.
    """
    if len(raw) > MANIFEST_BYTES:
        raise ImageError(f"a manifest of {len(raw)} bytes; {MANIFEST_BYTES} is the limit")
    what = f"manifest {Digest.of(raw)}"
    document = parse_json(raw, what)
    if document.get("schemaVersion") == 1 or media_type.startswith(SCHEMA1):
        raise ImageError(
            f"{what}: Docker's schema 1, which is no longer read",
            hint="push the image again with a current tool",
        )
    if document.get("schemaVersion") != 2:
        raise ImageError(f"{what}: schemaVersion = {shown(document.get('schemaVersion'))}, not 2")
    if "manifests" in document and ("layers" in document or "config" in document):
        raise ImageError(f"{what}: both a manifest and an index (CVE-2021-41190)")
    if "fsLayers" in document or "history" in document:
        raise ImageError(f"{what}: both schema 1 and schema 2")
    own = document.get("mediaType", "")
    if not isinstance(own, str):
        raise ImageError(f"{what}: mediaType: must be a string, not {shown(own)}")
    known = media_type if media_type in INDEXES + MANIFESTS else ""
    if own and known and own != known:
        raise ImageError(
            f"{what}: its mediaType is {shown(own)}, but the sender's type is {shown(media_type)}"
        )
    kind = own or known or (OCI_INDEX if "manifests" in document else OCI_MANIFEST)
    annotations = _strings(document.get("annotations"), what + ".annotations")
    if kind in INDEXES and isinstance(parts := document.get("manifests"), list):
        entries = [parse_descriptor(d, f"{what}: manifests[{i}]") for i, d in enumerate(parts)]
        return Index(kind, entries, annotations, raw)
    if kind in MANIFESTS and isinstance(parts := document.get("layers"), list):
        layers = [parse_descriptor(d, f"{what}: layers[{i}]") for i, d in enumerate(parts)]
        if len(layers) > LAYERS:
            raise ImageError(f"{what}: {len(layers)} layers; {LAYERS} is the limit")
        config = parse_descriptor(document.get("config"), f"{what}: config")
        return Manifest(kind, config, layers, annotations, raw)
    raise ImageError(f"{what}: {shown(kind)} is neither an image manifest nor an index")


def check_runnable(manifest: Manifest) -> None:
    """Raises ImageError unless this is a container image with layers of known types.

    A foreign layer is only downloaded from the registry of the image. Its URLs are not used: they
    may be on any host, and another program sent credentials there (CVE-2020-15157, S-74).
    """
    what = f"manifest {manifest.digest}"
    if manifest.config.media_type not in CONFIGS:
        raise ImageError(
            f"{what}: config is {shown(manifest.config.media_type)}: an artifact, not an image"
        )
    if manifest.config.size > CONFIG_BYTES:
        raise ImageError(
            f"{what}: a config of {manifest.config.size} bytes; {CONFIG_BYTES} is the limit"
        )
    for number, layer in enumerate(manifest.layers):
        if layer.media_type not in LAYERS_TYPES:
            raise ImageError(
                f"{what}: layers[{number}].mediaType: {shown(layer.media_type)} is not a layer"
            )


def parse_config(raw: bytes, manifest: Manifest | None = None) -> ImageConfig:
    """Parses the image's config. If ``manifest`` is given, the config must have one diffID for each
    of its layers. Raises ImageError."""
    if len(raw) > CONFIG_BYTES:
        raise ImageError(f"an image config of {len(raw)} bytes; {CONFIG_BYTES} is the limit")
    what = f"image config {Digest.of(raw)}"
    document = parse_json(raw, what)
    rootfs = document.get("rootfs")
    if not isinstance(rootfs, dict) or rootfs.get("type") != "layers":
        raise ImageError(f'{what}: rootfs.type must be "layers"')
    diff_ids = rootfs.get("diff_ids", [])
    if not isinstance(diff_ids, list):
        raise ImageError(f"{what}: rootfs.diff_ids: must be a list")
    digests = [Digest.parse(diff) for diff in diff_ids]
    if manifest is not None and len(digests) != len(manifest.layers):
        raise ImageError(
            f"{what}: {len(digests)} diff_ids, but the manifest has {len(manifest.layers)} layers"
        )
    if "config" in document and not isinstance(document["config"], dict | None):
        raise ImageError(f"{what}: config: must be an object")
    return ImageConfig(document, Platform.from_json(document, what), digests, raw)
