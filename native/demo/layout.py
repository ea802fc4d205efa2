"""Packs a static program as an OCI image layout (image-spec image-layout.md): the demonstration's,
which so needs no network, and that of a pod's infra container. Times are zero: the same program
gives the same digests."""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
TAG = "latest"


def layer(program: Path, name: str) -> bytes:
    """A tar of the one file /NAME."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(name)
        entry.size = program.stat().st_size
        entry.mode = 0o755
        with program.open("rb") as file:
            archive.addfile(entry, file)
    return output.getvalue()


def write_layout(program: Path, layout: Path, name: str, machine: str = "") -> None:
    """Writes the layout of an image whose only layer holds ``program`` as /NAME, for a machine such
    as "x86_64", or for this one."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def put(data: bytes, media_type: str) -> dict[str, str | int]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    def put_json(document: dict[str, object], media_type: str) -> dict[str, str | int]:
        return put(json.dumps(document).encode(), media_type)

    tar = layer(program, name)
    packed = put(gzip.compress(tar, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
    machine = machine or platform.machine()
    config = put_json(
        {
            "architecture": ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {"Entrypoint": ["/" + name]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]},
        },
        "application/vnd.oci.image.config.v1+json",
    )
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config,
        "layers": [packed],
    }
    described: dict[str, object] = {
        **put_json(manifest, media_type),
        "annotations": {"org.opencontainers.image.ref.name": TAG},
    }
    index = {"schemaVersion": 2, "manifests": [described]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
