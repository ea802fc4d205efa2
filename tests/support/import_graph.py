"""Which file uses which other file, from the sources: imports of Python and calls of C.

An import in a function counts like one at the top of a file; one for type checkers does not.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

# The folders whose files are imported by their path below it.
SOURCE_ROOTS = ("runtime", "native", "native/launcher", ".")

Graph = Mapping[str, set[str]]


def python_graph(folders: Iterable[str]) -> dict[str, set[str]]:
    """{file: files that it imports}, of the Python files below ``folders``; paths below ROOT."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {
        str(path.relative_to(ROOT)): {
            str(found.relative_to(ROOT))
            for name in imported_names(path)
            if (found := _file_of(name, path)) is not None and found != path
        }
        for path in files
    }


def imported_names(path: Path, *, late: bool = True) -> set[str]:
    """The dotted names that a file imports: of modules, or of what may be one in a package.

    ``late`` takes those in functions too.
    """
    return {
        name for node in import_statements(ast.parse(path.read_bytes()), late=late)
        for name in _names(node, path)
    }  # fmt: skip


def import_statements(
    tree: ast.AST, *, late: bool = True
) -> "Iterator[ast.Import | ast.ImportFrom]":
    """The import statements below a node, without those under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for other in node.orelse:
                yield from import_statements(ast.Module([other], []), late=late)
        elif late or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from import_statements(node, late=late)


def names_used(path: Path) -> set[str]:
    """The names that a file may call, under any alias: all attributes that it uses, all names that
    it imports from modules, and all names that it looks up by getattr."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
            if node.func.id in ("getattr", "attrgetter"):
                found.update(
                    word.value
                    for word in ast.walk(node)
                    if isinstance(word, ast.Constant) and isinstance(word.value, str)
                )
    return found


def _names(node: "ast.Import | ast.ImportFrom", path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        package = path.relative_to(_root_of(path)).parts[: -node.level]
        base = ".".join([*package, base] if base else package)
    for alias in node.names:
        # "from package import module" uses the module, not the package's __init__.
        inner = f"{base}.{alias.name}"
        yield inner if _file_of(inner, path) else base


def _root_of(path: Path) -> Path:
    return next(ROOT / root for root in SOURCE_ROOTS if path.is_relative_to(ROOT / root))


def _file_of(name: str, importer: Path) -> Path | None:
    """The file of a module of this project. A file in the same folder comes first, as for pytest
    and scripts."""
    for root in (importer.parent, *(ROOT / root for root in SOURCE_ROOTS)):
        place = root.joinpath(*name.split("."))
        for found in (place.with_suffix(".py"), place / "__init__.py"):
            if found.exists():
                return found
    return None


def c_graph(folder: str) -> dict[str, set[str]]:
    """{file: files that define functions which it calls}, of the C files in one folder."""
    texts = {
        str(path.relative_to(ROOT)): _without_comments(path.read_text())
        for path in sorted((ROOT / folder).glob("*.c"))
    }
    defined = {
        name: file
        for file, text in texts.items()
        for name in re.findall(r"^(?!static\b)\w[\w *]*?\b(\w+)\([^;{}]*\)\s*\{", text, re.M)
        if name != "main"
    }
    graph: dict[str, set[str]] = {}
    for file, text in texts.items():
        called = set(re.findall(r"\b(\w+)\(", text))
        if "run_##name" in text:
            # The table of all operations, which the preprocessor makes from native/plan.def.
            called.update(name for name in defined if name.startswith("run_"))
        graph[file] = {defined[name] for name in called & defined.keys()} - {file}
    return graph


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|\"(?:\\.|[^\"\\])*\"", " ", text, flags=re.DOTALL)


def header_graph(folder: str) -> dict[str, set[str]]:
    """{header: headers of this project that it includes}, below ``folder``."""
    return {
        str(path.relative_to(ROOT)): {
            str(found.relative_to(ROOT))
            for name in re.findall(r'^#include "(.*)"', path.read_text(), re.M)
            for found in (path.parent / name, ROOT / "native" / name)
            if found.exists()
        }
        for path in sorted((ROOT / folder).rglob("*.h"))
    }


def circles(graph: Graph) -> list[list[str]]:
    """The sets of files that use each other, directly or through others (Tarjan, 1972)."""
    found: list[list[str]] = []
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in sorted(graph.get(name, ())):
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            members = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(members) > 1:
                found.append(sorted(members))

    for name in sorted(graph):
        if name not in number:
            visit(name)
    return found
