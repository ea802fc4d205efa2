"""Links warren's static executable: the interpreter with the modules of the everyday verbs.

What is not frozen is read from files (launcher/whole.py). So the lists below are for speed only.
"""

import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import CodeType

import library
from embed import (
    BINDINGS,
    builtin_table,
    frozen_rows,
    frozen_table,
    link,
    standard,
    tried,
)
from frozen import PACKAGE, code_of, code_of_standard, imports, modules
from machine import Machine, this_machine
from versions import CORE, missing_library, static_library, version

LAUNCHER = Path(__file__).parent / "launcher"
LIBRARY = Path(sysconfig.get_paths()["stdlib"])

BUILTIN = [
    "_abc", "_ast", "_bisect", "_blake2", "_codecs", "_collections", "_csv", "_datetime",
    "_functools",
    "_heapq", "_io", "_locale", "_md5", "_opcode", "_operator", "_pickle", "_posixsubprocess",
    "_random", "_sha1", "_sha3", "_signal", "_socket", "_sre", "_stat",
    "_statistics", "_string", "_struct", "_symtable", "_thread", "_tokenize", "_tracemalloc",
    "_weakref", "array", "atexit", "binascii", "cmath", "errno", "faulthandler", "fcntl", "grp",
    "itertools", "math", "posix", "pwd", "select", "syslog", "time", "unicodedata", "zlib",
]  # fmt: skip
OURS = {
    "hutch._json": "PyInit__json",
    "hutch._native": "PyInit_hutch__native",
    "hutch._seccomp": "PyInit_hutch__seccomp",
    "hutch._sqlite": "PyInit__sqlite",
}

# The modules of the everyday verbs, but for those that these import at their top.
EVERYDAY = [
    "hutch.cli.warren.containers", "hutch.cli.warren.context", "hutch.cli.warren.declared",
    "hutch.cli.warren.each", "hutch.cli.warren.execute", "hutch.cli.warren.files",
    "hutch.cli.warren.go_template.execute", "hutch.cli.warren.hints", "hutch.cli.warren.images",
    "hutch.cli.warren.inspect", "hutch.cli.warren.look", "hutch.cli.warren.networks",
    "hutch.cli.warren.output", "hutch.cli.warren.parser", "hutch.cli.warren.pod",
    "hutch.cli.warren.pod_look", "hutch.cli.warren.ps", "hutch.cli.warren.run",
    "hutch.cli.warren.system", "hutch.cli.warren.version", "hutch.cli.warren.volumes",
    "hutch.engine.containers.about", "hutch.engine.containers.attach",
    "hutch.engine.containers.config", "hutch.engine.containers.conmon",
    "hutch.engine.containers.copy", "hutch.engine.containers.create",
    "hutch.engine.containers.describe", "hutch.engine.containers.exec",
    "hutch.engine.containers.executions", "hutch.engine.containers.finish",
    "hutch.engine.containers.health", "hutch.engine.containers.id_maps",
    "hutch.engine.containers.listing", "hutch.engine.containers.log_files",
    "hutch.engine.containers.log_lines", "hutch.engine.containers.logs",
    "hutch.engine.containers.mounts",
    "hutch.engine.containers.names", "hutch.engine.containers.process",
    "hutch.engine.containers.remove", "hutch.engine.containers.restarts",
    "hutch.engine.containers.rootfs", "hutch.engine.containers.sizes",
    "hutch.engine.containers.start", "hutch.engine.containers.stats",
    "hutch.engine.containers.stop", "hutch.engine.containers.truth",
    "hutch.engine.containers.update", "hutch.engine.disk_use", "hutch.engine.engine",
    "hutch.engine.filters", "hutch.engine.network.describe", "hutch.engine.network.etc",
    "hutch.engine.network.manage", "hutch.engine.network.port_words", "hutch.engine.network.ports",
    "hutch.engine.network.wire", "hutch.engine.pods.describe", "hutch.engine.pods.infra",
    "hutch.engine.pods.life", "hutch.engine.pods.records", "hutch.image.lower_layers",
    "hutch.image.unpack", "hutch.image.usage", "hutch.image.whiteout", "hutch.images.store",
]  # fmt: skip

