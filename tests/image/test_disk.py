"""Disks that are full or read-only: one clear line, nothing lost, nothing left, and a way out."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.samples.images import Image, Layer
from tests.support.disks import small_disk
from tests.support.registries import Warren

pytestmark = pytest.mark.root


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Warren]:
    """A store on a disk of 8 MiB."""
    with small_disk(tmp_path / "small", "size=8m") as home:
        yield Warren(home)


def files(root: Path) -> set[str]:
    """What there is in a store beside SQLite's own files."""
    found = (path.relative_to(root) for path in root.rglob("*") if not path.is_dir())
    return {str(path) for path in found if not path.name.startswith("store.db")}


def test_a_pull_to_a_full_disk_leaves_nothing(small: Warren, tmp_path: Path) -> None:
    small.ok("images")
    before = files(small.root)
    layers = [Layer().file("fits", os.urandom(1 << 20)), Layer().file("big", os.urandom(9 << 20))]
    Image([layer.tar() for layer in layers], "tar").write(tmp_path / "image")
    line = small.fails("pull", "-q", f"oci:{tmp_path}/image")
    assert "no space left on device" in line
    assert files(small.root) == before
    assert "all is well" in small.ok("system", "check")
    bundle = small.fails("bundle", "-q", f"oci:{tmp_path}/image", small.home / "b")
    assert "no space left on device" in bundle and not (small.home / "b").exists()


def test_a_full_disk_can_be_pruned(small: Warren, odd: Path) -> None:
    small.ok("pull", "-q", f"oci:{odd}:gzip")
    with contextlib.suppress(OSError), open(small.home / "fill", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    line = small.fails("tag", "odd:gzip", "another")
    assert "no space left on device" in line and "make room there" in line
    assert "all is well" in small.ok("system", "check")
    assert "Deleted" in small.ok("rmi", "odd:gzip")
    assert "all is well" in small.ok("system", "check")
    assert os.listdir(small.root / "layers") == []


def test_a_store_that_is_read_only_can_be_read(small: Warren, odd: Path, tmp_path: Path) -> None:
    small.ok("pull", "-q", f"oci:{odd}:gzip")
    subprocess.run(["mount", "-o", "remount,ro", small.home], check=True)
    small.ok("inspect", "odd:gzip")
    small.ok("save", "-o", tmp_path / "saved.tar", "odd:gzip")
    assert "read-only file system" in small.fails("pull", "-q", f"oci:{odd}:zstd")
    assert "readonly" in small.fails("tag", "odd:gzip", "another")
    subprocess.run(["mount", "-o", "remount,rw", small.home], check=True)
