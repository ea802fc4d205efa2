"""The plain files of a piece of an archive, made with one call (native/kernel/plain_files.c)."""

from _struct import Struct

from hutch._native import ffi, lib

COUNTS = Struct("=qqq")
REPORT = COUNTS.size + 4096  # with a path


class Made:
    """What one call has made: ``taken`` bytes of the archive are done; they had ``entries`` entries
    with ``size`` bytes of content. ``folder`` is the folder of the plain entry that is next, as the
    archive writes it; None if the next entry is not plain."""

    __slots__ = ("entries", "folder", "size", "taken")

    def __init__(self, taken: int, report: bytearray) -> None:
        self.taken = taken
        self.entries, self.size, length = COUNTS.unpack_from(report)
        start = COUNTS.size
        self.folder = bytes(report[start : start + length]) if length >= 0 else None


def make_plain_files(
    directory: int,
    folder: bytes,
    stream: "bytes | memoryview",
    hole: int,
    changed_bits: int,
    owner: "tuple[int, int]",
) -> Made:
    """Makes the plain files at the start of ``stream`` that are in ``folder``, open as
    ``directory``; -1 makes none.

    A regular file or a symlink is plain, if all of it is in ``stream``, no block of ``hole`` bytes
    has only zeros, and nothing is unusual. It stops before any other entry, and before one that
    cannot be made, for example because its name exists. ``changed_bits``: the bits of a mode that
    open(2) does not set. Files of ``owner`` need no chown(2).
    """
    report = bytearray(REPORT)
    taken: int = lib.hutch_plain_files(
        directory, ffi.from_buffer(folder), len(folder), ffi.from_buffer(stream), len(stream),
        hole, changed_bits, *owner, ffi.from_buffer(report), len(report),
    )  # fmt: skip
    return Made(taken, report)
