"""What a layer says of the ones below it: whiteouts, hard links, folders it does not describe."""

import os
import subprocess
from pathlib import Path

import pytest
from hutch.image.digest import Digest
from hutch.image.errors import ImageError
from hutch.image.layer import verified
from hutch.image.layout import LayoutSource
from hutch.image.limits import Limits
from hutch.image.lower_layers import complete
from hutch.image.manifest import OCI_LAYER, Descriptor
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.pull import Puller
from hutch.image.store import Store
from hutch.image.whiteout import Merged, Overlay

from conformance.samples.images import Image, Layer
from tests.support.layers import laid, lay, names

pytestmark = pytest.mark.root


def settled(data: bytes, target: Path, below: list[Path]) -> None:
    """One layer into ``target``, as the store has it above the layers ``below``, topmost first."""
    tree, _ = laid(data, target, Overlay())
    folders = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in [target, *below]]
    tree.root = folders[0]
    try:
        complete(tree, folders[1:], Overlay(), privileged=True)
    finally:
        for folder in folders:
            os.close(folder)


WHITEOUTS: dict[str, tuple[Layer, Layer, set[str]]] = {
    "file": (Layer().file("a").file("b"), Layer().whiteout("a"), {"b"}),
    "missing": (Layer().file("a"), Layer().whiteout("zzz"), {"a"}),
    "folder": (Layer().file("d/x/y"), Layer().whiteout("d"), set()),
    "symlink_not_its_target": (
        Layer().file("t").symlink("l", "t"), Layer().whiteout("l"), {"t"}),
    "opaque": (Layer().file("d/old"), Layer().opaque("d").file("d/new"), {"d", "d/new"}),
    "opaque_after_file": (
        Layer().file("d/old"), Layer().file("d/new").opaque("d"), {"d", "d/new"}),
    "opaque_deep": (
        Layer().file("d/e/old"), Layer().file("d/e/new").opaque("d"), {"d", "d/e", "d/e/new"}),
    "same_layer_file": (Layer().file("a"), Layer().file("a", b"n").whiteout("a"), {"a"}),
    "same_layer_below": (
        Layer().file("d/old"), Layer().file("d/new").whiteout("d"), {"d", "d/new"}),
    "then_folder": (
        Layer().file("d/old"), Layer().whiteout("d").folder("d").file("d/n"), {"d", "d/n"}),
    "through_symlinked_parent": (
        Layer().file("usr/lib/x").symlink("lib", "usr/lib"), Layer().whiteout("lib/x"),
        {"usr", "usr/lib", "lib"}),
    "aufs_marks_are_nothing": (
        Layer().file("a"), Layer().file(".wh..wh.plnk").file(".wh..wh.aufs"), {"a"}),
    "below_what_became_a_file": (
        Layer().file("d/e/f"), Layer().file("d").whiteout("d/e").whiteout("d/e/f"), {"d"}),
    "below_what_became_a_symlink": (
        Layer().file("d/f").file("t/f"), Layer().symlink("d", "t").whiteout("d/f"),
        {"d", "t", "t/f"}),
    "below_a_file_of_the_lower_layer": (
        Layer().file("d").file("e/f"), Layer().whiteout("d/x").opaque("d/y").whiteout("e/f/x/y"),
        {"d", "e", "e/f"}),
    "below_a_dangling_symlink": (
        Layer().symlink("d", "no/where"), Layer().whiteout("d/x").opaque("d/y"), {"d"}),
    "below_a_symlink_loop": (
        Layer().symlink("a", "b").symlink("b", "a"), Layer().whiteout("a/x"), {"a", "b"}),
    "below_nothing": (Layer().file("a"), Layer().whiteout("d/x").opaque("e/f"), {"a"}),
    "before_it_became_a_file": (Layer().file("d/f"), Layer().whiteout("d/f").file("d"), {"d"}),
    "root_opaque": (Layer().file("a"), Layer().file(".wh..wh..opq").file("b"), {"b"}),
}  # fmt: skip


@pytest.mark.parametrize("case", WHITEOUTS)
def test_s65_whiteouts_in_a_merged_tree(case: str, tmp_path: Path) -> None:
    lower, upper, left = WHITEOUTS[case]
    lay(lower.tar(), tmp_path / "r")
    lay(upper.tar(), tmp_path / "r", Merged())
    assert names(tmp_path / "r") == left


def mounted(layers: list[Path], point: Path) -> set[str]:
    point.mkdir()
    lower = ":".join(map(str, reversed(layers)))
    subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={lower}", point], check=True
    )
    try:
        return names(point)
    finally:
        subprocess.run(["umount", point], check=True)


# A path through a symlink of a lower layer is no path in the upper: there the link stays, and so
# does what it leads to.
THROUGH = {"through_symlinked_parent": {"usr", "usr/lib", "usr/lib/x", "lib"}}


@pytest.mark.parametrize("case", WHITEOUTS)
def test_s65_whiteouts_as_overlayfs_sees_them(case: str, tmp_path: Path) -> None:
    """As the store has them: laid by themselves, then settled against the layer below."""
    lower, upper, left = WHITEOUTS[case]
    left = THROUGH.get(case, left)
    lay(lower.tar(), tmp_path / "lower", Overlay())
    settled(upper.tar(), tmp_path / "upper", [tmp_path / "lower"])
    assert mounted([tmp_path / "lower", tmp_path / "upper"], tmp_path / "m") == left


DOTS: dict[str, tuple[str, str]] = {
    "a/../b": ("b", "a"), "x/../y/../b": ("b", "x"), "./a/./../b": ("b", "a"),
    "a/b/../../b": ("b", "a"), "d/../d/e/../b": ("d/b", "d/e"),
}  # fmt: skip


