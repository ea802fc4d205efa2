"""Sparse files in archives: which parts of a file are stored. GNU tar has four formats:

    type "S"  old GNU: four extents in the header, 21 more in each block that follows it
    PAX 0.0   many pairs of records, GNU.sparse.offset and GNU.sparse.numbytes
    PAX 0.1   one record, GNU.sparse.map=OFFSET,LENGTH,...
    PAX 1.0   a map before the data, one number per line: a count, then offsets and lengths in turn

The values are checked: the parts must be in order and within the file, and their lengths together
must be the stored size.
"""

from collections.abc import Callable, Iterator

Extent = tuple[int, int]  # offset in the file, length; bytes

PREFIX = b"GNU.sparse."
MAP = b"GNU.sparse.map"
NAME = b"GNU.sparse.name"
MAP_PAIR = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
IN_HEADER = (386, 4)  # offset of the first extent, and the largest number of extents
IN_BLOCK = (0, 21)
MORE_IN_HEADER, MORE_IN_BLOCK = 482, 504
REAL_SIZE = slice(483, 495)
DIGITS = 20


def checked(extents: list[Extent], stored: int, size: int) -> list[Extent]:
    """Returns ``extents``. Raises ValueError unless they are in order, end within ``size`` bytes,
    and have ``stored`` bytes together."""
    end = 0
    for offset, length in extents:
        if offset < end or length < 0:
            raise ValueError(offset)
        end = offset + length
    if end > size or sum(length for _, length in extents) != stored:
        raise ValueError(size)
    return extents


def decimal(text: bytes) -> int:
    """A number that is written only with digits. Raises ValueError."""
    if not text.isdigit() or len(text) > DIGITS:
        raise ValueError(text)
    return int(text)


def _paired(numbers: list[int]) -> list[Extent]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def map_of_records(records: dict[bytes, bytes]) -> list[Extent] | None:
    """The extents of a PAX header of format 0.0 or 0.1; None if the map is before the data (1.0).

    Raises ValueError.
    """
    text = records.get(MAP)
    if text is not None:
        return _paired([decimal(part) for part in text.split(b",") if part])
    if records.get(PREFIX + b"major") != b"1" or records.get(PREFIX + b"minor") != b"0":
        raise ValueError(records)
    return None


def size_of_records(records: dict[bytes, bytes]) -> int:
    """The file's length with its holes, in bytes. Raises ValueError."""
    return decimal(records.get(PREFIX + b"realsize") or records.get(PREFIX + b"size", b""))


def map_of_data(blocks: Iterator[bytes]) -> list[Extent]:
    """The extents of a map before the data (1.0). Takes only the ``blocks`` that the map needs.

    Raises ValueError.
    """
    numbers: list[int] = []
    rest = b""
    while not numbers or len(numbers) < 1 + 2 * numbers[0]:
        *lines, rest = (rest + next(blocks)).split(b"\n")
        if not lines:
            raise ValueError(rest)
        numbers += map(decimal, lines)
    return _paired(numbers[1:])


def map_of_header(
    header: bytes, blocks: Iterator[bytes], number: Callable[[bytes], int]
) -> tuple[list[Extent], int]:
    """The extents in an old GNU header and in the ``blocks`` after it, and the file's length.

    ``number`` converts a header field. Raises ValueError.
    """
    extents: list[Extent] = []
    (start, count), flag, block = IN_HEADER, MORE_IN_HEADER, header
    while True:
        for at in range(start, start + 24 * count, 24):
            if block[at]:
                extents.append((number(block[at : at + 12]), number(block[at + 12 : at + 24])))
        if not block[flag]:
            return extents, number(header[REAL_SIZE])
        (start, count), flag, block = IN_BLOCK, MORE_IN_BLOCK, next(blocks)
