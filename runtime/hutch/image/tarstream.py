"""Reads a tar archive as a stream; the archive may be hostile (S-63).

Python's tarfile is not used: its reader had many vulnerabilities (escapes from the target folder,
endless loops), and it needs 0.1 ms per entry. This module reads POSIX ustar, PAX, GNU long names
and sparse files. It never goes back in the stream, and checks every length before it allocates
memory. It refuses multi-volume archives and unknown entry types, as other engines do.
"""

import base64
import binascii
import urllib.parse
from collections.abc import Iterable, Iterator
from struct import Struct

from hutch.errors import shown
from hutch.image import sparse
from hutch.image.errors import ImageError
from hutch.image.limits import PAX_BYTES

BLOCK = 512
ZEROS = bytes(BLOCK)
HEADER = Struct("100s8s8s8s12s12s8sc100s6s2x32s32s8s8s155s12x")

FILE, LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = (
    b"0", b"1", b"2", b"3", b"4", b"5", b"6",
)  # fmt: skip
KINDS = {
    b"0": FILE, b"\0": FILE, b"7": FILE, b"1": LINK, b"2": SYMLINK, b"3": CHARACTER,
    b"4": BLOCK_DEVICE, b"5": DIRECTORY, b"6": FIFO, b"S": FILE,
}  # fmt: skip
MAX_SIZE = 1 << 62
FARTHEST = (1 << 63) - 1  # nanoseconds, the year 2262; few file systems store later times
MAX_ID = 0xFFFFFFFE  # chown(2) takes 0xFFFFFFFF, which is -1, as "do not change"
XATTR = b"SCHILY.xattr."
LIBARCHIVE_XATTR = b"LIBARCHIVE.xattr."


class Chunks:
    """An iterable of byte strings as a stream that is read once, forwards."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0
        self.position = 0

    def _more(self) -> bool:
        """Goes to the next chunk that is not empty; False at the end."""
        for chunk in self._chunks:
            if chunk:
                self._chunk, self._at = chunk, 0
                return True
        return False

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes; fewer only at the end of the stream."""
        end = self._at + size
        if end <= len(self._chunk):
            data = self._chunk[self._at : end]
            self._at = end
            self.position += size
            return data
        return b"".join(bytes(piece) for piece in self.pieces(size))

    def whole(self, size: int) -> memoryview | None:
        """The next ``size`` bytes if the current chunk has all of them; otherwise None, and nothing
        is read."""
        if self._at == len(self._chunk) and not self._more():
            return None
        end = self._at + size
        if end > len(self._chunk):
            return None
        view = memoryview(self._chunk)[self._at : end]
        self._at = end
        self.position += size
        return view

    def ahead(self) -> memoryview:
        """The rest of the current chunk, or all of the next; empty at the end. It is not taken."""
        if self._at == len(self._chunk):
            self._more()
        return memoryview(self._chunk)[self._at :]

    def take(self, size: int) -> None:
        """Goes on by ``size`` bytes, which ``ahead`` has shown."""
        self._at += size
        self.position += size

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next ``size`` bytes in pieces that are not copied; fewer only at the end."""
        while size:
            if self._at == len(self._chunk) and not self._more():
                return
            piece = memoryview(self._chunk)[self._at : self._at + size]
            self._at += len(piece)
            self.position += len(piece)
            size -= len(piece)
            yield piece

    def skip(self, size: int) -> int:
        """Skips ``size`` bytes. Returns how many were skipped, which is less only at the end."""
        return sum(len(piece) for piece in self.pieces(size))


class Entry:
    """One member of an archive. Names are the bytes of the archive; times are in nanoseconds.

    ``sparse``: the stored parts of a sparse file, in order; the rest of ``size`` is holes.
    """

    __slots__ = (
        "gid", "kind", "link", "major", "minor", "mode", "mtime", "name", "size", "sparse", "uid",
        "xattrs",
    )  # fmt: skip

    def __init__(
        self, name: bytes, kind: bytes, mode: int, uid: int, gid: int, size: int, mtime: int
    ) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.mtime = mtime
        self.link = b""
        self.major = 0
        self.minor = 0
        self.xattrs: dict[bytes, bytes] | None = None
        self.sparse: list[sparse.Extent] | None = None


def number(field: bytes) -> int:
    """The number in a header field: octal text, or GNU's base-256 if its first bit is set. Raises
    ValueError."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40:  # negative
            value -= 1 << (8 * len(field) - 1)
        return value
    text = field.partition(b"\0")[0].strip()
    if not text:
        return 0
    if not text.isdigit():
        raise ValueError(text)
    return int(text, 8)


