"""Where the pieces of memory of a snapshot are put (native/snapshot.py)."""

import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path[:0] = [str(Path(__file__).parents[2] / "native")]
import snapshot  # noqa: E402
from snapshot import LARGE, PAGE, Piece  # noqa: E402

PIECES = st.lists(st.builds(Piece, st.integers(0, 3 * LARGE), st.booleans()), max_size=40)


def ends(pieces: list[Piece], places: list[int]) -> list[tuple[int, int, bool]]:
    """Each piece's first byte with its label, the byte behind it, and whether it was freed."""
    rows = zip(pieces, places, strict=False)
    return sorted((place - snapshot.LABEL, place + p.size, p.freed) for p, place in rows)


@given(PIECES, st.data())
def test_no_two_pieces_overlap_and_the_freed_ones_are_behind(
    pieces: list[Piece], data: st.DataObject
) -> None:
    users = [data.draw(st.integers(0, 255)) for _ in pieces]
    for places in (snapshot.apart(pieces), snapshot.by_use(pieces, users)):
        found = ends(pieces, places)
        assert all(one[1] <= two[0] for one, two in pairwise(found))
        assert all(end <= places[-1] for _, end, _ in found)
        assert [freed for *_, freed in found] == sorted(piece.freed for piece in pieces)


@given(PIECES)
def test_pieces_that_stay_have_pages_of_their_own(pieces: list[Piece]) -> None:
    found = [row for row in ends(pieces, snapshot.apart(pieces)) if not row[2]]
    pages = [page for first, end, _ in found for page in range(first // PAGE, -(-end // PAGE))]
    assert len(pages) == len(set(pages))


def test_what_most_verbs_change_is_first_and_the_large_is_last() -> None:
    pieces = [Piece(64, freed=False)] * 4 + [Piece(LARGE, freed=False), Piece(64, freed=True)]
    users = [0b001, 0b110, 0b111, 0b001, 0b111, 0]
    places = snapshot.by_use(pieces, users)
    assert sorted(range(6), key=lambda number: places[number]) == [2, 1, 0, 3, 4, 5]


def test_a_changed_page_is_told_of_its_piece() -> None:
    pieces = [Piece(64, freed=False), Piece(PAGE, freed=False), Piece(8, freed=False)]
    places = snapshot.apart(pieces)
    for number, place in enumerate(places[:-1]):
        for byte in (place, place + pieces[number].size - 1):
            pages = bytearray(places[-1] // PAGE)
            pages[byte // PAGE] = 1
            assert snapshot.changed(pieces, places, bytes(pages)) == [number]


def test_the_table_of_places_has_each_size_in_the_order_of_the_pieces() -> None:
    pieces = [Piece(32, freed=False), Piece(16, freed=True), Piece(32, freed=True)]
    rows = list(snapshot.ROW.iter_unpack(snapshot.rows(pieces, [0x20, 0x80, 0xC0, 0x1000])))
    assert rows == [(16, 8, 0), (32, 2, 0), (32, 12, 0), (0, 0x100, 0)]


@pytest.mark.parametrize("freed", [False, True])
def test_a_piece_that_stays_in_another_run_is_found_by_its_size(freed: bool) -> None:
    before = [Piece(32, freed=True), Piece(16, freed=True), Piece(32, freed=False)]
    # The second piece of 16 bytes was not there before.
    again = [
        Piece(16, freed),
        Piece(16, freed=False),
        Piece(32, freed=True),
        Piece(32, freed=False),
    ]
    assert snapshot.stay_too(before, again) == (set() if freed else {1})


def test_a_rehearsal_marks_each_piece_with_the_verbs_that_change_it() -> None:
    pieces = [Piece(64, freed=False)] * 3
    calls: list[tuple[str, ...]] = []

    def rehearse(folder: str, cgroups: str, *words: str) -> bytes:
        calls.append((cgroups, *words))
        changes = {("v1", "a"): b"\1\0\0", ("v2", "b", folder): b"\1\1\0"}
        return changes.get((cgroups, *words), b"\0\0\0")

    verbs = ["a", "b {bundle}"]
    users = snapshot.rehearsed(pieces, verbs, lambda f, c, *w: rehearse(f + "/bundle", c, *w))
    assert users == [0b11, 0b10, 0b00]
    assert [call[:2] for call in calls] == [
        ("v1",), ("v1", "a"), ("v1", "b"), ("v2",), ("v2", "a"), ("v2", "b"),
    ]  # fmt: skip
