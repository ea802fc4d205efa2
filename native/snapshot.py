"""Puts a snapshot of the initialised interpreter into an executable (launcher/snapshot.c).

The linker puts the variables of the interpreter and of hutch behind all others, and a heap behind
them. The linked program writes what they contain after the initialisation; that replaces their
first values in the executable.

If a command writes to a page of the snapshot, the kernel copies the page, and a reference count is
enough for that. So all that commands write to is put side by side. For this the program runs
several times. First it tells which pieces of memory it asks for, and which of them it frees again.
Then, with each piece on pages of its own, it does what commands do (launcher/rehearsal.py) and
tells which pages have changed. At last it makes the snapshot, with each piece in its place.
"""

import marshal
import struct
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from frozen import code_of

HEAP = 1 << 30  # bytes of address space; the program keeps what it used

# The libraries whose variables are not in the snapshot: each process initialises them.
LIBRARIES = ("libb2", "libc", "libm*", "libgcc*", "libseccomp", "libsqlite3", "libz")
WRAPPED = (
    "malloc", "calloc", "realloc", "free",
    "clock_gettime", "pthread_getattr_np", "pthread_self", "PyThread_get_thread_native_id",
)  # fmt: skip

# mimalloc is in CPython since 3.13. Only the interpreter without a global lock uses it, but its
# constructor reads the environment at each start and writes to standard error. It is left out.
SCRIPT = """\
SECTIONS
{{
  /DISCARD/ : {{ *:obmalloc.o(.init_array .init_array.*) }}
  .snapshot : ALIGN(CONSTANT(COMMONPAGESIZE))
  {{
    snapshot_start = .;
    *(EXCLUDE_FILE({libraries}) .data EXCLUDE_FILE({libraries}) .data.rel
      EXCLUDE_FILE({libraries}) .data.rel.local EXCLUDE_FILE({libraries}) .PyRuntime
      EXCLUDE_FILE({libraries}) .bss EXCLUDE_FILE({libraries}) COMMON)
    . = ALIGN(CONSTANT(COMMONPAGESIZE));
  }}
  .snapshot_heap : {{ snapshot_heap = .; . += {heap}; snapshot_end = .; }}
}}
INSERT AFTER .bss;
"""

PAGE = 4096
TRIES = 4
ROW = struct.Struct("<III")  # struct piece of launcher/snapshot.c
UNIT = 16  # bytes: of the places in it
LABEL = 8  # bytes: struct label, in front of each piece
LARGE = 4 * PAGE

# The command lines of the rehearsal, by the program's name.
REHEARSAL = Path(__file__).parent / "launcher" / "rehearsal.py"
VERBS = {
    "hutch": (
        "create --bundle {bundle} rabbit", "state rabbit", "start rabbit", "state rabbit",
        "exec rabbit true", "kill rabbit KILL", "delete rabbit", "run --bundle {bundle} rabbit",
    ),
    "warren": ("ps -a",),
}  # fmt: skip

PT_LOAD = 1
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")  # elf(5): Elf64_Ehdr
SEGMENT = struct.Struct("<IIQQQQQQ")  # Elf64_Phdr
ADDRESSES = struct.Struct("<QQ")


def linker_options(work: Path) -> list[str]:
    """The options of gcc that link a program which can make a snapshot. Writes a linker script into
    the folder ``work``."""
    libraries = " ".join(f"*/{name}.a:*" for name in LIBRARIES) + " *crt*.o"
    script = work / "snapshot.ld"
    script.write_text(SCRIPT.format(libraries=libraries, heap=hex(HEAP)))
    return [f"-Wl,-T,{script}", *(f"-Wl,--wrap={name}" for name in WRAPPED)]


class Piece(NamedTuple):
    """One piece of memory: its bytes, and whether it was freed before the snapshot is taken."""

    size: int
    freed: bool


def embed(program: Path, work: Path, runner: Iterable[str] = ()) -> str:
    """Runs the linked ``program``, by the words ``runner``, and stores its snapshot in it. Returns
    why that failed, or ""."""
    asked, places, changes, written = (
        work / name for name in ("pieces", "places", "changes", "snapshot")
    )
    rehearsal = work / "rehearsal"
    rehearsal.write_bytes(marshal.dumps(code_of("rehearsal", REHEARSAL)))

    def run(*words: str | Path) -> None:
        called = [*runner, program.absolute(), *words]
        subprocess.run(called, check=True, env={}, capture_output=True, text=True)

    def rehearse(*words: str) -> bytes:
        run("changes", changes, places, rehearsal, *words)
        return changes.read_bytes()

    try:
        run("pieces", asked)
        pieces = read_pieces(asked.read_bytes())
        places.write_bytes(rows(pieces, apart(pieces)))
        users = rehearsed(pieces, VERBS[program.name], rehearse)
        for _ in range(TRIES):
            places.write_bytes(rows(pieces, by_use(pieces, users)))
            run("snapshot", written, places, asked)
            late = stay_too(pieces, read_pieces(asked.read_bytes()))
            if not late:
                break
            pieces = [piece._replace(freed=piece.freed and number not in late)
                      for number, piece in enumerate(pieces)]  # fmt: skip
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip() or error.stdout.strip()
        return f"it makes no snapshot: {error.returncode}: {said}"
    program.write_bytes(with_snapshot(program.read_bytes(), written.read_bytes()))
    return ""


