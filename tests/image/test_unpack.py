"""Layers into trees: faithful to the archive, deaf to its tricks."""

import gzip
import io
import os
import stat
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hutch.image.bundle import unpack_image
from hutch.image.digest import Digest
from hutch.image.errors import ImageError
from hutch.image.layer import unpack_layer
from hutch.image.layout import LayoutSource
from hutch.image.limits import Budget, Limits
from hutch.image.manifest import OCI_LAYER, Descriptor
from hutch.image.ownership import Ownership
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.source import resolve
from hutch.image.whiteout import Merged, Overlay

from conformance.samples.images import Image, Layer, compress, odd_layers
from conformance.samples.trees import describe, differences
from tests.support.layers import (
    HOSTILE,
    header,
    laid,
    lay,
    names,
    summed,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.root


# Faithful


def unpacked(layout: Path, name: str, target: Path) -> Path:
    target.mkdir()
    source = LayoutSource(layout, name)
    manifest, config, _ = resolve(source, Platform("linux", "amd64"))
    root = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    unpack_image(source, manifest, config, root, Budget(), Reporter())
    os.close(root)
    return target


@pytest.mark.parametrize("kind", ["gzip", "zstd", "tar"])
def test_a_merged_tree_equals_what_umoci_makes(kind: str, odd: Path, tmp_path: Path) -> None:
    image = f"{odd}:{'gzip' if kind == 'zstd' else kind}"  # umoci reads no zstd
    subprocess.run(
        ["umoci", "unpack", "--image", image, tmp_path / "umoci"], check=True, capture_output=True
    )
    ours = describe(unpacked(odd, kind, tmp_path / "ours"))
    theirs = describe(tmp_path / "umoci" / "rootfs")
    # Folders that no layer describes have no time of their own, in either.
    found = [line for line in differences(ours, theirs) if ": mtime:" not in line]
    assert found == []
    described = {
        os.fsencode(entry.name.strip("/")) if entry.name != "." else b""
        for tar in odd_layers()
        for entry in tarfile.open(fileobj=io.BytesIO(tar))  # noqa: SIM115 in memory
    }
    times = [n for n in ours if n in described and ours[n]["mtime"] != theirs[n]["mtime"]]
    assert times == []


def test_holes_stay_holes(tmp_path: Path) -> None:
    lay(Layer().file("f", b"a" + bytes(8 << 20) + b"z").tar(), tmp_path / "r")
    status = (tmp_path / "r" / "f").stat()
    assert status.st_size == (8 << 20) + 2
    assert status.st_blocks * 512 < 1 << 20
    data = (tmp_path / "r" / "f").read_bytes()
    assert data[0:1] + data[-1:] == b"az" and not any(data[1:-1])


def test_a_layer_without_end_mark_is_read(tmp_path: Path) -> None:
    whole = Layer().file("a", b"x" * 600).tar()
    cut = whole[: 512 + 1024]
    lay(cut, tmp_path / "r")
    assert (tmp_path / "r" / "a").read_bytes() == b"x" * 600


def unpack_as_gzip(blob: bytes, data: bytes, folder: Path) -> None:
    """Unpacks ``blob``, a layer that is said to be compressed by gzip; ``data`` is its tar."""
    descriptor = Descriptor(OCI_LAYER + "+gzip", Digest.of(blob), len(blob))
    folder.mkdir()
    root = os.open(folder, os.O_RDONLY)
    unpack_layer(
        iter([blob]), descriptor, Digest.of(data), root, Merged(), Budget(), Ownership.current()
    )
    os.close(root)


def test_several_gzip_members_are_one_stream(tmp_path: Path) -> None:
    data = Layer().file("a", b"x" * 100_000).tar()
    blob = gzip.compress(data[:50_000]) + gzip.compress(data[50_000:]) + bytes(100)
    unpack_as_gzip(blob, data, tmp_path / "r")
    assert (tmp_path / "r" / "a").stat().st_size == 100_000


def test_zstd_that_is_called_gzip_is_read(tmp_path: Path) -> None:
    data = Layer().file("a", b"x").tar()
    blob = zstd.compress(data)
    unpack_as_gzip(blob, data, tmp_path / "r")
    assert names(tmp_path / "r") == {"a"}


def test_gnu_long_names_and_numbers_are_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("d/" + "n" * 250)
        info.uid, info.size = 3_000_000_000, 2
        tar.addfile(info, io.BytesIO(b"ok"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "t" * 400
        tar.addfile(link)
    lay(buffer.getvalue(), tmp_path / "r")
    file = tmp_path / "r" / "d" / ("n" * 250)
    assert file.stat().st_uid == 3_000_000_000
    assert os.readlink(tmp_path / "r" / "link") == "t" * 400


def test_a_hundred_thousand_files(tmp_path: Path) -> None:
    layer = Layer()
    for number in range(100_000):
        layer.file(f"d{number % 100}/f{number}", b"%d" % number)
    result = lay(layer.tar(), tmp_path / "r", kind="zstd")
    assert result.entries == 100_000
    assert sum(len(os.listdir(tmp_path / "r" / f"d{n}")) for n in range(100)) == 100_000
    assert (tmp_path / "r" / "d7" / "f99907").read_bytes() == b"99907"


# Hostile: each is refused, and nothing lies outside or was changed there


@pytest.mark.parametrize("removal", [Merged, Overlay])
@pytest.mark.parametrize("case", HOSTILE)
def test_refused(case: str, removal: type[Merged] | type[Overlay], tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    before = describe(outside)
    make, words = HOSTILE[case]
    overlay_defers = removal is Overlay and words == "not in the layer"
    if overlay_defers:
        tree, _ = laid(make(outside), tmp_path / "r", removal())
        waiting = [folder.links for _, folder in tree.folders.inside_out() if folder.links]
        assert waiting  # settled, or refused, when the lower layers are known
    else:
        with pytest.raises(ImageError) as refusal:
            lay(make(outside), tmp_path / "r", removal())
        assert words in str(refusal.value)
        assert "\n" not in str(refusal.value)
    assert describe(outside) == before
    assert not (tmp_path / "escaped").exists()


def test_s60_s61_symlinks_never_lead_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "file").write_text("mine")
    os.chmod(outside / "file", 0o600)
    before = describe(tmp_path / "outside")
    layer = (
        Layer()
        .symlink("absolute", str(outside))
        .symlink("relative", "../outside")
        .symlink("deep", "absolute/../../../../../.." + str(outside))
        .file("absolute/file", b"theirs", mode=0o777, uid=5)
        .file("relative/file", b"theirs")
        .folder("deep", mode=0o777)
        .symlink("direct", str(outside / "file"))
        .file("direct", b"replaces the link", mode=0o4777)
        .symlink("chmodded", str(outside / "file"), uid=7)
    )
    lay(layer.tar(), tmp_path / "r")
    assert describe(tmp_path / "outside") == before
    # "/" and ".." of the links are the layer's own root.
    inner = tmp_path / "r" / str(outside).lstrip("/")
    assert (inner / "file").read_bytes() == b"theirs"
    assert (tmp_path / "r" / "direct").read_bytes() == b"replaces the link"
    assert (tmp_path / "r" / "deep").is_dir() and not (tmp_path / "r" / "deep").is_symlink()


def test_s64_a_hard_link_to_a_symlink_is_a_link_to_the_symlink(tmp_path: Path) -> None:
    lay(Layer().symlink("s", "/etc/passwd").link("l", "s").tar(), tmp_path / "r")
    assert os.readlink(tmp_path / "r" / "l") == "/etc/passwd"
    assert os.lstat(tmp_path / "r" / "l").st_ino == os.lstat(tmp_path / "r" / "s").st_ino


def test_s66_xattrs_that_control_the_kernel_are_dropped(tmp_path: Path) -> None:
    xattrs = {
        "trusted.overlay.opaque": b"y", "user.overlay.redirect": b"/etc",
        "trusted.overlay.redirect": b"/x", "security.selinux": b"evil", "security.ima": b"x",
        "user.kept": b"1", "trusted.kept": b"2",
    }  # fmt: skip
    lay(Layer().folder("d", xattrs=xattrs).tar(), tmp_path / "r", Overlay())
    kept = {key: os.getxattr(tmp_path / "r" / "d", key) for key in os.listxattr(tmp_path / "r/d")}
    kept = {k: v for k, v in kept.items() if k.startswith(("user.", "trusted.", "security.i"))}
    assert kept == {"user.kept": b"1", "trusted.kept": b"2"}


def test_s67_without_root_devices_become_empty_files(tmp_path: Path) -> None:
    layer = Layer().add("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    result = lay(layer.tar(), tmp_path / "r", ownership=Ownership(False, 1000, 1000))
    assert stat.S_ISREG(os.lstat(tmp_path / "r" / "null").st_mode)
    assert result.losses.devices == 1


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_s68_a_decompression_bomb_is_refused_early(kind: str, tmp_path: Path) -> None:
    """A layer of some megabytes that says it is ten gigabytes of zeros."""
    script = """
import sys
from pathlib import Path
from hutch.defaults.config import container_config
from hutch.image.errors import ImageError
from hutch.image.layout import LayoutSource
from hutch.image.bundle import make_bundle
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.source import resolve
source = LayoutSource(Path(sys.argv[1]))
manifest, config, _ = resolve(source, Platform("linux", "amd64"))
try:
    base = container_config()
    make_bundle(source, manifest, config, Path(sys.argv[2]), base=base, reporter=Reporter())
except ImageError as error:
    print(error)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    size = 10 << 30
    head = summed(header(b"zeros", b"\x80" + struct.pack(">Q", size).rjust(11, b"\0")))
    block = bytes(64 << 20)
    if kind == "gzip":
        one = gzip.compress(block, 6)
        blob = gzip.compress(head) + one * (size // len(block))
    else:
        one = zstd.compress(block)
        blob = zstd.compress(head) + one * (size // len(block))
    image = Image([], kind)
    manifest = image.manifest()
    layer = image.descriptor(blob, OCI_LAYER + "+" + kind)
    manifest["layers"] = [layer]
    config = (
        b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":'
        b'["sha256:' + b"0" * 64 + b'"]}}'
    )
    manifest["config"] = image.descriptor(config, "application/vnd.oci.image.config.v1+json")
    image.write(tmp_path / "bomb", manifest=manifest)
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "bomb", tmp_path / "out"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    error, memory = done.stdout.splitlines()
    assert "bomb" in error
    assert int(memory) < 64 << 10
    assert not (tmp_path / "out").exists()


def test_s68_one_budget_for_all_layers(tmp_path: Path) -> None:
    layers = [Layer().file(f"f{n}", os.urandom(300_000)).tar() for n in range(4)]
    Image(layers).write(tmp_path / "image")
    source = LayoutSource(tmp_path / "image")
    manifest, config, _ = resolve(source, Platform("linux", "amd64"))
    (tmp_path / "r").mkdir()
    root = os.open(tmp_path / "r", os.O_RDONLY)
    with pytest.raises(ImageError, match="more than 1000000 bytes"):
        unpack_image(
            source, manifest, config, root, Budget(Limits(unpacked_bytes=1_000_000)), Reporter()
        )
    os.close(root)


def test_s68_entries_are_counted(tmp_path: Path) -> None:
    layer = Layer()
    for number in range(50):
        layer.file(f"f{number}")
    with pytest.raises(ImageError, match="more than 49 entries"):
        lay(layer.tar(), tmp_path / "r", limits=Limits(entries=49))


def test_s71_a_wrong_diff_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="uncompressed content has another digest"):
        lay(Layer().file("a").tar(), tmp_path / "r", kind="gzip", diff=b"something else")


def test_s71_the_digest_includes_the_bytes_after_the_archive(tmp_path: Path) -> None:
    data = Layer().file("a").tar()
    with pytest.raises(ImageError, match="another digest"):
        lay(data + b"x" * 1000, tmp_path / "r", diff=data)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_s71_a_truncated_blob_is_refused(kind: str, tmp_path: Path) -> None:
    data = Layer().file("a", os.urandom(200_000)).tar()
    blob = compress(data, kind)[:-5000]
    descriptor = Descriptor(OCI_LAYER + "+" + kind, Digest.of(blob), len(blob))
    (tmp_path / "r").mkdir()
    root = os.open(tmp_path / "r", os.O_RDONLY)
    with pytest.raises(ImageError):
        unpack_layer(
            iter([blob]), descriptor, Digest.of(data), root, Merged(), Budget(), Ownership.current()
        )
    os.close(root)
