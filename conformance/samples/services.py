"""An image with services of Debian's packages: PostgreSQL, redis and nginx.

debootstrap makes its root file system (a minute, over the network); it is kept in ~/.cache/hutch.
"""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from conformance.samples.images import Image, Layer

KEPT = Path.home() / ".cache" / "hutch" / "services.tar"
PACKAGES = "nginx-light,postgresql-15,postgresql-client-15,redis-server,redis-tools"
PROGRAMS = Path(__file__).with_name("programs")
REAPER = "testcontainers/ryuk:0.8.1"  # what testcontainers 4.15 asks for


def root_filesystem() -> Path:
    """The root file system as a tar archive. Raises CalledProcessError."""
    if KEPT.exists():
        return KEPT
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    print("debootstrap: an image with PostgreSQL, redis and nginx (a minute)", flush=True)
    with tempfile.TemporaryDirectory(prefix="services-", dir="/var/tmp") as name:
        root = Path(name) / "root"
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for unneeded in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
            subprocess.run(["rm", "-rf", str(root / unneeded)], check=True)
        partial = KEPT.with_suffix(f".{os.getpid()}")
        subprocess.run(
            ["tar", "--numeric-owner", "--format=pax", "--exclude=./dev/*", "-C", str(root),
             "-cf", str(partial), "."], check=True,
        )  # fmt: skip
        partial.rename(KEPT)
    return KEPT


def write_services(folder: Path, name: str) -> Path:
    """The image, and one of the same layers for the reaper, as ``docker load`` reads them."""
    tree = root_filesystem().read_bytes()
    own = Layer()
    for program in sorted(PROGRAMS.iterdir()):
        own.file(f"usr/local/bin/{program.name}", program.read_bytes(), mode=0o755)
    own.symlink("var/log/nginx/access.log", "/dev/stdout")
    own.symlink("var/log/nginx/error.log", "/dev/stderr")
    layers = {"tree.tar": tree, "own.tar": own.tar()}
    parts = {"own.tar": layers["own.tar"]}
    tops = []
    for tag, command in ((name, "sh"), (REAPER, "reap")):
        config = {"Cmd": [command], "Env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
        image = Image(list(layers.values()), "tar", config)
        blob = image.blobs[image.manifest()["config"]["digest"]]
        file = hashlib.sha256(blob).hexdigest() + ".json"
        parts[file] = blob
        tops.append({"Config": file, "RepoTags": [tag], "Layers": list(layers)})
    parts["manifest.json"] = json.dumps(tops).encode()
    archive = folder / "services.tar"
    with tarfile.open(archive, "w") as tar:
        for path, data in parts.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        tar.add(root_filesystem(), "tree.tar")
    return archive