def pax_records(data: bytes) -> dict[bytes, bytes]:
    """The records of a PAX header; each is "LENGTH KEY=VALUE\\n". Raises ValueError.

    Format 0.0 of sparse files has many records for one map. They become one record, as in 0.1.
    """
    records: dict[bytes, bytes] = {}
    map_values: list[bytes] = []
    at = 0
    while at < len(data):
        space = data.index(b" ", at, at + 10)
        digits = data[at:space]
        if not digits.isdigit():
            raise ValueError(digits)
        end = at + int(digits)
        # The length includes its own digits, so the record must end after the space, and not after
        # the end of the data.
        if end <= space + 1 or end > len(data) or data[end - 1] != 0x0A:
            raise ValueError(digits)
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals or not key:
            raise ValueError(key)
        if key in sparse.MAP_PAIR:
            map_values.append(value)
        else:
            records[key] = value
        at = end
    if map_values:
        records[sparse.MAP] = b",".join(map_values)
    return records


def nanoseconds(text: bytes) -> int:
    """A PAX time such as "-1234.5678" in nanoseconds; digits after the ninth are dropped. Raises
    ValueError."""
    whole, _, fraction = text.partition(b".")
    if len(whole) > 20 or not whole.lstrip(b"-").isdigit() or (fraction and not fraction.isdigit()):
        raise ValueError(text)
    part = int(fraction[:9].ljust(9, b"0"))
    value = int(whole) * 1_000_000_000
    return value - part if whole.startswith(b"-") else value + part


