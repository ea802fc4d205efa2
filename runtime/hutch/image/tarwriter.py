"""Writes tar archives with regular files only, for saved images."""

from collections.abc import Iterable
from typing import IO

from hutch.image.tarstream import BLOCK


class TarWriter:
    """Writes the members in the order of the calls. All times are zero, so that two archives of the
    same image have the same bytes."""

    def __init__(self, output: IO[bytes]) -> None:
        self._output = output

    def file(self, name: str, data: bytes) -> None:
        """Writes a small file."""
        self.stream(name, len(data), [data])

    def stream(self, name: str, size: int, chunks: Iterable[bytes]) -> None:
        """Writes a file of ``size`` bytes; ``chunks`` must have as many. ``name`` has at most 256
        bytes."""
        raw = name.encode()
        prefix = b""
        if len(raw) > 100:
            prefix, _, raw = raw.rpartition(b"/")
        octal = b"%011o" % size if size < 8**11 else (1 << 95 | size).to_bytes(12, "big")[:12]
        header = bytearray(BLOCK)
        header[0 : len(raw)] = raw
        header[100:108] = b"0000644\0"
        header[108:116] = header[116:124] = b"0000000\0"
        header[124 : 124 + len(octal)] = octal
        header[136:148] = b"00000000000\0"
        header[148:156] = b" " * 8
        header[156:157] = b"0"
        header[257:265] = b"ustar\00000"
        header[345 : 345 + len(prefix)] = prefix
        header[148:155] = b"%06o\0" % sum(header)
        self._output.write(header)
        for chunk in chunks:
            self._output.write(chunk)
        self._output.write(bytes(-size % BLOCK))

    def end(self) -> None:
        """Writes the mark at the end of the archive."""
        self._output.write(bytes(2 * BLOCK))
        self._output.flush()
