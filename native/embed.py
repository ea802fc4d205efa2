"""Links the static executable from CPython's static library, hutch's C code and frozen modules.

It needs a libpython3.11.a with the modules of BUILTIN built in (Debian's libpython3.11-dev has it),
and static libraries of glibc and libseccomp. If one is missing, or the executable does not run,
``build`` returns the reason, and hutch is installed with only the launcher of the interpreter.
"""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import CodeType

import snapshot
from binding import write_binding
from frozen import code_of, hot_first, modules
from static_code import StaticCode, common_strings

NATIVE = Path(__file__).parent
VERSION = (3, 11)  # launcher/embedded.c and the tables below use private names of this version

# The builtin modules of the executable. The runtime's modules may import those of BUILTIN; the
# interpreter itself needs those of CORE.
BUILTIN = [
    "_abc", "_blake2", "_codecs", "_collections", "_functools", "_io", "_locale", "_operator",
    "_sha256", "_signal", "_socket", "_sre", "_stat", "_struct", "_thread", "_weakref", "errno",
    "fcntl", "itertools", "math", "posix", "select", "time",
]  # fmt: skip
CORE = {
    "marshal": "PyMarshal_Init",
    "_imp": "PyInit__imp",
    "_ast": "PyInit__ast",
    "_tokenize": "PyInit__tokenize",
    "_warnings": "_PyWarnings_Init",
    "_string": "PyInit__string",
    "builtins": None,
    "gc": "PyInit_gc",
    "sys": None,
}
STARTED = {"_signal": "start_signals"}  # launcher/embedded.c
OURS = {
    "hutch._json": "PyInit__json",
    "hutch._native": "PyInit_hutch__native",
    "hutch._seccomp": "PyInit_hutch__seccomp",
}

BINDINGS = ["json/json.c"]
EMBEDDED = "launcher/embedded.c"
SNAPSHOT = "launcher/snapshot.c"

# The modules that the executable starts with, and the files of launcher/ that each is made from.
FIRST = {
    "_frozen_importlib": ("importer", "bootstrap"),
    "hutch_embedded": ("embedded",),
}

# The frozen modules of the standard library: the codecs, and stat.
STANDARD = ("codecs", "encodings", "encodings.aliases", "encodings.utf_8", "stat")

COMMON = 3  # strings that so many modules have are stored once (static_code.py)


def build(output: Path, work: Path, source: Path, flags: Iterable[str]) -> str:
    """Links the file ``output`` from the package below ``source``; ``work`` is for other files.

    Returns the reason why that is not possible, or "".
    """
    if reason := missing_library():
        return reason
    flags = [*flags, '-DFRONT="hutch_embedded"']
    return link(output, work, write_modules(source), BINDINGS, flags, []) or tried(output, work)


def missing_library() -> str:
    """Why nothing can be linked with the interpreter, or ""."""
    library = static_library()
    return "" if sys.version_info[:2] == VERSION and library.exists() else f"there is no {library}"


def static_library() -> Path:
    return Path(sysconfig.get_config_var("LIBPL") or "") / "libpython3.11.a"