class TarReader:
    """Reads the entries of an archive in order; ``content`` has the data of the last one.

    The mark at the end of the archive may be missing after a complete entry (umoci writes such
    layers). An archive that ends within an entry is refused. Raises ImageError.
    """

    def __init__(self, stream: Chunks) -> None:
        self._stream = stream
        self._left = 0
        self._padding = 0
        self._sparse: list[sparse.Extent] | None = None

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self.next()) is not None:
            yield entry

    def content(self) -> Iterator[memoryview]:
        """The rest of the last entry's data, in pieces. Raises ImageError if the archive ends
        within it."""
        yield from self._pieces(self._left)

    def placed(self) -> Iterator[tuple[int, memoryview]]:
        """The same as ``content``, each piece with its offset in the file; gaps are holes."""
        for offset, length in [(0, self._left)] if self._sparse is None else self._sparse:
            at = offset
            for piece in self._pieces(length):
                yield at, piece
                at += len(piece)

    def _pieces(self, size: int) -> Iterator[memoryview]:
        for piece in self._stream.pieces(size):
            size -= len(piece)
            self._left -= len(piece)
            yield piece
        if size:
            raise self._broken("the archive ends within a file")

    def ahead(self) -> memoryview:
        """The bytes of the next entries that are in memory. It is not taken."""
        self._skip_rest()
        return self._stream.ahead()

    def take(self, size: int) -> None:
        """Goes on by ``size`` bytes, which ``ahead`` has shown: a number of complete entries."""
        self._stream.take(size)

    def whole(self) -> memoryview | None:
        """The last entry's data if the current chunk has all of it; otherwise None, and the caller
        must read ``content``."""
        data = self._stream.whole(self._left)
        if data is not None:
            self._left = 0
        return data

    def next(self) -> Entry | None:
        """The next entry; None at the end of the archive."""
        records: dict[bytes, bytes] = {}
        long_name = long_link = None
        metadata = 0
        while True:
            self._skip_rest()
            header = self._stream.read(BLOCK)
            if len(header) < BLOCK:
                if header or records or long_name or long_link:
                    raise self._broken("the archive ends within a header")
                return None
            if header == ZEROS:
                return None
            entry, kind = self._header(header)
            if kind in KINDS:
                break
            if kind not in b"xXgLK":
                raise self._broken(f"unknown entry type {shown(kind.decode('latin-1'))}")
            metadata += entry.size
            if metadata > PAX_BYTES:
                raise self._broken(f"more than {PAX_BYTES} bytes of header before one entry")
            data = b"".join(self._take(entry.size))
            if kind in b"xX":
                try:
                    records.update(pax_records(data))
                except ValueError:
                    raise self._broken("a malformed PAX header") from None
            elif kind == b"L":
                long_name = data.partition(b"\0")[0]
            elif kind == b"K":
                long_link = data.partition(b"\0")[0]
            # A "g" header is for all later entries. git writes a comment in it; it is not used.
        if long_name is not None:
            entry.name = long_name
        if long_link is not None:
            entry.link = long_link
        if records:
            try:
                self._apply(entry, records)
            except (ValueError, binascii.Error):
                raise self._broken("a malformed PAX record") from None
        self._check(entry)
        if kind in b"0\0" and entry.name.endswith(b"/"):
            entry.kind = DIRECTORY  # tar wrote folders like this before ustar
        self._sparse = None
        if entry.kind == FILE:
            self._left, self._padding = entry.size, -entry.size % BLOCK
            if kind == b"S" or any(key.startswith(sparse.PREFIX) for key in records):
                self._read_map(entry, header if kind == b"S" else None, records)
        elif entry.kind == LINK:
            # pax(1) may store the data with a hard link; the target has the same data, so skip it.
            self._left, self._padding, entry.size = entry.size, -entry.size % BLOCK, 0
        else:
            entry.size = 0
        return entry

    def _read_map(self, entry: Entry, header: bytes | None, records: dict[bytes, bytes]) -> None:
        """Reads the map of a sparse file; after it the stream is at the first stored part.

        ``header`` is the entry's header if the entry has type "S"; None for the PAX formats.
        """
        blocks = self._map_blocks(of_data=header is None)
        try:
            if header is not None:
                extents, entry.size = sparse.map_of_header(header, blocks, number)
            else:
                found = sparse.map_of_records(records)
                extents = sparse.map_of_data(blocks) if found is None else found
                entry.size = sparse.size_of_records(records)
                entry.name = records.get(sparse.NAME, entry.name)
            entry.sparse = self._sparse = sparse.checked(extents, self._left, entry.size)
        except ValueError:
            raise self._broken("a malformed map of a sparse file") from None
        self._check(entry)

    def _map_blocks(self, *, of_data: bool) -> Iterator[bytes]:
        """The blocks of a map. With ``of_data`` they are part of the entry's data, so they are
        subtracted from the data that is left to read."""
        for _ in range(PAX_BYTES // BLOCK):
            if of_data and self._left < BLOCK:
                break
            block = self._stream.read(BLOCK)
            if len(block) < BLOCK:
                break
            if of_data:
                self._left -= BLOCK
            yield block
        raise ValueError(PAX_BYTES)

    def _skip_rest(self) -> None:
        """Skips the rest of the last entry's data, and its padding."""
        rest = self._left + self._padding
        if rest:
            left, self._left, self._padding = self._left, 0, 0
            if self._stream.skip(rest) < left:
                raise self._broken("the archive ends within a file")

    def _take(self, size: int) -> Iterator[memoryview]:
        self._left, self._padding = size, -size % BLOCK
        return self.content()

    def _header(self, header: bytes) -> tuple[Entry, bytes]:
        (
            name, mode, uid, gid, size, mtime, checksum, kind, link,
            magic, _, _, major, minor, prefix,
        ) = HEADER.unpack(header)  # fmt: skip
        try:
            total = sum(header) - sum(checksum) + 8 * 0x20
            if number(checksum) != total:
                raise self._broken("a header's checksum is wrong: not a tar archive, or damaged")
            entry = Entry(
                name.partition(b"\0")[0],
                KINDS.get(kind, kind),
                number(mode) & 0o7777,
                number(uid),
                number(gid),
                number(size),
                number(mtime) * 1_000_000_000,
            )
            entry.link = link.partition(b"\0")[0]
            if kind in b"34":
                entry.major, entry.minor = number(major), number(minor)
        except ValueError:
            raise self._broken(
                "a header field is not a number: not a tar archive, or damaged"
            ) from None
        if magic == b"ustar\0" and prefix[0]:
            entry.name = prefix.partition(b"\0")[0] + b"/" + entry.name
        if not 0 <= entry.size < MAX_SIZE:
            raise self._broken(f"a size of {entry.size} bytes")
        return entry, kind

    def _apply(self, entry: Entry, records: dict[bytes, bytes]) -> None:
        for key, value in records.items():
            if key == b"path":
                entry.name = value
            elif key == b"linkpath":
                entry.link = value
            elif key == b"size":
                entry.size = sparse.decimal(value)
            elif key == b"uid":
                entry.uid = sparse.decimal(value)
            elif key == b"gid":
                entry.gid = sparse.decimal(value)
            elif key == b"mtime":
                entry.mtime = nanoseconds(value)
            elif key.startswith(XATTR):
                entry.xattrs = entry.xattrs or {}
                entry.xattrs[key[len(XATTR) :]] = value
            elif key.startswith(LIBARCHIVE_XATTR):
                entry.xattrs = entry.xattrs or {}
                name = urllib.parse.unquote_to_bytes(key[len(LIBARCHIVE_XATTR) :])
                if name not in entry.xattrs:
                    padded = value + b"=" * (-len(value) % 4)
                    entry.xattrs[name] = base64.b64decode(padded, validate=True)

    def _check(self, entry: Entry) -> None:
        if entry.size >= MAX_SIZE:
            raise self._broken(f"a size of {entry.size} bytes")
        if not (0 <= entry.uid <= MAX_ID and 0 <= entry.gid <= MAX_ID):
            raise self._broken(f"{shown(entry.name.decode(errors='replace'))}: owner out of range")
        entry.mtime = max(-FARTHEST, min(entry.mtime, FARTHEST))
        if b"\0" in entry.name or b"\0" in entry.link:
            raise self._broken("a NUL byte in a name")

    def _broken(self, reason: str) -> ImageError:
        return ImageError(f"tar, near byte {self._stream.position}: {reason}")
