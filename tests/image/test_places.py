"""Where images come from and go to when another made the folder: nothing there is trusted."""

import io
import json
import os
import socket
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from conformance.samples.images import Image, Layer
from tests.support.registries import Warren

pytestmark = pytest.mark.root
FILES = ["index.json", "oci-layout", "manifest", "config", "layer"]


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    layer = (
        Layer()
        .file("tool", b"#!/bin/sh\n", mode=0o4755)
        .add("node", b"3", devmajor=1, devminor=3, mode=0o666)
    )
    return Image([layer.tar()]).write(tmp_path / "layout")


def place(layout: Path, which: str) -> Path:
    """The path of one of a layout's files."""
    if not which.isalpha():
        return layout / which
    blobs = layout / "blobs"
    top = json.loads((layout / "index.json").read_text())["manifests"][0]
    manifest = blobs / top["digest"].replace(":", "/")
    document = json.loads(manifest.read_text())
    part = {"manifest": top, "config": document["config"], "layer": document["layers"][0]}[which]
    digest: str = part["digest"]
    return blobs / digest.replace(":", "/")


@pytest.mark.parametrize("which", FILES)
@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "folder"])
def test_what_is_no_file_in_a_layout_is_told_and_not_opened(
    which: str, kind: str, layout: Path, warren: Warren
) -> None:
    path = place(layout, which)
    path.rename(layout / "kept")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(42, 7))  # of no driver
    elif kind == "folder":
        path.mkdir()
    else:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's address is short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
        os.chdir(here)
    assert f"it is a {kind}" in warren.fails("pull", "-q", f"oci:{layout}")
    path.rmdir() if kind == "folder" else path.unlink()
    path.symlink_to(layout / "kept")  # builders link blobs: what a file is, its digest says
    warren.ok("pull", "-q", f"oci:{layout}")


ARCHIVES = [["load", "-i"], ["import"], ["oci-archive"], ["docker-archive"]]


@pytest.mark.parametrize("verb", ARCHIVES)
def test_a_pipe_that_nobody_writes_to_is_an_error(
    verb: list[str], warren: Warren, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    words = [*verb, tmp_path / "pipe"]
    if verb[0].endswith("archive"):
        words = ["pull", "-q", f"{verb[0]}:{tmp_path}/pipe"]
    warren.fails(*words)
    os.mknod(tmp_path / "node", stat.S_IFCHR | 0o600, os.makedev(42, 7))
    assert "it is a device" in warren.fails(*[str(w).replace("/pipe", "/node") for w in words])


def test_an_archive_comes_through_a_pipe(layout: Path, warren: Warren) -> None:
    warren.ok("pull", "-q", f"oci:{layout}")
    saved = warren.run("save", "layout", "-o", warren.home / "a.tar")
    assert saved.returncode == 0
    warren.ok("rmi", "layout")
    archive = (warren.home / "a.tar").read_bytes()
    assert "Loaded" in warren.ok("load", "-q", input=archive)


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_layout_that_is_written_to_keeps_nothing_in_the_way(
    kind: str, layout: Path, warren: Warren, tmp_path: Path
) -> None:
    """A file of the layout is replaced, not written through."""
    warren.ok("pull", "-q", f"oci:{layout}")
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "mine").write_text("mine")
    if kind == "pipe":
        os.mkfifo(out / "index.json")
    else:
        (out / "index.json").symlink_to(tmp_path / "mine")
    warren.ok("save", "--format", "oci-dir", "-o", out, "layout")
    assert (tmp_path / "mine").read_text() == "mine"
    assert stat.S_ISREG(os.lstat(out / "index.json").st_mode)


def test_an_image_that_docker_saved_without_a_name_has_none(
    layout: Path, warren: Warren, tmp_path: Path
) -> None:
    warren.ok("pull", "-q", f"oci:{layout}")
    warren.ok("save", "layout", "-o", tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as old, tarfile.open(tmp_path / "b.tar", "w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            data = file.read()
            if member.name == "manifest.json":
                (entry,) = json.loads(data)
                data = json.dumps([{**entry, "RepoTags": ["<none>:<none>"]}]).encode()
                member.size = len(data)
            if member.name not in ("oci-layout", "index.json"):
                new.addfile(member, io.BytesIO(data))
    warren.ok("rmi", "layout")
    assert "Loaded image ID: sha256:" in warren.ok("load", "-q", "-i", tmp_path / "b.tar")
    assert "<none>" in warren.ok("images")


# Who reaches what a bundle holds (S-77)


def reaches(path: Path) -> bool:
    """Whether an ordinary user does."""
    words = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "test", "-e", path]
    return subprocess.run(words).returncode == 0


@pytest.mark.parametrize("mode", [0o755, 0o711, 0o777, 0o1777, 0o750])
def test_s77_an_existing_folder_becomes_private_with_a_warning(
    mode: int, layout: Path, warren: Warren, pit: Path
) -> None:
    bundle = pit / "b"
    bundle.mkdir()
    bundle.chmod(mode)
    if mode & 1:
        (bundle / "probe").touch()
        assert reaches(bundle / "probe")
        (bundle / "probe").unlink()
    done = warren.run("bundle", f"oci:{layout}", bundle)
    assert done.returncode == 0, done.stderr
    assert "was open to other users" in done.stderr and "0700 now" in done.stderr
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o700
    tool = bundle / "rootfs" / "tool"
    assert stat.S_IMODE(tool.stat().st_mode) == 0o4755 and not reaches(tool)


def test_s77_a_new_bundle_is_private(layout: Path, warren: Warren, pit: Path) -> None:
    warren.ok("bundle", "-q", f"oci:{layout}", pit / "b")
    assert stat.S_IMODE((pit / "b").stat().st_mode) == 0o700
    assert not reaches(pit / "b" / "rootfs" / "tool")


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_s77_a_folder_of_another_user_is_refused_for_a_bundle_and_a_store(
    mode: int, layout: Path, warren: Warren, pit: Path
) -> None:
    (pit / "b").mkdir()
    os.chown(pit / "b", 54321, 54321)
    (pit / "b").chmod(mode)
    line = warren.fails("bundle", "-q", f"oci:{layout}", pit / "b")
    assert "belongs to the user 54321" in line
    assert list((pit / "b").iterdir()) == []
    assert stat.S_IMODE((pit / "b").stat().st_mode) == mode
    warren.home = pit
    (pit / "b").rename(pit / "store")
    assert "belongs to the user 54321" in warren.fails("images")
    assert list((pit / "store").iterdir()) == []


def test_s77_a_bundle_that_fails_leaves_the_folder_as_it_was(
    warren: Warren, pit: Path, tmp_path: Path
) -> None:
    bad = Image([Layer().file("../x").tar()]).write(tmp_path / "bad")
    (pit / "b").mkdir()
    (pit / "b").chmod(0o755)
    warren.fails("bundle", "-q", f"oci:{bad}", pit / "b")
    assert stat.S_IMODE((pit / "b").stat().st_mode) == 0o755
    assert list((pit / "b").iterdir()) == []


def test_s77_a_store_that_was_open_becomes_private(warren: Warren) -> None:
    warren.root.mkdir()
    warren.root.chmod(0o755)
    warren.ok("images")
    assert stat.S_IMODE(warren.root.stat().st_mode) == 0o700
