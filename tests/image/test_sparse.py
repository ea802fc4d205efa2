"""Sparse files of GNU tar's four forms, as tar itself writes them, and as nobody should."""

import os
import subprocess
from pathlib import Path

import pytest
from hutch.image.errors import ImageError
from hutch.image.layout import LayoutSource
from hutch.image.limits import Limits
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.pull import Puller
from hutch.image.store import Store
from hutch.image.tarstream import Chunks, TarReader
from hutch.image.verify import verify_layer

from conformance.samples.images import Image, Layer
from tests.support.layers import header, lay, pax, summed

FORMS = {
    "old GNU": ["--format=gnu"],
    "PAX 0.0": ["--format=pax", "--sparse-version=0.0"],
    "PAX 0.1": ["--format=pax", "--sparse-version=0.1"],
    "PAX 1.0": ["--format=pax", "--sparse-version=1.0"],
}


def holey(path: Path, parts: int) -> bytes:
    """A file of so many parts of data, with holes between them and at its end; its content."""
    with path.open("wb") as file:
        for number in range(parts):
            file.seek(number * 3 * 65536)
            file.write(bytes([1 + number % 250]) * 4096)
        file.truncate(parts * 3 * 65536 + 777)
    return path.read_bytes()


@pytest.mark.root
@pytest.mark.parametrize("parts", [0, 1, 3, 5, 30, 200])
@pytest.mark.parametrize("form", FORMS)
def test_what_tar_writes_is_read(form: str, parts: int, tmp_path: Path) -> None:
    folder = tmp_path / "of"
    folder.mkdir()
    data = holey(folder / ("long" * 30), parts)
    (folder / "z").write_bytes(b"after it")
    command = ["tar", "-C", tmp_path, "--sparse", *FORMS[form], "-cf", "-", "of"]
    tar = subprocess.run(command, check=True, capture_output=True).stdout
    assert parts == 200 or len(tar) < 200_000
    (entry,) = (e for e in TarReader(Chunks([tar])) if e.name.endswith(b"long" * 30))
    assert entry.sparse is not None, "tar did not write it as a sparse file"
    lay(tar, tmp_path / "r")
    found = tmp_path / "r" / "of" / ("long" * 30)
    assert found.read_bytes() == data
    assert found.stat().st_blocks * 512 <= (folder / found.name).stat().st_blocks * 512
    assert (tmp_path / "r" / "of" / "z").read_bytes() == b"after it"


@pytest.mark.root
def test_a_sparse_file_is_checked(tmp_path: Path) -> None:
    """Its parts, and that its holes are zeros."""
    holey(tmp_path / "f", 3)
    command = ["tar", "-C", tmp_path, "--sparse", "--format=pax", "-cf", "-", "f"]
    tar = subprocess.run(command, check=True, capture_output=True).stdout
    Image([tar], "tar").write(tmp_path / "image")
    store = Store(tmp_path / "store")
    source = LayoutSource(tmp_path / "image")
    pulled = Puller(store, Reporter()).pull(source, Platform("linux", "amd64"), [])
    (layer,) = pulled.manifest.layers
    (chain,) = store.database.chains_of(pulled.record.manifest)
    path = store.layer_path(chain) / "f"
    status = path.stat()
    for at, said in ((None, ""), (100, "content"), (10_000, "content"), (589_900, "content")):
        before = path.read_bytes()
        if at is not None:
            with path.open("r+b") as file:
                file.seek(at)
                file.write(b"!")
            os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
        root = os.open(path.parent, os.O_RDONLY)
        assert said in verify_layer(source.blob(layer), layer, layer.digest, root)
        assert bool(said) == bool(verify_layer(source.blob(layer), layer, layer.digest, root))
        os.close(root)
        path.write_bytes(before)
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


def records(**values: object) -> bytes:
    """PAX records GNU.sparse.KEY=VALUE."""
    found = b""
    for key, value in values.items():
        text = f" GNU.sparse.{key}={value}\n"
        length = len(text) + 2
        found += f"{length + (len(str(length)) - 2)}{text}".encode()
    return found


def made(data: bytes, **values: object) -> bytes:
    """A sparse file with these records and this data."""
    head = summed(header(b"f", b"%011o\0" % len(data)))
    return pax(records(**values)) + head + data + bytes(-len(data) % 512) + bytes(1024)