def link(
    output: Path,
    work: Path,
    modules_source: str,
    sources: Iterable[str],
    flags: Iterable[str],
    libraries: Iterable[str],
) -> str:
    """Links a static executable with the interpreter from the text ``modules_source``, the bindings
    of native/kernel and native/seccomp, and other ``sources`` in native. Returns the reason why
    that failed, or ""."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "modules.c").write_text(modules_source)
    files = [work / "modules.c"]
    for folder, module in (("kernel", "hutch._native"), ("seccomp", "hutch._seccomp")):
        (work / f"{folder}.c").write_text(write_binding(NATIVE / folder, module))
        files += [work / f"{folder}.c", *sorted((NATIVE / folder).glob("*.c"))]
    command = [
        "gcc", "-static", "-malign-data=abi", "-std=gnu11", "-O2", "-s", *flags,
        "-I", str(NATIVE), "-I", sysconfig.get_paths()["include"],
        "-Wl,-z,relro,-z,now", "-Wl,--gc-sections", "-o", str(output.absolute()),
        *snapshot.linker_options(work),
        *map(str, files), *(str(NATIVE / name) for name in (*sources, EMBEDDED, SNAPSHOT)),
        str(static_library()), "-lseccomp", *libraries, "-lm",
    ]  # fmt: skip
    print(" ".join(command))
    output.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    # glibc warns that dlopen and name services need its shared libraries; hutch uses neither.
    messages = [line for line in done.stderr.splitlines() if "statically linked" not in line]
    if done.returncode:
        return "the linker failed: " + "; ".join(messages[-3:])
    return snapshot.embed(output, work)


def tried(program: Path, work: Path) -> str:
    """Runs the executable in a prefix with an empty package; the reason why it fails, or ""."""
    prefix = work / "tried"
    version = "{}.{}".format(*VERSION)
    package = prefix / "lib" / f"python{version}" / "site-packages" / "hutch"
    for folder in (package, prefix / "bin"):
        folder.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    copy = shutil.copy(program, prefix / "bin")
    done = subprocess.run([copy, "--version"], check=False, capture_output=True, text=True)
    if done.returncode == 0 and done.stdout.startswith(f"{program.name} version "):
        return ""
    return f"it was linked, but ends with {done.returncode}: {done.stderr.strip()}"


def write_modules(source: Path) -> str:
    """The C source of the tables of builtin and of frozen modules.

    They replace the tables in the library, so that no other part of the standard library is linked.
    A smaller program has fewer page faults.
    """
    at_hand = {*BUILTIN, *CORE, *OURS}
    files = {
        **{name: standard(name) for name in STANDARD},
        **hot_first(modules(source, at_hand)),
    }
    codes = {
        **{name: code_of(name, *map(_launcher, parts)) for name, parts in FIRST.items()},
        **{name: code_of(name, file) for name, file in files.items()},
    }
    packages = {name for name, file in files.items() if file.stem == "__init__"}
    functions = {**{name: f"PyInit_{name}" for name in BUILTIN}, **CORE, **OURS, **STARTED}
    lines, rows = frozen_rows(codes, packages)
    return "\n".join([
        *lines,
        *builtin_table(functions),
        *frozen_table("bootstrap_modules", [rows.pop("_frozen_importlib")]),
        *frozen_table("our_modules", [*rows.values()]),
        *frozen_table("no_modules", []),
        "struct _moduleAlias { const char *name; const char *origin; };",
        "static const struct _moduleAlias no_aliases[] = {{NULL, NULL}};",
        "const struct _frozen *_PyImport_FrozenBootstrap = bootstrap_modules;",
        "const struct _frozen *_PyImport_FrozenStdlib = no_modules;",
        "const struct _frozen *_PyImport_FrozenTest = no_modules;",
        "const struct _moduleAlias *_PyImport_FrozenAliases = no_aliases;",
        "const struct _frozen *PyImport_FrozenModules = our_modules;",
        "int _Py_Deepfreeze_Init(void) { return 0; }",
        "void _Py_Deepfreeze_Fini(void) {}",
        "",
    ])  # fmt: skip


def frozen_rows(codes: dict[str, CodeType], packages: set[str]) -> tuple[list[str], dict[str, str]]:
    """The C source of modules, and the row of each in a table of frozen modules."""
    for name in packages:
        # By this name the launchers recognise a package, without the table of modules.
        codes[name] = codes[name].replace(co_name="<package>")
    static = StaticCode(common_strings(codes.values(), COMMON))
    rows = {name: _frozen(name, code, name in packages, static) for name, code in codes.items()}
    return ['#include "launcher/static_code.h"', *static.lines], rows


def builtin_table(functions: dict[str, str | None]) -> list[str]:
    """The C source of the table of builtin modules, from the functions that make them."""
    return [
        *(f"PyObject *{function}(void);" for function in functions.values() if function),
        "struct _inittab _PyImport_Inittab[] = {",
        *(f'    {{"{name}", {function or "NULL"}}},' for name, function in functions.items()),
        "    {NULL, NULL},",
        "};",
    ]


def standard(name: str) -> Path:
    library = Path(sysconfig.get_paths()["stdlib"]).joinpath(*name.split("."))
    return library / "__init__.py" if library.is_dir() else library.with_suffix(".py")


def _launcher(name: str) -> Path:
    return NATIVE / "launcher" / f"{name}.py"


def _frozen(name: str, code: CodeType, is_package: bool, static: StaticCode) -> str:
    """A module's row in a table. Its last column is the function that returns the code object; the
    marshalled code ("-") is not read then, but must not be NULL."""
    function = static.module(name.replace(".", "_"), code)
    return f'    {{"{name}", (const unsigned char *)"-", 1, {int(is_package)}, {function}}},'


def frozen_table(name: str, rows: list[str]) -> list[str]:
    return [
        f"const struct _frozen {name}[] = {{",
        *rows,
        "    {NULL, NULL, 0, 0, NULL},",
        "};",
    ]
