"""The tar reader against Python's own, and against damage of every kind."""

import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from hutch.errors import KernelError
from hutch.image.archive import Archive, all_images
from hutch.image.errors import ImageError
from hutch.image.limits import Budget
from hutch.image.ownership import Ownership
from hutch.image.tarstream import Chunks, TarReader, nanoseconds, number, pax_records
from hutch.image.tree import Tree, remove_tree
from hutch.image.unpack import Unpacker
from hutch.image.whiteout import Merged
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.samples.images import Layer, odd_layers
from tests.support.layers import damage, headers

NAMES = st.text(
    st.characters(exclude_characters="\0/", exclude_categories=("Cs",)), min_size=1, max_size=120
).filter(lambda name: name not in (".", ".."))


def cut(data: bytes, size: int) -> Chunks:
    return Chunks(data[i : i + size] for i in range(0, len(data), size))


@given(
    st.lists(
        st.tuples(
            NAMES,
            st.binary(max_size=2000),
            st.integers(0, 0o7777),
            st.integers(0, 0xFFFFFFFE),
            st.integers(-(10**9), 9 * 10**9),
        ),
        max_size=5,
    ),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.integers(1, 3000),
)
def test_what_tarfile_writes_is_read(
    files: list[tuple[str, bytes, int, int, int]], form: int, size: int
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, data, mode, uid, mtime in files:
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.uid, info.mtime = len(data), mode, uid, mtime
            tar.addfile(info, io.BytesIO(data))
    reader = TarReader(cut(buffer.getvalue(), size))
    found = []
    for entry in reader:
        data = b"".join(map(bytes, reader.content()))
        found.append((entry.name.decode(), data, entry.mode, entry.uid, entry.mtime // 10**9))
    assert found == files


BASE = odd_layers()[0]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255)), max_size=12), st.data()
)
def test_s63_damage_is_an_error_or_harmless(
    changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Bytes of a real layer are changed, most of them in headers, whose checksums are put right."""
    layer = bytearray(BASE)
    starts = headers(BASE)
    for at, value in changes:
        layer[at] = value
        damage(layer, data.draw(st.sampled_from(starts)), at, value)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "root"
        folder.mkdir()
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        budget = Budget()
        unpacker = Unpacker(Tree(root, budget), Merged(), budget, Ownership.current())
        try:
            unpacker.unpack(TarReader(cut(bytes(layer), 70_000)))
        except (ImageError, KernelError) as error:
            assert str(error).isprintable()
        finally:
            os.close(root)
        assert os.listdir(name) == ["root"]
        remove_tree(str(folder))


@given(st.binary(max_size=200))
def test_no_pax_header_crashes_the_parser(data: bytes) -> None:
    try:
        records = pax_records(data)
    except ValueError:
        return
    assert all(records)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644), (b"644 \0\0\0\0", 0o644), (b"       \0", 0), (b"\0" * 8, 0),
        (b"\x80" + b"\0" * 10 + b"\x07", 7), (b"\xff" * 12, -1),
    ],
)  # fmt: skip
def test_numbers(field: bytes, value: int) -> None:
    assert number(field) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"1", 10**9), (b"1.5", 1_500_000_000), (b"-1.25", -1_250_000_000), (b"0.0000000019", 1)],
)
def test_times(text: bytes, value: int) -> None:
    assert nanoseconds(text) == value


@pytest.mark.parametrize("text", [b"", b"x", b"1.x", b"1" * 30, b"1e9", b"--1x"])
def test_malformed_times_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        nanoseconds(text)


def test_an_absurd_time_is_the_farthest_there_is() -> None:
    layer = Layer().file("f", mtime=10**19).tar()
    (entry,) = TarReader(Chunks([layer]))
    assert entry.mtime == (1 << 63) - 1


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "neither an OCI layout nor an archive of docker save"),
        ({"manifest.json": b"{}"}, "a list of objects"),
        ({"manifest.json": b"[1]"}, "a list of objects"),
        ({"manifest.json": b'[{"Config": 1, "Layers": []}]'}, "Config must be a string"),
        (
            {"manifest.json": b'[{"Config": "../../etc/passwd", "Layers": []}]'},
            "the archive has no",
        ),
        ({"manifest.json": b"[" * 10_000}, "not JSON"),
        ({"oci-layout": b"{}", "index.json": b'{"manifests": 3}'}, "must be a list"),
        ({"oci-layout": b"{}", "index.json": b'{"manifests": [{}]}'}, "mediaType"),
    ],
)
def test_hostile_archives_are_refused(
    members: dict[str, bytes], words: str, tmp_path: Path
) -> None:
    layer = Layer()
    for name, data in members.items():
        layer.file(name, data)
    (tmp_path / "a.tar").write_bytes(layer.tar())
    with pytest.raises(ImageError) as refusal:
        all_images(tmp_path / "a.tar")
    assert words in str(refusal.value)


def test_links_in_an_archive_stay_in_it(tmp_path: Path) -> None:
    layer = Layer().file("real", b"data").symlink("one/link", "../real").symlink("loop", "loop")
    layer.symlink("out", "/etc/passwd")
    (tmp_path / "a.tar").write_bytes(layer.tar())
    archive = Archive(tmp_path / "a.tar")
    assert archive.read("one/link", 10) == b"data"
    for name in ("loop", "out", "nothing"):
        with pytest.raises(ImageError, match="the archive has no"):
            archive.read(name, 10)