@pytest.mark.parametrize("name", DOTS)
def test_s60_dot_dot_removes_a_component_of_the_text(name: str, tmp_path: Path) -> None:
    """As every engine does: the folder that ".." goes back from is not looked at, nor made."""
    where, not_made = DOTS[name]
    (tmp_path / "outside").mkdir()
    layer = Layer().symlink("s", str(tmp_path / "outside")).file(name, b"here")
    layer.file("s/../beside", b"here").link("t/../same", "s/../" + name)
    lay(layer.tar(), tmp_path / "r")
    assert (tmp_path / "r" / where).read_bytes() == b"here" and os.path.isfile(tmp_path / "r/same")
    assert (tmp_path / "r" / "beside").read_bytes() == b"here"
    assert not (tmp_path / "r" / not_made).exists()
    assert os.listdir(tmp_path / "outside") == []
    lay(Layer().whiteout("zz/../" + where).tar(), tmp_path / "r", Merged())
    assert not (tmp_path / "r" / where).exists()


LINKS: dict[str, tuple[Layer, dict[str, bytes] | str]] = {
    "up": (Layer().link("l", "d/f"), {"l": b"lower", "d/f": b"lower"}),
    "two": (Layer().link("l", "d/f").link("m", "l").link("n", "d/f"),
            {"l": b"lower", "m": b"lower", "n": b"lower", "d/f": b"lower"}),
    "target replaced later": (
        Layer().link("l", "d/f").file("d/f", b"new"), {"l": b"lower", "d/f": b"new"}),
    "folder of the target replaced later": (
        Layer().link("l", "d/f").file("d", b"new"), {"l": b"lower", "d": b"new"}),
    "link replaced later": (Layer().link("l", "d/f").file("l", b"new"), {"l": b"new"}),
    "folder of the link replaced later": (
        Layer().link("e/l", "d/f").file("e", b"new"), {"e": b"new"}),
    "folder of the link became a symlink": (
        Layer().link("e/l", "d/f").symlink("e", "g").file("g/x", b"new"),
        {"g/x": b"new", "e/x": b"new"}),
    "link marked later": (Layer().link("l", "d/f").whiteout("l"), {"l": b"lower", "d/f": b"lower"}),
    "to itself": (Layer().link("d/f", "d/f"), {"d/f": b"lower"}),
    "to nothing": (Layer().link("l", "no"), 'entry "l": hard link to "no"'),
    "to a folder": (Layer().link("l", "d"), 'entry "l": hard link to "d"'),
    "below a file": (Layer().file("x").link("l", "x/y"), 'entry "l": cannot be unpacked'),
}  # fmt: skip


@pytest.mark.parametrize("case", LINKS)
def test_s64_hard_links_into_lower_layers(case: str, tmp_path: Path) -> None:
    """They are what they were when the entry came; and what cannot be, is the entry's fault."""
    lower = Layer().folder("d").file("d/f", b"lower", mtime=5).folder("e").tar()
    lay(lower, tmp_path / "lower", Overlay())
    upper, found = LINKS[case]
    if isinstance(found, str):
        with pytest.raises(ImageError, match=found):
            settled(upper.tar(), tmp_path / "upper", [tmp_path / "lower"])
        return
    settled(upper.tar(), tmp_path / "upper", [tmp_path / "lower"])
    every = [tmp_path / "upper" / name for name in found]
    assert {str(p.relative_to(tmp_path / "upper")): p.read_bytes() for p in every} == found
    assert len({path.stat().st_ino for path in every}) == len(set(found.values()))
    assert {n for n in names(tmp_path / "upper") if (tmp_path / "upper" / n).is_file()} <= {*found}


def test_s68_files_copied_from_a_lower_layer_are_counted(tmp_path: Path) -> None:
    """Five hundred layers could each make one lower file theirs. Its holes stay holes."""
    layer = Layer().file("f", b"a" * 200_000 + bytes(8 << 20) + b"z").tar()
    link = Layer().link("l", "f").tar()
    lay(layer, tmp_path / "lower", Overlay())
    settled(link, tmp_path / "upper", [tmp_path / "lower"])
    assert (tmp_path / "upper" / "l").read_bytes() == (tmp_path / "lower" / "f").read_bytes()
    assert (tmp_path / "upper" / "l").stat().st_blocks * 512 < 1 << 20
    Image([layer, link]).write(tmp_path / "image")
    source = LayoutSource(tmp_path / "image")
    limits = Limits(unpacked_bytes=len(layer) + len(link) + (100 << 10))
    puller = Puller(Store(tmp_path / "store"), Reporter(), limits=limits)
    with pytest.raises(ImageError, match="unpack to more than"):
        puller.pull(source, Platform("linux", "amd64"), [])


def test_a_link_that_comes_leaves_a_folders_time(tmp_path: Path) -> None:
    lay(Layer().file("f").tar(), tmp_path / "lower", Overlay())
    upper = Layer().folder("d", mtime=7).link("d/l", "f").folder(".", mtime=9).tar()
    settled(upper, tmp_path / "upper", [tmp_path / "lower"])
    assert (tmp_path / "upper" / "d").stat().st_mtime == 7
    assert (tmp_path / "upper").stat().st_mtime == 9


def test_s71_a_blob_of_another_digest_is_refused() -> None:
    blob = b"what was sent"
    other = Descriptor(OCI_LAYER, Digest.of(b"what was made"), len(blob))
    with pytest.raises(ImageError, match="its content has another digest"):
        list(verified(iter([blob]), other))
    own = Descriptor(OCI_LAYER, Digest.of(blob), len(blob))
    assert b"".join(verified(iter([blob]), own)) == blob
