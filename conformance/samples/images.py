"""Makes images for tests in an OCI layout. Their layers can be unusual or hostile."""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


TIME = 1_600_000_000
OCI = "application/vnd.oci.image."


class Layer:
    """Makes a tar archive; each method adds one entry."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add(
        self, name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **more: Any
    ) -> "Layer":
        info = tarfile.TarInfo(name)
        info.type = kind
        info.mtime = TIME
        info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
        info.size = len(data)
        xattrs = more.pop("xattrs", {})
        for key, value in more.items():
            setattr(info, key, value)
        info.pax_headers = {
            "SCHILY.xattr." + key: value.decode("utf-8", "surrogateescape")
            for key, value in xattrs.items()
        }
        self._tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
        return self

    def file(self, name: str, data: bytes = b"", **more: Any) -> "Layer":
        return self.add(name, data=data, **more)

    def folder(self, name: str, **more: Any) -> "Layer":
        return self.add(name, tarfile.DIRTYPE, **more)

    def symlink(self, name: str, target: str, **more: Any) -> "Layer":
        return self.add(name, tarfile.SYMTYPE, linkname=target, mode=0o777, **more)

    def link(self, name: str, target: str, **more: Any) -> "Layer":
        return self.add(name, tarfile.LNKTYPE, linkname=target, **more)

    def whiteout(self, name: str) -> "Layer":
        folder, _, base = name.rpartition("/")
        return self.file((folder + "/" if folder else "") + ".wh." + base, mode=0, mtime=0)

    def opaque(self, folder: str) -> "Layer":
        return self.file(folder + "/.wh..wh..opq", mode=0, mtime=0)

    def tar(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


def compress(data: bytes, kind: str) -> bytes:
    if kind == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if kind == "zstd":
        return zstd.compress(data)
    return data


SUFFIX = {"gzip": "+gzip", "zstd": "+zstd", "tar": ""}


@dataclass
class Image:
    """The blobs, the config and the manifest of an image; ``write`` writes them as a layout."""

    layers: list[bytes]  # uncompressed
    kind: str = "gzip"
    config: dict[str, Any] = field(default_factory=lambda: {"Cmd": ["/bin/sh"]})
    architecture: str = "amd64"
    blobs: dict[str, bytes] = field(default_factory=dict)

    def blob(self, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    def descriptor(self, data: bytes, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": self.blob(data), "size": len(data)}

    def manifest(self) -> dict[str, Any]:
        """The manifest as JSON. The blobs that it names are in ``blobs``."""
        config = {
            "architecture": self.architecture,
            "os": "linux",
            "created": "2020-09-13T12:26:40Z",
            "config": self.config,
            "rootfs": {
                "type": "layers",
                "diff_ids": ["sha256:" + hashlib.sha256(t).hexdigest() for t in self.layers],
            },
            "history": [{"created_by": f"layer {i}"} for i in range(len(self.layers))],
        }
        return {
            "schemaVersion": 2,
            "mediaType": OCI + "manifest.v1+json",
            "config": self.descriptor(json.dumps(config).encode(), OCI + "config.v1+json"),
            "layers": [
                self.descriptor(compress(tar, self.kind), OCI + "layer.v1.tar" + SUFFIX[self.kind])
                for tar in self.layers
            ],
        }

    def write(
        self, root: Path, name: str = "latest", manifest: dict[str, Any] | None = None
    ) -> Path:
        document = self.manifest() if manifest is None else manifest
        raw = json.dumps(document).encode()
        top = self.descriptor(raw, document.get("mediaType", OCI + "manifest.v1+json"))
        top["annotations"] = {"org.opencontainers.image.ref.name": name}
        write_layout(root, self.blobs, [top])
        return root


def write_layout(root: Path, blobs: dict[str, bytes], tops: list[dict[str, Any]]) -> None:
    for digest, data in blobs.items():
        algorithm, _, name = digest.partition(":")
        path = root / "blobs" / algorithm / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": tops}))


CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw=ep


def odd_layers() -> list[bytes]:
    """Four layers with every kind of file and every kind of change between layers."""
    long_name = "n" * 200
    deep = "/".join(["deep" * 20] * 6)
    bottom = (
        Layer()
        .folder("bin")
        .file("bin/tool", b"#!/bin/sh\n" * 300, mode=0o4755)
        .link("bin/same", "bin/tool", mode=0o4755)
        .folder("etc", mtime=157_766_400)
        .file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nweb:x:70000:70001::/srv:/bin/sh\n")
        .file("etc/group", b"root:x:0:\nweb:x:70001:\nextra:x:4242:other,web\n")
        .folder("opt/odd/dirA", mode=0o1777, uid=1234, gid=70000)
        .folder("opt/odd/dirB", mode=0o750, uid=1234, gid=70000)
        .file("opt/odd/dirA/first", b"hard", uid=70000, gid=5, xattrs={"user.colour": b"blue"})
        .link("opt/odd/dirB/second", "opt/odd/dirA/first", uid=70000, gid=5)
        .file("opt/odd/" + long_name, b"long", mtime=1_600_000_000.123456)
        .file(deep + "/leaf", b"leaf")
        .file("opt/odd/sp ace\ttab", b"odd")
        .file("opt/odd/ünïcode-\udcff", b"odd bytes")
        .symlink("opt/odd/absolute", "/etc/passwd")
        .symlink("opt/odd/dangling", "nowhere/at/all")
        .symlink("opt/odd/long", "x" * 300)
        .symlink("lib", "usr/lib")
        .folder("usr/lib")
        .file("lib/through-link", b"lies in usr/lib")
        .file("opt/odd/holes", b"head" + bytes(3 << 20) + b"tail")
        .file("opt/odd/empty")
        .file("opt/odd/capable", b"x", mode=0o755, xattrs={"security.capability": CAPABILITY})
        .add("opt/odd/fifo", tarfile.FIFOTYPE, mode=0o600)
        .add("opt/odd/null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
        .add("opt/odd/disk", tarfile.BLKTYPE, devmajor=7, devminor=9, mode=0o660, gid=6)
        .file("gone", b"removed by the next layer")
        .folder("tree/of/files")
        .file("tree/of/files/a", b"a")
        .file("tree/b", b"b")
        .folder("cleared")
        .file("cleared/old", b"old")
        .file("becomes-folder", b"file")
        .folder("becomes-file")
        .file("becomes-file/inner", b"inner")
        .symlink("was-link", "usr/lib")
    )
    second = (
        Layer()
        .whiteout("gone")
        .whiteout("tree/of")
        .opaque("cleared")
        .folder("cleared", mode=0o700)
        .file("cleared/new", b"new")
        .folder("becomes-folder", mode=0o711)
        .file("becomes-folder/inside", b"inside")
        .file("becomes-file", b"now a file")
        .folder("was-link")
        .file("was-link/own", b"own")
        .file("was-link/.keep")
    )
    third = (
        Layer()
        .file("bin/tool", b"replaced, the hard link keeps the old", mode=0o755)
        .file("opt/odd/empty", b"no more")
        .folder("opt/odd/dirA", mode=0o700, uid=1, gid=2)
        .whiteout("tree/b")
        .folder("tree", mtime=999_999_999)
        .file("tree/b2", b"b2")
    )
    top = Layer().folder(".", mode=0o755, mtime=1_500_000_000).file("last", bytes(range(256)) * 999)
    return [layer.tar() for layer in (bottom, second, third, top)]
