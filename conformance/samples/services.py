"""An image with services of Debian's packages: PostgreSQL, redis and nginx.

debootstrap makes its root file system (a minute, over the network); it is kept in ~/.cache/hutch.
"""

import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from conformance.samples.images import Image, Layer

KEPT = Path.home() / ".cache" / "hutch" / "services.tar"
PACKAGES = "nginx-light,postgresql-15,postgresql-client-15,redis-server,redis-tools"
# PGDATA: where the data are; PASSWORD_FILE, or PASSWORD: the superuser's; DATABASE: one to be made.
SERVE_DATABASE = b"""#!/bin/sh
# Makes a database where there is none, and serves it: what the public images do.
set -eu
PGDATA=${PGDATA:-/var/lib/postgresql/data}
PATH=$PATH:/usr/lib/postgresql/15/bin
export PGDATA PATH
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" && chown postgres "$PGDATA" && chmod 700 "$PGDATA"
    [ -z "${PASSWORD_FILE:-}" ] || PASSWORD=$(cat "$PASSWORD_FILE")
    export PASSWORD
    exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$PASSWORD" >/tmp/word
    initdb -U postgres --pwfile /tmp/word -A scram-sha-256 -E UTF8 --no-sync >/dev/null
    rm /tmp/word
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "create database \\"${DATABASE:-app}\\"" | postgres --single -j postgres >/dev/null
fi
exec postgres -c listen_addresses='*' -c fsync=off "$@"
"""


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
    """The image as ``docker load`` reads it."""
    tree = root_filesystem().read_bytes()
    own = Layer().file("usr/local/bin/serve-database", SERVE_DATABASE, mode=0o755)
    own.symlink("var/log/nginx/access.log", "/dev/stdout")
    own.symlink("var/log/nginx/error.log", "/dev/stderr")
    config = {"Cmd": ["sh"], "Env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
    image = Image([tree, own.tar()], "tar", config)
    file = image.blobs[image.manifest()["config"]["digest"]]
    digest = hashlib.sha256(file).hexdigest() + ".json"
    layers = ["tree.tar", "own.tar"]
    top = json.dumps([{"Config": digest, "RepoTags": [name], "Layers": layers}]).encode()
    archive = folder / "services.tar"
    with tarfile.open(archive, "w") as tar:
        for path, data in ((digest, file), ("own.tar", own.tar()), ("manifest.json", top)):
            place = folder / "part"
            place.write_bytes(data)
            tar.add(place, path)
        tar.add(root_filesystem(), "tree.tar")
    return archive
