"""Puts a snapshot of the initialised interpreter into an executable (launcher/snapshot.c).

The linker puts the variables of the interpreter and of hutch behind all others, and a heap behind
them. The linked program writes what they contain after the initialisation; that replaces their
first values in the executable.
"""

import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

HEAP = 64 << 20  # bytes of address space; the program keeps what it used

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


def embed(program: Path, work: Path, runner: Iterable[str] = ()) -> str:
    """Runs the linked ``program``, by the words ``runner``, and stores its snapshot in it. Returns
    why that failed, or ""."""
    written = work / "snapshot"
    words = [*runner, str(program.absolute()), str(written)]
    done = subprocess.run(words, check=False, env={}, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        return f"it makes no snapshot: {done.returncode}: {done.stderr.strip()}"
    data = written.read_bytes()
    program.write_bytes(with_snapshot(program.read_bytes(), data))
    return ""


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
    segment[5] = segment[6] = end - address  # the sizes in the file and in memory
    before = program[: offset + start - address]
    changed = bytearray(before + written[ADDRESSES.size :])
    HEADER.pack_into(changed, 0, *header)
    SEGMENT.pack_into(changed, place, *segment)
    return bytes(changed)
