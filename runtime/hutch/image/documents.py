"""The types of the documents of images, after they were checked, or as this package writes them.

A JSON parser returns ``object``. manifest.py and archive.py check it, and return one of these types
or a class of their own. The names of the fields are those of the specification (image-spec:
descriptor.md, manifest.md, image-index.md and config.md) or of docker save.
"""

from typing import NotRequired, TypedDict

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ANNOTATION = "org.opencontainers.image."  # the annotations that conversion.md defines


class PlatformDocument(TypedDict):
    """A platform (image-index.md)."""

    architecture: str
    os: str
    variant: NotRequired[str]


class DescriptorDocument(TypedDict):
    """A descriptor; ``size`` in bytes (descriptor.md)."""

    mediaType: str
    digest: str
    size: int
    platform: NotRequired[PlatformDocument]
    annotations: NotRequired[dict[str, str]]


class ManifestDocument(TypedDict):
    """An image manifest (manifest.md)."""

    schemaVersion: int
    mediaType: str
    config: DescriptorDocument
    layers: list[DescriptorDocument]


class IndexDocument(TypedDict):
    """An image index (image-index.md)."""

    schemaVersion: int
    mediaType: str
    manifests: list[DescriptorDocument]


class Healthcheck(TypedDict, total=False):
    """How a container's health is checked (Docker's image specification, "Healthcheck"; not in the
    OCI's). Times are in nanoseconds; 0 means the default. ``Test``: [] for the check of the base
    image, ["NONE"], ["CMD", argument...], or ["CMD-SHELL", command]."""

    Test: list[str]
    Interval: int
    Timeout: int
    StartPeriod: int
    StartInterval: int
    Retries: int


class Execution(TypedDict, total=False):
    """What a container of the image runs by default (config.md, "config")."""

    User: str
    ExposedPorts: dict[str, dict[str, object]]
    Env: list[str]
    Entrypoint: list[str]
    Cmd: list[str]
    Volumes: dict[str, dict[str, object]]
    WorkingDir: str
    Labels: dict[str, str]
    StopSignal: str
    Healthcheck: Healthcheck


class RootFs(TypedDict):
    """The diffIDs of the layers, the lowest first (config.md, "rootfs")."""

    type: str
    diff_ids: list[str]


class HistoryDocument(TypedDict):
    """One step in which the image was made (config.md, "history")."""

    created: str
    created_by: str
    comment: str


class ConfigDocument(PlatformDocument):
    """An image's config (config.md)."""

    created: str
    config: Execution
    rootfs: RootFs
    history: list[HistoryDocument]


class AuthoredConfig(ConfigDocument):
    """The same with the author, as ``commit`` writes it."""

    author: NotRequired[str]


class ArchivedImage(TypedDict):
    """An image in docker save's manifest.json: where its config and layers are, and its names."""

    Config: str
    RepoTags: list[str] | None
    Layers: list[str]