# What the interpreter needs before it can read a module from a file.
STANDARD = ["codecs", "encodings", "encodings.aliases", "encodings.ascii", "encodings.utf_8"]

# Modules of the standard library beside those that are imported by name; the package imports this
# one when ThreadPoolExecutor is first used.
MORE = ["concurrent.futures.thread"]


def build(
    output: Path, work: Path, source: Path, flags: Iterable[str], machine: Machine | None = None
) -> str:
    """Links the file ``output`` from the package below ``source``; ``work`` is for other files.

    Returns the reason why that is not possible, or "".
    """
    if machine is None and (reason := missing_library()):
        return reason
    machine = machine or this_machine(static_library())
    work.mkdir(parents=True, exist_ok=True)
    flags = [*flags, '-DFRONT="hutch_whole"', "-DOWN_MODULES"]
    sources = [*BINDINGS, "sqlite/sqlite.c"]
    modules_source = write_modules(source, work, complete=bool(machine.mark))
    libraries = ["-lsqlite3", "-lz"]
    return link(output, work, modules_source, sources, flags, libraries, machine) or tried(
        output, work, machine
    )


def frozen_files(source: Path) -> dict[str, Path]:
    """{name: file} of the modules of ours that are frozen."""
    found = modules(source, {*builtin_names(), *CORE, *OURS})
    todo = list(EVERYDAY)
    while todo:
        name = todo.pop()
        path = file_of(source, name)
        if name.partition(".")[0] == PACKAGE and path is not None and name not in found:
            found[name] = path
            todo += [*sorted(imports(path)), name.rpartition(".")[0]]
    return found


def file_of(source: Path, name: str) -> Path | None:
    """The file of a module below ``source``."""
    place = source.joinpath(*name.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.exists()), None)


def write_modules(source: Path, work: Path, *, complete: bool = False) -> str:
    """The C source of the tables of builtin and of frozen modules. If they are to be ``complete``,
    those of the standard library that functions import are frozen too: where the program will run
    there may be no files of this version of the library."""
    files = frozen_files(source)
    places = sys.base_prefix, sysconfig.get_paths()["stdlib"]
    (work / "places.py").write_text(f"PLACES = {places!r}\n")
    front = [work / "places.py", LAUNCHER / "importer.py", LAUNCHER / "whole.py"]
    codes: dict[str, CodeType] = {
        "hutch_whole": code_of("hutch_whole", *front),
    }
    first = {name: standard(name) for name in STANDARD}
    codes |= {name: code_of_standard(name, file) for name, file in first.items()}
    codes |= {name: code_of(name, file) for name, file in files.items()}
    packages = {name for name, file in {**first, **files}.items() if file.stem == "__init__"}
    lines, rows = frozen_rows(codes, packages)
    found = library_files(files, first)
    if complete:
        others = {*builtin_names(), *CORE, *OURS, *first}
        found |= library.all_files(source / PACKAGE, found, LIBRARY, others)
    library_lines, library_rows = library.rows(found)
    return "\n".join([
        *lines,
        *library_lines,
        *builtin_table(builtin_names(), {**CORE, **OURS}),
        *frozen_table("our_modules", [*rows.values(), *library_rows]),
        "",
    ])  # fmt: skip


def builtin_names() -> list[str]:
    """The builtin modules beside those of CORE."""
    return [*BUILTIN, *version().modules]


def library_files(files: dict[str, Path], first: dict[str, Path]) -> dict[str, Path]:
    """{name: file} of the modules of the standard library that ``files`` and the modules of the
    executable itself import, without ``first``."""
    front = (LAUNCHER / "importer.py", LAUNCHER / "whole.py")
    wanted = {name for path in (*files.values(), *front) for name in imports(path)}
    found = library.files([*wanted, *MORE], LIBRARY, {*builtin_names(), *CORE, *OURS})
    return {name: path for name, path in found.items() if name not in first}
