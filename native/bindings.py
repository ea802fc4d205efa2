"""The cffi bindings (API mode) of the C behind hutch.kernel.

``calls.h`` lists the functions that Python calls. All follow one convention: arguments are
integers, NUL-terminated strings, or (pointer, length) buffers; the result is a number of zero or
more, or -errno. libseccomp is linked into a separate extension, so that it is loaded only if a
filter is not cached yet.
"""

from pathlib import Path

from cffi import FFI
from static_program import ANYWHERE

HERE = Path("native")
COMPILE = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
           "-fstack-protector-strong", *ANYWHERE]  # fmt: skip


def prototypes(header: Path) -> str:
    """The declarations of a header without its preprocessor lines: what cffi's cdef takes."""
    lines = header.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def binding(module: str, folder: Path, libraries: list[str]) -> FFI:
    ffi = FFI()
    ffi.cdef(prototypes(folder / "calls.h"))
    ffi.set_source(
        module,
        f'#include "{folder.relative_to(HERE)}/calls.h"',
        sources=sorted(str(path) for path in folder.glob("*.c")),
        include_dirs=[str(HERE)],
        libraries=libraries,
        extra_compile_args=COMPILE,
    )
    return ffi


kernel = binding("hutch._native", HERE / "kernel", [])
seccomp = binding("hutch._seccomp", HERE / "seccomp", ["seccomp"])
