"""However deep, long-named or many: what an image makes takes bounded memory, and can go again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hutch.image import catalog
from hutch.image.collect import collect
from hutch.image.errors import ImageError
from hutch.image.layout import LayoutSource
from hutch.image.limits import Limits
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.pull import Puller
from hutch.image.settings import Settings
from hutch.image.store import Store
from hutch.image.tree import remove_tree
from hutch.image.whiteout import Merged, Overlay

from conformance.samples.images import Image, Layer
from tests.support.layers import deep_by_symlinks, laid, lay, names
from tests.support.registries import Warren

pytestmark = pytest.mark.root
AMD64 = Platform("linux", "amd64")
RUBBISH = "rubbish-99999999-00000000"  # of a process that there cannot be
DEEP = 3 * sys.getrecursionlimit()
SCRIPT = """
import os, sys
from hutch.cli.warren import main

def told(status, leave=os._exit):
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print("kibibytes", line.split()[1], flush=True)
    leave(status)

os._exit, sys.argv = told, sys.argv[1:]
try:
    main()
except SystemExit as end:
    told(end.code or 0)
told(0)
"""


def dig(folder: Path, depth: int) -> None:
    """``depth`` folders one in the other, a file in each; deeper than a path can name."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        os.close(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=here))
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def kept(store: Store, tmp_path: Path, name: str) -> Path:
    """An image in the store; the folder of its only layer."""
    Image([Layer().file(name, name.encode()).tar()]).write(tmp_path / name)
    Puller(store, Reporter()).pull(LayoutSource(tmp_path / name), AMD64, [f"h.example/{name}:1"])
    record = store.database.named(f"h.example/{name}:1")
    assert record is not None
    (chain,) = store.database.chains_of(record.manifest)
    return store.layer_path(chain)


def test_s68_a_store_that_holds_a_tree_too_deep_to_recurse_over_can_be_cleaned(pit: Path) -> None:
    """As an earlier warren could be made to lay it down; and half removed, as it left it."""
    store = Store(pit / "store")
    dig(kept(store, pit, "one"), DEEP)
    dig(kept(store, pit, "other"), DEEP)
    (store.work / RUBBISH).mkdir()
    dig(store.work / RUBBISH, DEEP)
    catalog.remove(store, Settings(), "h.example/one:1")
    assert len(os.listdir(store.layers)) == 1
    catalog.prune(store, every=True)
    assert os.listdir(store.layers) == [] == os.listdir(store.work)


def test_a_removal_that_was_killed_is_ended_by_the_next(tmp_path: Path) -> None:
    """Folders that were moved up, with names that nobody could foresee, are folders like others."""
    (tmp_path / "tree" / "0123456789abcdef" / "x").mkdir(parents=True)
    (tmp_path / "tree" / "file").write_bytes(bytes(10_000))
    os.link(tmp_path / "tree" / "file", tmp_path / "tree" / "0123456789abcdef" / "same")
    dig(tmp_path / "tree", 5)
    (tmp_path / "tree" / "out").symlink_to(tmp_path)
    assert remove_tree(str(tmp_path / "tree")) >= 12288  # the file counts once
    assert remove_tree(str(tmp_path / "tree")) == 0
    assert os.listdir(tmp_path) == []


def test_what_a_collection_frees_is_counted_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    rubbish = store.work / RUBBISH
    rubbish.mkdir()
    (rubbish / "a").write_bytes(bytes(1 << 20))
    os.link(rubbish / "a", rubbish / "b")
    assert 1 << 20 <= collect(store).size < 3 << 19


@pytest.mark.parametrize("removal", [Merged, Overlay])
def test_s68_the_depth_is_measured_after_symlinks_are_resolved(
    removal: type[Merged] | type[Overlay], tmp_path: Path
) -> None:
    lay(deep_by_symlinks(150).tar(), tmp_path / "fits", removal())
    with pytest.raises(ImageError, match="too deep"):
        lay(deep_by_symlinks(300).tar(), tmp_path / "deep", removal())
    lay(Layer().file("d/" * 255 + "f").tar(), tmp_path / "just", removal())


@pytest.mark.parametrize("removal", [Merged, Overlay])
def test_s68_folders_without_an_entry_are_counted(
    removal: type[Merged] | type[Overlay], tmp_path: Path
) -> None:
    layer = Layer().file("d/" * 30 + "f").file("e/" * 30 + "f").tar()
    lay(layer, tmp_path / "fits", removal(), limits=Limits(entries=62))
    with pytest.raises(ImageError, match="more than 61 entries"):
        lay(layer, tmp_path / "more", removal(), limits=Limits(entries=61))


MEMORY: dict[str, Layer] = {
    "folders": Layer().folder("a" * 200).folder("b" * 200),
    "folders nobody describes": Layer().file("/".join(["a" * 200] * 3) + "/f"),
    "xattrs of folders": Layer().folder("d", xattrs={"user.x": b"x" * 2000}),
    "links that wait": Layer().link("l", "t" * 200).link("m", "t" * 200),
}


@pytest.mark.parametrize("case", MEMORY)
def test_s68_names_are_counted(case: str, tmp_path: Path) -> None:
    layer = MEMORY[case].tar()
    laid(layer, tmp_path / "fits", Overlay(), limits=Limits(names=3500))
    with pytest.raises(ImageError, match="names of the image's files and folders"):
        laid(layer, tmp_path / "more", Overlay(), limits=Limits(names=900))


def test_s68_names_of_files_are_counted_where_they_are_remembered(tmp_path: Path) -> None:
    layer = Layer()
    for number in range(100):
        layer.file(f"{number:0200d}")
    lay(layer.tar(), tmp_path / "alone", Overlay(), limits=Limits(names=10_000))
    lay(layer.tar(), tmp_path / "fits", Merged(), limits=Limits(names=40_000))
    with pytest.raises(ImageError, match="names of the image's files"):
        lay(layer.tar(), tmp_path / "more", Merged(), limits=Limits(names=30_000))


def test_s68_long_names_take_little_memory(warren: Warren, tmp_path: Path) -> None:
    """Some megabytes that name two hundred megabytes of paths, and their check."""
    layer, above = Layer(), "/".join(["l" * 250] * 15)
    for number in range(50_000):
        layer.folder(f"{above}/{number:06d}")
    Image([layer.tar()]).write(tmp_path / "image")
    for words in (["pull", "-q", f"oci:{tmp_path}/image"], ["system", "check"]):
        command = [sys.executable, "-c", SCRIPT, *warren.command(*words)]
        done = subprocess.run(
            command, env=warren.variables(), capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.split()[-1]) < 150 << 10
    assert "Deleted" in warren.ok("rmi", "image")
    assert os.listdir(warren.root / "layers") == []


def test_a_whiteout_takes_a_deep_tree_away_but_not_what_the_layer_wrote(tmp_path: Path) -> None:
    deep = "d/" * 250
    lay(Layer().file(deep + "old").file("d/d/old").tar(), tmp_path / "r")
    lay(Layer().file("d/e/new").whiteout("d").tar(), tmp_path / "r", Merged())
    assert names(tmp_path / "r") == {"d", "d/e", "d/e/new"}
