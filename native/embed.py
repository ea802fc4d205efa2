"""Links the static executable from CPython's static library, hutch's C code and frozen modules.

It needs the static library of a version that versions.py has, with the modules of BUILTIN built in
(Debian's libpython3-dev has it), and static libraries of glibc and libseccomp. If one is missing,
or the executable does not run, ``build`` returns the reason, and hutch is installed with only the
launcher of the interpreter.
"""

import marshal
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import CodeType

import snapshot
from binding import write_binding
from frozen import code_of, modules
from machine import Machine, this_machine
from versions import CORE, RUNNING, missing_library, static_library, version

NATIVE = Path(__file__).parent

# The builtin modules of the executable, beside those of CORE.
BUILTIN = [
    "_abc", "_ast", "_blake2", "_codecs", "_collections", "_functools", "_io", "_locale",
    "_operator", "_signal", "_socket", "_sre", "_stat", "_string", "_struct", "_thread",
    "_tokenize", "_weakref", "errno", "fcntl", "itertools", "math", "posix", "select", "time",
]  # fmt: skip
STARTED = {"_signal": "start_signals"}  # launcher/embedded.c
OURS = {
    "hutch._json": "PyInit__json",
    "hutch._native": "PyInit_hutch__native",
    "hutch._seccomp": "PyInit_hutch__seccomp",
}

BINDINGS = ["json/json.c"]
EMBEDDED = "launcher/embedded.c"
SNAPSHOT = "launcher/snapshot.c"
DIGESTS = "digest/digest.c"

# The modules that the executable starts with, and the files of launcher/ that each is made from.
FIRST = {
    "_frozen_importlib": ("importer", "bootstrap"),
    "hutch_embedded": ("embedded",),
}

# The frozen modules of the standard library: the codecs, and stat.
STANDARD = ("codecs", "encodings", "encodings.aliases", "encodings.utf_8", "stat")

# The unwinder finds its tables by the program's header, not by a function that reads them all at
# each start (launcher/embedded.c).
UNWINDING = [
    "-Wl,--eh-frame-hdr", "-Wl,--wrap=__register_frame_info", "-Wl,--wrap=__deregister_frame_info",
]  # fmt: skip

# The code of the modules is for the version of the interpreter that compiled it.
BEGIN = [
    '#include "cpython/python.h"',
    f"EXPECTED(PY_VERSION_HEX >> 16 == {sys.hexversion >> 16:#x}, "
    f'"the modules are compiled by {RUNNING}");',
]

# What each executable must do before it is installed: words, and the exit code.
TRIES = {
    "hutch": [(["--version"], 0), (["features"], 0), (["--root", "/nonexistent", "state", "x"], 1)],
    "warren": [(["--version"], 0), (["version", "--format", "json"], 0), (["run", "--hlep"], 125)],
}


def build(
    output: Path, work: Path, source: Path, flags: Iterable[str], machine: Machine | None = None
) -> str:
    """Links the file ``output`` from the package below ``source``; ``work`` is for other files.

    Returns the reason why that is not possible, or "".
    """
    if machine is None and (reason := missing_library()):
        return reason
    machine = machine or this_machine(static_library())
    flags = [*flags, '-DFRONT="hutch_embedded"']
    return link(output, work, write_modules(source), BINDINGS, flags, [], machine) or tried(
        output, work, machine
    )


def link(
    output: Path,
    work: Path,
    modules_source: str,
    sources: Iterable[str],
    flags: Iterable[str],
    libraries: Iterable[str],
    machine: Machine,
) -> str:
    """Links a static executable with the interpreter from the text ``modules_source``, the bindings
    of native/kernel and native/seccomp, and other ``sources`` in native. Returns the reason why
    that failed, or ""."""
    sources = [*sources, EMBEDDED, SNAPSHOT]
    if version().digests:
        sources, libraries = [*sources, DIGESTS], [*libraries, "-l:libmd.a", "-l:libb2.a"]
    work.mkdir(parents=True, exist_ok=True)
    (work / "modules.c").write_text(modules_source)
    files = [work / "modules.c"]
    for folder, module in (("kernel", "hutch._native"), ("seccomp", "hutch._seccomp")):
        (work / f"{folder}.c").write_text(write_binding(NATIVE / folder, module))
        files += [work / f"{folder}.c", *sorted((NATIVE / folder).glob("*.c"))]
    command = [
        *machine.compiler, "-static", "-std=gnu11", "-O2", "-s", *flags,
        "-I", str(NATIVE), "-I", str(machine.headers),
        "-Wl,-z,relro,-z,now", "-Wl,--gc-sections", *UNWINDING, "-o", str(output.absolute()),
        *snapshot.linker_options(work),
        *map(str, files), *(str(NATIVE / name) for name in sources),
        str(machine.library), "-lseccomp", *libraries, "-lm",
    ]  # fmt: skip
    print(" ".join(command))
    output.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        return reason(done.stderr)
    return snapshot.embed(output, work, machine.runner)