def rehearsed(
    pieces: list[Piece], verbs: Iterable[str], rehearse: Callable[..., bytes]
) -> list[int]:
    """For each piece, which of the ``verbs`` change it: a bit for each verb. ``rehearse`` runs the
    rehearsal with these words, and returns a byte for each page: whether it has changed."""
    users = [0] * len(pieces)
    places = apart(pieces)
    for cgroups in ("v1", "v2"):
        with TemporaryDirectory() as parent:
            folder = parent + "/host"
            rehearse(folder, cgroups)
            for bit, verb in enumerate(verbs):
                words = verb.format(bundle=folder + "/bundle").split()
                for number in changed(pieces, places, rehearse(folder, cgroups, *words)):
                    users[number] |= 1 << bit
    return users


def read_pieces(written: bytes) -> list[Piece]:
    """The pieces that the program asked for, in their order."""
    return [Piece(size, bool(freed)) for size, _, freed in ROW.iter_unpack(written)]


def stay_too(pieces: list[Piece], again: list[Piece]) -> set[int]:
    """The numbers of the ``pieces`` that were freed, but whose places were not when it was done
    ``again``: such a place is behind the others, so the snapshot would be larger."""
    numbers: dict[int, list[int]] = {}
    for number, piece in enumerate(pieces):
        numbers.setdefault(piece.size, []).append(number)
    of_size = {size: iter(found) for size, found in numbers.items()}
    stay = set()
    for piece in again:
        for number in of_size.get(piece.size, iter(())):
            if pieces[number].freed and not piece.freed:
                stay.add(number)
            break
    return stay


def apart(pieces: list[Piece]) -> list[int]:
    """Places in bytes with which no two pieces that stay are in one page, and at last the place
    behind all."""
    return arranged(pieces, range(len(pieces)), PAGE)


def by_use(pieces: list[Piece], users: list[int]) -> list[int]:
    """The same with those first that most verbs change, and side by side what the same verbs do.
    Large pieces are last, the largest at the end: those of the allocator, of which little is used,
    and nothing yet."""

    def rank(number: int) -> tuple[int, int, int]:
        size = pieces[number].size
        return size if size >= LARGE else 0, -users[number].bit_count(), users[number]

    return arranged(pieces, sorted(range(len(pieces)), key=rank), 1)


def arranged(pieces: list[Piece], order: Iterable[int], distance: int) -> list[int]:
    """Places for the pieces in this ``order``: each that stays begins at a multiple of ``distance``
    bytes; those that are freed again are behind the last page of these."""
    places = [0] * (len(pieces) + 1)
    position = 0
    for number in order:
        if not pieces[number].freed:
            places[number] = aligned(aligned(position, distance) + LABEL, UNIT)
            position = places[number] + pieces[number].size
    position = aligned(position, PAGE)
    for number, piece in enumerate(pieces):
        if piece.freed:
            places[number] = aligned(position + LABEL, UNIT)
            position = places[number] + piece.size
    places[-1] = aligned(position, PAGE)
    return places


def aligned(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def rows(pieces: list[Piece], places: list[int]) -> bytes:
    """The file of places that the program reads: for each size in the order of the pieces."""
    placed = sorted(zip(pieces, places, strict=False), key=lambda row: row[0].size)
    table = [ROW.pack(piece.size, place // UNIT, 0) for piece, place in placed]
    return b"".join([*table, ROW.pack(0, places[-1] // UNIT, 0)])


def changed(pieces: list[Piece], places: list[int], pages: bytes) -> list[int]:
    """The numbers of the pieces that are in a changed page. ``pages`` has a byte for each page."""
    return [
        number
        for number, (piece, place) in enumerate(zip(pieces, places, strict=False))
        if not piece.freed and any(pages[place // PAGE : (place + piece.size - 1) // PAGE + 1])
    ]


def with_snapshot(program: bytes, written: bytes) -> bytes:
    """The executable with the snapshot, and without sections: they would describe the old file.

    ``written`` are the addresses of the snapshot's start and end, then its content.
    """
    start, end = ADDRESSES.unpack_from(written)
    header = list(HEADER.unpack_from(program))
    table, count = header[5], header[10]
    header[6] = header[12] = header[13] = 0  # the sections' place, number and names
    for place in range(table, table + count * SEGMENT.size, SEGMENT.size):
        segment = list(SEGMENT.unpack_from(program, place))
        kind, offset, address, size = segment[0], segment[2], segment[3], segment[6]
        # The linker may have put the variables before the snapshot into the same segment.
        if kind == PT_LOAD and address <= start < address + size:
            break
    else:
        raise ValueError("no segment of the executable has the snapshot")
    content = written[ADDRESSES.size :].rstrip(b"\0")  # the kernel adds zeros
    segment[5], segment[6] = start - address + len(content), end - address  # in file and memory
    before = program[: offset + start - address]
    changed = bytearray(before + content)
    HEADER.pack_into(changed, 0, *header)
    SEGMENT.pack_into(changed, place, *segment)
    return bytes(changed)
