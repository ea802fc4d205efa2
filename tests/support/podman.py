"""Other views of an image, for comparison: podman with its own store, and overlayfs on warren's."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from conformance.samples.trees import describe
from tests.support.registries import Warren


def merged(warren: Warren, name: str, point: Path) -> dict[bytes, dict[str, object]]:
    """Mounts the image's layers of the store with overlayfs."""
    driver = json.loads(warren.ok("inspect", name))[0]["GraphDriver"]["Data"]
    layers = ":".join(part for part in (driver["UpperDir"], driver["LowerDir"]) if part)
    point.mkdir()
    subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={layers}", point], check=True
    )
    try:
        return describe(point)
    finally:
        subprocess.run(["umount", point], check=True)


class Podman:
    """podman with its own store."""

    def __init__(self) -> None:
        self.root = root = Path(tempfile.mkdtemp(prefix="podman-"))  # its paths must be short
        # Other locks than files are of the whole machine, and may be used up.
        configuration = (
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nlock_type = "file"\n'
        )
        (root / "containers.conf").write_text(configuration)

    def __enter__(self) -> "Podman":
        return self

    def __exit__(self, *exception: object) -> None:
        self("image", "umount", "--all")
        subprocess.run(["umount", self.root / "root" / "overlay"], capture_output=True)
        shutil.rmtree(self.root)

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            ["podman", "--root", self.root / "root", "--runroot", self.root / "run", "--tmpdir",
             self.root / "tmp", *arguments],
            env={**os.environ, "CONTAINERS_CONF": str(self.root / "containers.conf")},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout
