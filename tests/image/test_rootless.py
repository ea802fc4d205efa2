"""Without root: as one user, with a clear warning; or in a user namespace, owners kept."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.samples.images import Image, Layer
from tests.support import ordinary_user

pytestmark = pytest.mark.root
USER = 54321
FIRST, COUNT = 1_000_000, 65536


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of an unprivileged user, with an image in it."""
    folder = Path(tempfile.mkdtemp(prefix="rootless-"))
    lower = (
        Layer()
        .folder("d", mode=0o555)
        .file("d/of-root", b"x", mode=0o644)
        .file("d/of-another", b"y", uid=33, gid=33)
        .file("d/unmapped", b"z", uid=70000)
        .add("null", b"3", devmajor=1, devminor=3)
        .file("gone")
    )
    upper = Layer().whiteout("gone").opaque("d").file("d/new", b"new", uid=7)
    Image([lower.tar(), upper.tar()]).write(folder / "layout")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, USER, USER)
    yield folder
    shutil.rmtree(folder)


def as_user(
    home: Path, *arguments: object, ranges: bool = False
) -> "subprocess.CompletedProcess[str]":
    """warren as USER; with ``ranges``, in a mount namespace whose /etc/subuid grants them ids."""
    etc = home / "etc"
    etc.mkdir(exist_ok=True)
    for name in ("subuid", "subgid"):
        (etc / name).write_text(f"{USER}:{FIRST}:{COUNT}\n" if ranges else "")
    words = [sys.executable, "-m", "hutch.cli.warren", *map(str, arguments)]
    users = Path("/etc/passwd").read_text() + f"rootless:x:{USER}:{USER}::{home}:/bin/sh\n"
    (etc / "passwd").write_text(users)
    (etc / "passwd").chmod(0o644)
    return subprocess.run(
        ordinary_user.as_user(words, USER, USER, etc),
        env={"PATH": os.environ["PATH"], "HOME": str(home),
             "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_one_user_owns_all_and_is_told_so(home: Path) -> None:
    done = as_user(home, "bundle", f"oci:{home}/layout", home / "b")
    assert done.returncode == 0, done.stderr
    assert "3 files of other owners are now yours, 1 device nodes became empty files" in done.stderr
    assert (home / "b/rootfs/d/new").stat().st_uid == USER
    config = json.loads((home / "b" / "config.json").read_text())
    assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": USER, "size": 1}]
    done = as_user(home, "pull", "-q", f"oci:{home}/layout")
    assert done.returncode == 0, done.stderr
    assert (home / ".local/share/hutch/store.db").exists()
    assert as_user(home, "system", "check").returncode == 0
    done = as_user(home, "rmi", "-a")
    assert done.returncode == 0, done.stderr
    assert os.listdir(home / ".local/share/hutch/layers") == []


def test_a_user_namespace_keeps_the_owners(home: Path) -> None:
    done = as_user(home, "bundle", f"oci:{home}/layout", home / "b", ranges=True)
    assert done.returncode == 0, done.stderr
    assert "1 files of other owners" in done.stderr  # uid 70000 is past the range
    assert (home / "b/rootfs/d/new").stat().st_uid == FIRST + 6
    config = json.loads((home / "b" / "config.json").read_text())
    own, granted = config["linux"]["uidMappings"]
    assert own == {"containerID": 0, "hostID": USER, "size": 1}
    assert (granted["containerID"], granted["hostID"]) == (1, FIRST)
    done = as_user(home, "pull", "-q", f"oci:{home}/layout", ranges=True)
    assert done.returncode == 0, done.stderr
    layers = list((home / ".local/share/hutch/layers").glob("*/diff/d"))
    owners = {path.stat().st_uid for folder in layers for path in folder.iterdir()}
    assert owners == {USER, FIRST + 32, FIRST + 6}
    opaque = [path for path in layers if "user.overlay.opaque" in os.listxattr(path)]
    assert len(opaque) == 1
    assert as_user(home, "system", "check", ranges=True).returncode == 0
    assert as_user(home, "rmi", "-a", ranges=True).returncode == 0
    assert os.listdir(home / ".local/share/hutch/layers") == []


def test_a_hundred_thousand_files_without_root(home: Path) -> None:
    layer = Layer()
    for number in range(100_000):
        layer.file(f"d{number % 100}/f{number}", b"%d" % number, uid=number % 50)
    Image([layer.tar()], "zstd").write(home / "many")
    subprocess.run(["chown", "-R", f"{USER}:{USER}", home / "many"], check=True)
    done = as_user(home, "pull", f"oci:{home}/many", ranges=True)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    (top,) = (home / ".local/share/hutch/layers").glob("*/diff")
    found = [path for number in range(100) for path in os.scandir(top / f"d{number}")]
    assert len(found) == 100_000
    assert {path.stat().st_uid for path in found} == {USER, *range(FIRST, FIRST + 49)}
    assert as_user(home, "rmi", "-a", ranges=True).returncode == 0