def old(extents: list[tuple[int, int]], size: int, stored: int, more: int = 0) -> bytes:
    block = header(b"f", b"%011o\0" % stored, b"S")
    block[257:265] = b"ustar  \0"
    for place, (offset, length) in enumerate(extents):
        at = 386 + 24 * place
        block[at : at + 24] = b"%011o\0%011o\0" % (offset, length)
    block[482] = more
    block[483:495] = b"%011o\0" % size
    return summed(block) + bytes(stored) + bytes(1024)


ONE = {"major": 1, "minor": 0, "name": "f"}
HOSTILE = {
    "backwards": made(b"x" * 20, map="50,10,0,10", size=100, numblocks=2),
    "overlapping": made(b"x" * 20, map="0,10,9,10", size=100, numblocks=2),
    "past the end": made(b"x" * 10, map="95,10", size=100, numblocks=1),
    "more than stored": made(b"x" * 10, map="0,20", size=100, numblocks=1),
    "less than stored": made(b"x" * 10, map="0,5", size=100, numblocks=1),
    "half a pair": made(b"x" * 10, map="0,10,20", size=100, numblocks=1),
    "negative": made(b"x" * 10, map="-5,10", size=100, numblocks=1),
    "no number": made(b"x" * 10, map="0,1e1", size=100, numblocks=1),
    "no size": made(b"x" * 10, map="0,10"),
    "negative size": made(b"x" * 10, map="0,10", size=-1),
    "huge numbers": made(b"x" * 10, map="0," + "9" * 30, size="9" * 30),
    "no map": made(b"x" * 10, size=100),
    "an unknown version": made(b"1\n0\n10\n".ljust(522, b"\0"), major=2, minor=0, realsize=9),
    "1.0 cut": made(b"5\n0\n10\n".ljust(512, b"\0"), **ONE, realsize=100),
    "1.0 without lines": made(b"1" * 2048, **ONE, realsize=100),
    "1.0 of text": made(b"x\n0\n1\n".ljust(513, b"\0"), **ONE, realsize=100),
    "1.0 endless": made(b"999999999999999999\n" + b"0\n" * (1 << 20), **ONE, realsize=100),
    "1.0 negative count": made(b"-1\n".ljust(512, b"\0"), **ONE, realsize=100),
    "old backwards": old([(100, 10), (0, 10)], 200, 20),
    "old past the end": old([(100, 10)], 105, 10),
    "old more than stored": old([(0, 30)], 200, 20),
    "old with more blocks than there are": old([(0, 10)], 200, 10, more=1)[:900],
    "old endless": old([(0, 0)], 200, 0, more=1)[:512] + (bytes(504) + b"\1" + bytes(7)) * 3000,
}


@pytest.mark.root
@pytest.mark.parametrize("case", HOSTILE)
def test_s63_a_hostile_map_is_refused(case: str, tmp_path: Path) -> None:
    lay(made(b"x" * 20, map="0,10,50,10", size=100, numblocks=2), tmp_path / "control")
    assert (tmp_path / "control" / "f").read_bytes()[45:62] == bytes(5) + b"x" * 10 + bytes(2)
    with pytest.raises(ImageError, match="malformed map of a sparse file"):
        lay(HOSTILE[case], tmp_path / "r")


@pytest.mark.root
def test_s63_a_name_in_a_sparse_map_is_checked_like_others(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="leads out"):
        lay(made(b"x", map="0,1", size=1, name="../escaped"), tmp_path / "r")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.root
def test_s68_holes_of_sparse_files_are_counted(tmp_path: Path) -> None:
    data = made(b"x", map="0,1", size=1 << 40)
    with pytest.raises(ImageError, match=r"bomb|more than"):
        lay(data, tmp_path / "r")
    lay(data, tmp_path / "s", limits=Limits(unpacked_bytes=1 << 41, ratio=1 << 40))
    assert (tmp_path / "s" / "f").stat().st_size == 1 << 40
    with pytest.raises(ImageError, match="a size of"):
        lay(made(b"x", map="0,1", size=1 << 62), tmp_path / "t")


def test_s63_an_entry_after_an_unread_sparse_one_is_found() -> None:
    layer = made(b"x" * 700, map="0,700", size=900)[:-1024] + Layer().file("next", b"n").tar()
    assert [entry.name for entry in TarReader(Chunks([layer]))] == [b"f", b"next"]
