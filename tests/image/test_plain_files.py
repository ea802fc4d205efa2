"""The plain files that C makes, beside the same entries read by the tar reader in Python."""

import os
import tempfile
import time
from pathlib import Path

import pytest
from hutch.errors import HutchError
from hutch.image.limits import Budget, Limits
from hutch.image.ownership import Ownership
from hutch.image.tarstream import Chunks, TarReader
from hutch.image.tree import Tree, remove_tree
from hutch.image.unpack import Unpacker
from hutch.image.whiteout import Overlay
from hutch.kernel.plain_files import make_plain_files
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.samples.images import Layer, odd_layers
from conformance.samples.trees import describe
from tests.support.layers import damage, damaged, header, headers, pax, summed

pytestmark = pytest.mark.root

IN_C, IN_PYTHON = 1 << 20, 500  # no header is complete in a piece of 500 bytes
END = bytes(1024)
BASE = (
    Layer().folder("d").file("d/a", b"a" * 700).symlink("d/l", "a")
    .file("d/b", xattrs={"user.x": b"y"}).folder("e").file("e/" + "n" * 150, mtime=1.5)
    .file("d/c").link("e/h", "d/a").file("e/.wh.x").tar()
)  # fmt: skip


def outcome(layer: bytes, piece: int, limits: Limits | None = None) -> tuple[object, ...]:
    """What unpacking ``layer``, which comes in pieces of ``piece`` bytes, gives: the files, the
    error, and what was counted."""
    before = time.time_ns() - 10**9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "root"
        folder.mkdir()
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        budget = Budget(limits)
        pieces = (layer[at : at + piece] for at in range(0, len(layer), piece))
        unpacker = Unpacker(Tree(root, budget), Overlay(), budget, Ownership.current())
        problem = ""
        try:
            unpacker.unpack(TarReader(Chunks(pieces)))
        except HutchError as error:
            problem = error.sentence
        finally:
            os.close(root)
        found = describe(folder)
        assert os.listdir(name) == ["root"]
        for file in found.values():
            if file["mtime"] > before:
                file["mtime"] = None  # nobody has set it
        remove_tree(str(folder))
        return found, problem, unpacker.result


def alike(layer: bytes) -> str:
    """Unpacks a layer in both ways, which must give the same. Returns the error."""
    in_c, in_python = outcome(layer, IN_C), outcome(layer, IN_PYTHON)
    assert in_c == in_python
    return str(in_c[1])


def test_they_are_made_in_c() -> None:
    """Otherwise the other tests here would compare Python with itself."""
    layer = Layer().file("a", b"a").symlink("b", "a").folder("d").tar()
    with tempfile.TemporaryDirectory() as name:
        root = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        made = make_plain_files(root, b"", layer, 512, 0o7777, (0, 0))
        os.close(root)
        assert sorted(os.listdir(name)) == ["a", "b"]
    assert (made.entries, made.size, made.folder, made.taken) == (2, 1, None, 3 * 512)


def test_odd_layers() -> None:
    for layer in odd_layers():
        assert alike(layer) == ""


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        (Layer().file("f", b"1").file("f", b"22").symlink("f", "x").file("f").tar(), ""),
        (Layer().folder("d").file("d/.wh.a").file("d/a").file("./d//b").file("/d/c").tar(), ""),
        (Layer().file("a/b/c", b"x").file("a/b/../d", b"y").file("a/e", mode=0o6755).tar(), ""),
        (Layer().symlink("l", "t").folder("t").file("l/f").file("t/g").tar(), ""),
        (Layer().symlink("l", "/../..").file("l/f").file("l/../g").tar(), ""),
        (Layer().link("d/a", "d/lower").file("d/a").file("d/b").tar(), ""),
        (Layer().file("f", uid=7, gid=8, mode=0o4711).symlink("l", "x", uid=7).tar(), ""),
        (Layer().file("f", mtime=1.25).file("g", mtime=-1.5).file("n" * 200, mtime=1e9).tar(), ""),
        (Layer().file("f", b"x", xattrs={"user.a": b"b"}).file("g", bytes(70_000)).tar(), ""),
        (Layer().file("f", b"x" * 70_000 + bytes(70_000)).file("g", b"x" + bytes(90_000)).tar(),
         ""),
        (Layer().file("..").tar(), "leads out"),
        (Layer().file("a").file("../b").tar(), "leads out"),
        (Layer().file(".wh.d/f").tar(), "below a whiteout"),
        (Layer().file("d/.wh..").tar(), "whiteout"),
        (Layer().file("a").file("a/b").tar(), "cannot be unpacked"),
        (Layer().file("n" * 256).tar(), "255"),
        (Layer().file("d/" * 256 + "f").tar(), "too deep"),
        (bytes(header(b"f")) + END, "checksum"),
        (damaged(Layer().file("f", xattrs={"user.a": b"b"}).tar(), 0, 100, 1), "not a number"),
        (summed(header(b"f")).replace(b"f", b"g", 1) + END, "checksum"),
        (summed(header(b"f", b"00000001000\0")) + bytes(100), "ends within"),
        (pax(b"12 path=a\0b\n") + summed(header(b"f")) + END, "NUL"),
        (pax(b"11 path=..\n") + summed(header(b"f")) + END, "leads out"),
        (pax(b"99 path=x\n") + summed(header(b"f")) + END, "PAX"),
        (pax(b"12 mtime=1x\n") + summed(header(b"f")) + END, "PAX"),
        (summed(header(b"l", kind=b"2")) + END, "symlink to nothing"),
    ],
)  # fmt: skip
def test_s60_s63_s65_what_is_not_plain_is_left_to_python(layer: bytes, problem: str) -> None:
    found = alike(layer)
    assert problem in found and bool(problem) == bool(found)


def test_s68_entries_are_counted() -> None:
    layer = Layer().file("a").symlink("b", "a").file("c").tar()
    assert outcome(layer, IN_C, Limits(entries=3))[1] == ""
    assert "entries" in str(outcome(layer, IN_C, Limits(entries=2))[1])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255)), max_size=8), st.data()
)
def test_s63_damage_gives_the_same(changes: list[tuple[int, int]], data: st.DataObject) -> None:
    """Bytes of a real layer are changed, most of them in headers, whose checksums are put right."""
    layer = bytearray(BASE)
    starts = headers(BASE)
    for at, value in changes:
        layer[at] = value
        damage(layer, data.draw(st.sampled_from(starts)), at, value)
    alike(bytes(layer))
