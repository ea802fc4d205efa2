"""Compiles the extensions of a wheel, by the limited API, with zig: a C compiler for each processor
and for each version of the C libraries (ziglang, of PyPI).

libseccomp is linked into them. hutch._sqlite is not an extension here, but sqlite/standard.py.
"""

import subprocess
import sys
from pathlib import Path

import bindings
from static_program import ANYWHERE, NATIVE

from wheels.sysroot import Sysroot
from wheels.targets import LIMITED_API, Libc

HERE = NATIVE / "wheels"
# Sources define _GNU_SOURCE as nothing, too, so that old_libc.h can be included before them.
FLAGS = [
    "-shared", "-fPIC", "-O2", "-s", "-std=gnu11", "-D_GNU_SOURCE=", "-Wall", "-Wextra", "-Werror",
    "-Wno-unused-parameter", "-Wno-unused-function", "-fstack-protector-strong",
    f"-DPy_LIMITED_API={LIMITED_API:#x}", "-include", str(HERE / "old_libc.h"), "-I", str(NATIVE),
]  # fmt: skip


def compile_extensions(sysroot: Sysroot, libc: Libc, folder: Path) -> dict[str, Path]:
    """{file name in the package: file}. Raises CalledProcessError; the compiler prints why."""
    folder.mkdir(parents=True, exist_ok=True)
    bindings.kernel.emit_c_code(str(folder / "_native.c"))
    bindings.seccomp.emit_c_code(str(folder / "_seccomp.c"))
    seccomp = [folder / "_seccomp.c", *sorted((NATIVE / "seccomp").glob("*.c"))]
    if libc.zig == "musl":
        seccomp.append(HERE / "fortified.c")
    sources = {
        "_json": [NATIVE / "json" / "json.c"],
        "_native": [folder / "_native.c", *sorted((NATIVE / "kernel").glob("*.c"))],
        "_seccomp": [*seccomp, sysroot.libraries / "libseccomp.a"],
    }
    compiler = [sys.executable, "-m", "ziglang", "cc"]
    target = f"{sysroot.processor.name}-linux-{libc.zig}"
    headers = ["-I", str(sysroot.python_headers), "-I", str(sysroot.include)]
    built = {}
    for name, files in sources.items():
        output = folder / f"{name}.abi3.so"
        words = [*compiler, "-target", target, *FLAGS, *ANYWHERE, *headers, "-o"]
        subprocess.run([*words, str(output), *map(str, files)], check=True)
        built[output.name] = output
    return built
