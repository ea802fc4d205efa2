"""Pushes an image of the store to a registry. Its documents and blobs are sent unchanged.

A blob that the registry already has is not sent. If another repository of the registry is known to
have it, it is mounted from there (distribution-spec, "Mounting a blob from another repository").
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hutch.image.errors import Refused, RegistryError
from hutch.image.layer import verified
from hutch.image.layout import read_chunks
from hutch.image.manifest import Descriptor, Manifest
from hutch.image.progress import Reporter
from hutch.image.reference import Reference
from hutch.image.registry.client import Registry, pull_scope, push_scope
from hutch.image.registry.target import Target
from hutch.image.store import Store

PARALLEL = 3
TRIES = 4
BACK_OFF = 0.5  # seconds, doubled


def push(
    store: Store, manifest: Manifest, target: Reference, registry: Registry, reporter: Reporter
) -> None:
    """Uploads the blobs that the registry does not have, then the manifest under the target's tag.

    Raises RegistryError, ImageError (a blob is missing in the store).
    """
    blobs = list({d.digest: d for d in [*manifest.layers, manifest.config]}.values())
    registry.base()
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="push") as pool:
        jobs = [pool.submit(_blob, store, blob, target, registry, reporter) for blob in blobs]
        try:
            for job in jobs:
                job.result()
        finally:
            for job in jobs:
                job.cancel()
    registry.put_manifest(
        target.path, target.selector or "latest", manifest.raw, manifest.media_type
    )
    store.database.add_seen([blob.digest for blob in blobs], target.repository)


def _blob(
    store: Store, blob: Descriptor, target: Reference, registry: Registry, reporter: Reporter
) -> None:
    scopes = [push_scope(target.path)]
    reporter.layer(blob.digest, blob.size, "Pushing")
    for attempt in range(1, TRIES + 1):
        try:
            if registry.has_blob(target.path, blob.digest, scopes):
                reporter.done(blob.digest, "Already exists")
                return
            location = _mounted(store, blob, target, registry)
            if location is None:
                reporter.done(blob.digest, "Mounted")
                return
            content = _reported(store, blob, reporter)
            registry.upload(location, blob, content, scopes)
            reporter.done(blob.digest, "Pushed")
            return
        except RegistryError as error:
            if attempt == TRIES or isinstance(error, Refused):
                raise
            registry.transport.wait(error.sentence, BACK_OFF * 2**attempt)


def _mounted(
    store: Store, blob: Descriptor, target: Reference, registry: Registry
) -> Target | None:
    """None if the blob could be mounted; otherwise where to send it."""
    scopes = [push_scope(target.path)]
    for repository in store.database.seen(blob.digest):
        host, _, path = repository.partition("/")
        if host == target.registry and path != target.path:
            try:
                return registry.mount(target.path, blob.digest, path, [*scopes, pull_scope(path)])
            except RegistryError:
                break  # no access to that repository, so upload the blob
    return registry.mount(target.path, blob.digest, "", scopes)


def _reported(store: Store, blob: Descriptor, reporter: Reporter) -> Iterator[bytes]:
    for chunk in verified(read_chunks(store.blob_path(blob.digest)), blob):
        reporter.advance(blob.digest, len(chunk))
        yield chunk
