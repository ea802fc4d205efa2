"""A container's changes as a new image."""

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from hutch.engine.containers import records as phases
from hutch.engine.containers.freeze import frozen
from hutch.engine.containers.id_maps import inside
from hutch.engine.containers.layer_archive import Owners, write_layer
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.rootless import rootless
from hutch.errors import HutchError, KernelError
from hutch.image.digest import Digest
from hutch.image.documents import AuthoredConfig, Execution
from hutch.image.importing import ImportedSource, execution
from hutch.image.manifest import OCI_CONFIG, OCI_MANIFEST, Descriptor
from hutch.image.platform import Platform


def commit(
    engine: Engine,
    record: Record,
    name: str = "",
    *,
    changes: list[str] | None = None,
    message: str = "",
    author: str = "",
    freeze: bool = True,
) -> str:
    """Makes an image of the container's image and of what it has changed; its id.

    ``changes`` are instructions as in a Dockerfile. With ``freeze`` a container that runs is paused
    meanwhile. Raises UsageError, ImageError, KernelError.
    """
    with contextlib.ExitStack() as stack:
        if freeze and record.phase == phases.RUNNING and not record.paused:
            try:
                stack.enter_context(frozen(engine, record))
            except HutchError:
                if not rootless():  # which may have no cgroup that can be frozen
                    raise
        source = Committed(engine, record, changes or [], message, author)
    try:
        image = engine.images.add(source, name)
    finally:
        source.close()
    engine.events.of(record, "commit")
    return image.id


class Committed:
    """The container's image with one more layer. See ``hutch.image.source.Source``."""

    def __init__(
        self, engine: Engine, record: Record, changes: list[str], message: str, author: str
    ) -> None:
        from hutch.image.stored_image import StoredSource, documents

        files = engine.store
        base = files.database.image(Digest.parse(record.manifest))
        assert base is not None  # the container holds it
        manifest, config = documents(files, base)
        self._base = StoredSource(files, base)
        scratch = files.work / f"commit-{os.getpid()}-{os.urandom(4).hex()}"
        self._layer = packed(
            engine.places(record).upper,
            scratch,
            config.platform,
            lambda uid, gid: inside(record.options, uid, gid),
        )
        layer = json.loads(self._layer.top()[0])["layers"][0]
        diff_id = json.loads(self._layer.document(manifest.config, 0))["rootfs"]["diff_ids"][0]
        document: AuthoredConfig = json.loads(config.raw)
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        document["created"] = created
        if author:
            document["author"] = author
        document["config"] = merged(document.get("config") or {}, record, changes)
        document["rootfs"]["diff_ids"].append(diff_id)
        document.setdefault("history", []).append(
            {
                "created": created,
                "created_by": " ".join(record.options.command) or "warren commit",
                "comment": message,
            }
        )
        self._config = json.dumps(document).encode()
        descriptor = Descriptor(OCI_CONFIG, Digest.of(self._config), len(self._config))
        layers = [one.json() for one in manifest.layers]
        self._manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor.json(),
                "layers": [*layers, layer],
            }
        ).encode()
        self._digest = layer["digest"]

    def top(self) -> tuple[bytes, str]:
        """See ``Source``."""
        return self._manifest, OCI_MANIFEST

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        """See ``Source``."""
        return self._config

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``."""
        holder = self._layer if str(descriptor.digest) == self._digest else self._base
        return holder.blob(descriptor, offset)

    def close(self) -> None:
        """See ``Source``."""
        self._layer.close()


def packed(upper: Path, scratch: Path, platform: Platform, owners: Owners) -> ImportedSource:
    """What overlayfs keeps in the upper folder, as a layer: its whiteouts by their tar names."""
    plain = scratch.with_name(scratch.name + ".tar")
    try:
        with open(plain, "xb") as output:
            write_layer(upper, output, owners)
        with open(plain, "rb") as archive:
            return ImportedSource(archive, scratch, platform, {}, "")
    except OSError as error:
        raise KernelError(f"read the container's files in {upper}", "open", error.errno) from None
    finally:
        plain.unlink(missing_ok=True)


def merged(config: Execution, record: Record, changes: list[str]) -> Execution:
    """The image's config with what the container was made with, and the ``changes``."""
    options = record.options
    found = config.copy()
    if options.command:
        found["Cmd"] = options.command
    if options.entrypoint is not None:
        found["Entrypoint"] = options.entrypoint
    if options.env:
        found["Env"] = [*(config.get("Env") or []), *(e for e in options.env if "=" in e)]
    if options.user is not None:
        found["User"] = options.user
    if options.workdir is not None:
        found["WorkingDir"] = options.workdir
    if options.stop_signal is not None:
        found["StopSignal"] = options.stop_signal
    if options.labels:
        found["Labels"] = {**(config.get("Labels") or {}), **options.labels}
    if options.health:
        from hutch.engine.containers.health import document

        found["Healthcheck"] = document(options.health)
    changed = execution(changes)
    if "Env" in changed:
        changed["Env"] = [*(found.get("Env") or []), *changed["Env"]]
    for key, more in changed.items():
        before = found.get(key)
        if isinstance(more, dict) and isinstance(before, dict):
            changed[key] = {**before, **more}  # type: ignore[literal-required]
    return {**found, **changed}
