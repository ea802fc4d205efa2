"""Tries the package in a fresh root: install, use, autopkgtest, purge without a trace."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from conformance.deb.compare import LISTING, differences
from conformance.deb.roots import Root, base

PLACE = "/root/packages"

# What a person does first with the installed package; it uses the default places.
FIRST = """
set -eux
hutch --version | tee /tmp/version
grep -qx "front: static executable.*" /tmp/version
grep -qx "python: CPython $(python3 -c 'import sys; print(sys.version.split()[0])')" /tmp/version
grep -qx "init: /usr/lib/python3/dist-packages/hutch/libexec/hutch-init" /tmp/version
rm /tmp/version
warren --version
hutch features >/dev/null
demo=oci:/usr/lib/python3/dist-packages/hutch/libexec/demo-image:latest
warren bundle --quiet $demo /tmp/bundle
sed -i 's/"terminal": *true/"terminal": false/' /tmp/bundle/config.json
hutch run --bundle /tmp/bundle demo
rm -r /tmp/bundle
warren pull --quiet $demo
image=$(warren images --quiet)
if command -v conmon; then
    warren run --rm --network none --memory 32m $image
    warren run --rm $image
else
    ! warren run --rm --network none $image 2>/tmp/error
    cat /tmp/error
    grep conmon /tmp/error
    rm /tmp/error
fi
test -z "$(hutch list --quiet)"
"""


def trial(
    suite: str, package: Path, source: Path, scratch: Path, options: Sequence[str]
) -> list[str]:
    """Installs ``package`` in a fresh root, uses it, removes it, and runs its own tests. ``source``
    is the source package's .dsc; ``options`` are apt's. Returns what the package left behind.

    Raises CalledProcessError if a step fails.
    """
    root = Root(str(base(suite)), scratch / f"{suite}-trial", copied=True)
    for file in (package, source, source.with_suffix(".tar.xz")):
        root.put(file, f"{PLACE}/{file.name}")
    deb = f"{PLACE}/{package.name}"
    # What the package depends on comes first, and stays: only the package's own traces count.
    root.install([deb, "autopkgtest", "docker-registry"], *options)
    root.run("dpkg", "--purge", "hutch", quiet=True)
    before = root.run("sh", "-c", LISTING, quiet=True)
    root.install([deb], *options)
    root.run("unshare", "--net", "sh", "-c", FIRST)
    root.run("apt-get", "purge", "-y", "-qq", "hutch", quiet=True)
    left = differences(before, root.run("sh", "-c", LISTING, quiet=True))
    dsc = f"{PLACE}/{source.name}"
    root.run("autopkgtest", "--no-built-binaries", deb, dsc, "--", "null")
    shutil.rmtree(root.folder)
    return left
