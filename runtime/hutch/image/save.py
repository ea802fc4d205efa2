"""Saves images of the store in one archive that all common programs can read.

The archive is an OCI layout (podman load, skopeo oci-archive:, Docker since 25). It also has the
manifest.json of docker save, which names the same blobs (docker load of all versions).
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hutch.image.catalog import Named
from hutch.image.documents import ArchivedImage
from hutch.image.errors import ImageError
from hutch.image.layer import verified
from hutch.image.layout import VERSION, index_json, read_chunks
from hutch.image.manifest import Descriptor
from hutch.image.reference import Reference
from hutch.image.store import Store
from hutch.image.stored_image import documents
from hutch.image.tarwriter import TarWriter


def save(store: Store, images: list[Named], output: IO[bytes]) -> None:
    """Writes an archive of ``images``, each under the name by which it was found."""
    blobs: dict[str, Descriptor] = {}
    entries: list[tuple[str, Descriptor]] = []
    docker: list[ArchivedImage] = []
    for image in images:
        manifest, _ = documents(store, image.record)
        entries.append((image.name, manifest.descriptor))
        for blob in (manifest.descriptor, manifest.config, *manifest.layers):
            if not store.has_blob(blob.digest):
                raise ImageError(f"blob {blob.digest} is missing in the store")
            blobs[f"blobs/{blob.digest.path}"] = blob
        docker.append(
            {
                "Config": f"blobs/{manifest.config.digest.path}",
                "RepoTags": [familiar(image.name)] if image.name else None,
                "Layers": [f"blobs/{layer.digest.path}" for layer in manifest.layers],
            }
        )
    writer = TarWriter(output)
    writer.file("oci-layout", VERSION.encode())
    for name, blob in blobs.items():
        chunks = read_chunks(store.blob_path(blob.digest))
        writer.stream(name, blob.size, verified(chunks, blob))
    writer.file("index.json", index_json(entries))
    writer.file("manifest.json", json.dumps(docker).encode())
    writer.end()


def familiar(name: str) -> str:
    """A name as Docker writes it: without docker.io/library/."""
    reference = Reference.parse(name)
    return f"{reference.familiar}:{reference.tag}" if reference.tag else reference.familiar


def write_layout(store: Store, images: list[Named], root: Path) -> None:
    """Adds ``images`` to the OCI layout in the folder ``root``, which is made if it is missing."""
    from hutch.image.layout import Layout

    entries: list[tuple[str, Descriptor]] = []
    if (root / "oci-layout").exists():
        entries = Layout(root).names()
    root.mkdir(parents=True, exist_ok=True)
    for image in images:
        manifest, _ = documents(store, image.record)
        entries = [(name, entry) for name, entry in entries if name != image.name]
        entries.append((image.name, manifest.descriptor))
        for blob in (manifest.descriptor, manifest.config, *manifest.layers):
            chunks = verified(read_chunks(store.blob_path(blob.digest)), blob)
            _copy(chunks, root / "blobs" / blob.digest.path)
    _copy(iter([VERSION.encode()]), root / "oci-layout")
    _copy(iter([index_json(entries)]), root / "index.json")


def _copy(chunks: Iterator[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with renamed(path) as file:
        for chunk in chunks:
            file.write(chunk)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that is renamed to ``path`` when it is complete; after an error it is deleted.

    If ``path`` is not a regular file (a FIFO, /dev/stdout), the data is written to it directly.
    """
    if path.exists() and not path.is_file():
        with open(path, "wb") as file:
            yield file
        return
    with renamed(path.resolve()) as file:
        yield file


@contextmanager
def renamed(path: Path) -> Iterator[IO[bytes]]:
    """A file that is renamed to ``path`` when it is complete, and replaces what is there; after an
    error it is deleted."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    with open(temporary, "xb") as file:
        try:
            yield file
            file.flush()
            temporary.rename(path)
        except BaseException:
            temporary.unlink()
            raise