def reason(said: str) -> str:
    """Why the compiler or the linker failed, in one sentence: the first that is known, of
    cpython/python.h, otherwise the first error of the compiler, otherwise the linker's last words.
    """
    if found := re.search(r'static assertion failed: "(.*)"', said) or re.search(
        r"error: #error (.*)", said
    ):
        return found[1].strip('"')
    if found := re.search(r"native/cpython/\S+ error: (.*)", said):
        return f"CPython {sys.version.split()[0]} is not as native/cpython expects: {found[1]}"
    if found := re.search(r"\S+: error: (.*)", said):
        return "the compiler failed: " + found[0]
    # glibc warns that dlopen and name services need its shared libraries; hutch uses neither.
    messages = [line for line in said.splitlines() if "statically linked" not in line]
    return "the linker failed: " + "; ".join(messages[-3:])


def tried(program: Path, work: Path, machine: Machine) -> str:
    """Runs the executable in a prefix with an empty package; the reason why it fails, or ""."""
    prefix = work / "tried"
    package = prefix / "lib" / f"python{RUNNING}" / "site-packages" / "hutch"
    for folder in (package, prefix / "bin"):
        folder.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    if machine.mark:
        (package / "libexec").mkdir(exist_ok=True)
        (package / "libexec" / machine.mark).touch()
    copy = shutil.copy(program, prefix / "bin")
    for words, code in TRIES[program.name]:
        called = [*machine.runner, copy, *words]
        done = subprocess.run(called, check=False, capture_output=True, text=True)
        if done.returncode != code or "Traceback" in done.stderr:
            verb = " ".join(words)
            return f"it was linked, but {verb} ends with {done.returncode}: {done.stderr.strip()}"
    return ""


def write_modules(source: Path) -> str:
    """The C source of the tables of builtin and of frozen modules.

    They replace the tables in the library, so that no other part of the standard library is linked.
    A smaller program has fewer page faults.
    """
    at_hand = {*BUILTIN, *CORE, *OURS}
    files = {
        **{name: standard(name) for name in STANDARD},
        **modules(source, at_hand),
    }
    codes = {
        **{name: code_of(name, *map(_launcher, parts)) for name, parts in FIRST.items()},
        **{name: code_of(name, file) for name, file in files.items()},
    }
    packages = {name for name, file in files.items() if file.stem == "__init__"}
    lines, rows = frozen_rows(codes, packages)
    return "\n".join([
        *lines,
        *builtin_table(BUILTIN, {**CORE, **OURS}),
        *frozen_table("bootstrap_modules", [rows.pop("_frozen_importlib")]),
        *frozen_table("our_modules", [*rows.values()]),
        "FROZEN_MODULES(bootstrap_modules, our_modules)",
        "",
    ])  # fmt: skip


def frozen_rows(codes: dict[str, CodeType], packages: set[str]) -> tuple[list[str], dict[str, str]]:
    """The C source of modules, and the row of each in a table of frozen modules."""
    for name in packages:
        # By this name the launchers recognise a package, without the table of modules.
        codes[name] = codes[name].replace(co_name="<package>")
    lines, rows = [*BEGIN], {}
    for name, code in codes.items():
        data = marshal.dumps(code)
        symbol = "code_of_" + name.replace(".", "_")
        numbers = ",".join(map(str, data))
        lines.append(f"static const unsigned char {symbol}[] = {{{numbers}}};")
        rows[name] = _row(name, symbol, len(data), name in packages)
    return lines, rows


def _row(name: str, code: str, size: int, is_package: bool) -> str:
    """A module's row in a table of frozen modules."""
    numbers = f".size = {size}, .is_package = {int(is_package)}"
    return f'    {{.name = "{name}", .code = {code}, {numbers}}},'


def builtin_table(names: Iterable[str], more: Mapping[str, str | None]) -> list[str]:
    """The C source of the table of builtin modules: those of the interpreter with these names, and
    more, with the functions that make them."""
    digests = {name: f"our_{name}" for name in names if name in version().digests}
    functions = {**{name: f"PyInit_{name}" for name in names}, **more, **STARTED, **digests}
    return [
        *(f"PyObject *{function}(void);" for function in functions.values() if function),
        "BUILTIN_MODULES = {",
        *(f'    {{"{name}", {function or "NULL"}}},' for name, function in functions.items()),
        "    {NULL, NULL},",
        "};",
    ]


def standard(name: str) -> Path:
    library = Path(sysconfig.get_paths()["stdlib"]).joinpath(*name.split("."))
    return library / "__init__.py" if library.is_dir() else library.with_suffix(".py")


def _launcher(name: str) -> Path:
    return NATIVE / "launcher" / f"{name}.py"


def frozen_table(name: str, rows: list[str]) -> list[str]:
    return [
        f"const struct _frozen {name}[] = {{",
        *rows,
        "    {.name = NULL},",
        "};",
    ]
