"""The modules of the standard library in warren's static executable, as marshalled code.

The program that makes the snapshot (snapshot.py) must not read them from files: the snapshot would
contain times and the order of folders, and two builds would differ.
"""

import ast
import marshal
from collections.abc import Iterable
from pathlib import Path

from frozen import code_of_standard

# Parts of importlib have other names in the interpreter.
OTHER_NAMES = {"importlib._bootstrap", "importlib._bootstrap_external"}


def files(wanted: Iterable[str], library: Path, builtin: set[str]) -> dict[str, Path]:
    """{name: file} of the modules ``wanted`` below ``library`` and of all that these import when
    they are loaded, sorted by name. Names that have no file there are left out."""
    found: dict[str, Path] = {}
    todo = list(wanted)
    while todo:
        name = todo.pop()
        path = _file(name, library)
        if path is not None and name not in found and name not in builtin | OTHER_NAMES:
            found[name] = path
            todo += [*imports(name, path), name.rpartition(".")[0]]
    return dict(sorted(found.items()))


# Left out of all_files: what is for developers, other systems, and windows.
UNUSED = {
    "antigravity", "ctypes", "curses", "distutils", "doctest", "ensurepip", "idlelib", "lib2to3",
    "msilib", "multiprocessing", "pdb", "pydoc", "pydoc_data", "sqlite3", "ssl", "test", "tkinter",
    "turtle", "turtledemo", "unittest", "venv", "webbrowser", "wsgiref", "xmlrpc",
}  # fmt: skip


def all_files(
    package: Path, known: Iterable[str], library: Path, builtin: set[str]
) -> dict[str, Path]:
    """{name: file} of the modules of the standard library that a module of the folder ``package``,
    or one with a name in ``known``, may import at any time, sorted by name; without those of
    UNUSED."""
    names = {name for path in package.rglob("*.py") for name in every_import("", path)}
    found: dict[str, Path] = {}
    todo = [*names, *known, *(f"encodings.{name}" for name in ("idna", "latin_1", "utf_8_sig"))]
    while todo:
        name = todo.pop()
        path = None if name.partition(".")[0] in UNUSED else _file(name, library)
        if path is not None and name not in found and name not in builtin | OTHER_NAMES:
            found[name] = path
            todo += [*every_import(name, path), name.rpartition(".")[0]]
    return dict(sorted(found.items()))


def _file(name: str, library: Path) -> Path | None:
    place = library.joinpath(*name.split("."))
    choices = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in choices if name and file.exists()), None)


def imports(name: str, path: Path) -> set[str]:
    """The names of modules that a module may import when it is loaded; some may be no modules."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    needed: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_bytes())]
    while todo:
        node = todo.pop()
        needed |= _named(node, package)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))
    return needed


def every_import(name: str, path: Path) -> set[str]:
    """The names of modules that a module may import at any time; some may be no modules."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    nodes = ast.walk(ast.parse(path.read_bytes()))
    return {found for node in nodes for found in _named(node, package)}


def _named(node: ast.AST, package: str) -> set[str]:
    """The names in an import statement of a module in ``package``."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    above = package.split(".")[: len(package.split(".")) + 1 - node.level]
    start = [*(above if node.level else []), *filter(None, [node.module])]
    return {".".join(start), *(".".join([*start, alias.name]) for alias in node.names)}


def rows(found: dict[str, Path]) -> tuple[list[str], list[str]]:
    """The C source of the code of modules, and the row of each in a table of frozen modules."""
    lines, table = [], []
    for name, path in found.items():
        is_package = path.stem == "__init__"
        code = code_of_standard(name, path)
        # By this name the launchers recognise a package (embed.py).
        data = marshal.dumps(code.replace(co_name="<package>") if is_package else code)
        symbol = "library_" + name.replace(".", "_")
        text = "".join(f"\\{byte:03o}" for byte in data)
        lines.append(f'static const unsigned char {symbol}[] = "{text}";')
        table.append(
            f'    {{.name = "{name}", .code = {symbol}, .size = {len(data)}, '
            f".is_package = {int(is_package)}}},"
        )
    return lines, table
