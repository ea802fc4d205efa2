"""The first module of warren's static executable, which native/launcher/embedded.c runs.

The build joins importer.py and this file to one module. The executable has the modules of the
everyday verbs, and of the standard library what these import. What else is imported is read from
files, as in the ordinary interpreter; only shared objects cannot be loaded. While the snapshot is
made, nothing is: it would contain what the build's machine has. This module also makes what the
initialisation left out: open() and the standard streams.
"""

import _frozen_importlib
import _imp
import _io
import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from importer import Importer, install

prefix, folder = PLACES  # type: ignore[name-defined] # noqa: F821 - native/everyday.py sets it


def find(name: str) -> "tuple[CodeType, bool] | None":
    """A frozen module's code, and whether it is a package."""
    if name in BUILTIN or name.startswith("importlib._"):
        return None
    try:
        code = _imp.get_frozen_object(name)
    except ImportError:
        return None
    return code, code.co_name == "<package>"  # native/embed.py


BUILTIN = frozenset(sys.builtin_module_names)
# What modules of the library try to import, and do without: of Windows, and a shared object.
ABSENT = frozenset(["_hashlib", "_winapi", "msvcrt", "nt", "winreg"])
from_core = builtins.__import__


def from_files(
    name: str,
    names: "Any" = None,
    locals: "Any" = None,
    fromlist: "tuple[str, ...] | None" = (),
    level: int = 0,
) -> "Any":
    """``__import__`` for what the importer does not do: relative imports, ``import a.b``, files."""
    if name in ABSENT:
        raise ModuleNotFoundError("No module named " + repr(name), name=name)
    full = name
    if level == 1:
        full = names["__package__"] + ("." + name if name else "")
    module = importer.modules.get(full) or importer.load(full) if level < 2 else None
    if module is not None and (fromlist or level == 0):
        if not fromlist:
            return importer.modules[name.partition(".")[0]]
        has_parts = "__path__" in module.__dict__ and "__getattr__" not in module.__dict__
        for item in fromlist if has_parts else ():
            if item not in module.__dict__ and importer.load(full + "." + item) is None:
                from_files(full + "." + item, names, locals, ("__name__",))
        return module
    return from_core(name, names, locals, fromlist, level)


def stream(fd: int, mode: str) -> "Any":
    """A standard stream. A name in it may be in any encoding."""
    raw = _io.FileIO(fd, mode, closefd=False)
    buffer = _io.BufferedReader(raw) if mode == "r" else _io.BufferedWriter(raw)
    return _io.TextIOWrapper(
        buffer, "utf-8", "surrogateescape" if mode == "r" else "backslashreplace",
        line_buffering=fd == 2 or raw.isatty(), write_through=fd == 2,
    )  # fmt: skip


def main(packages: str) -> None:
    """Runs the command line. The package is installed in the folder ``packages``."""
    importer.place(packages)
    sys.path += [folder, packages]
    sys.meta_path.append(files)
    sys.stdin, sys.stdout, sys.stderr = stream(0, "r"), stream(1, "w"), stream(2, "w")
    from _signal import SIGINT, default_int_handler, signal

    signal(SIGINT, default_int_handler)
    from hutch.cli.warren import main as command

    command()


importer: "Importer" = install(sys, _imp, find)
importer.ordinary = from_files
importer.library = folder
sys.path, sys.path_hooks, sys.path_importer_cache = [], [], {}
_frozen_importlib._install_external_importers()  # type: ignore[attr-defined]
files = sys.meta_path.pop()
sys.dont_write_bytecode, sys.pycache_prefix, sys.warnoptions = True, None, []
sys.prefix = sys.exec_prefix = sys.base_prefix = sys.base_exec_prefix = prefix
sys.executable = ""
builtins.open = _io.open
