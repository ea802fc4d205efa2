"""The hot modules: which they are, and their code.

The static executable starts without a file system, so that it has builtin modules and these alone.
Which they are says the place: all of the package but what lies in COLD. A hot module that imports,
at its top, what is neither hot nor builtin is an error of the build. In its functions it may import
a cold one, where the ordinary interpreter runs the command by then (runtime/hutch/front.py).
"""

import ast
from pathlib import Path
from types import CodeType

PACKAGE = "hutch"

# Folders, of any place in the package, whose modules may import anything; __main__ is for those who
# start a package by its name.
COLD = {"cold", "defaults", "engine", "image", "images", "warren", "__main__"}

# Frozen in every interpreter since 3.11.
STANDARD = {"stat"}


def is_cold(name: str) -> bool:
    """Whether a module of the package may import anything."""
    return not COLD.isdisjoint(name.split("."))


def modules(source: Path, builtin: set[str]) -> dict[str, Path]:
    """{name: file} of the hot modules below ``source``, where ``builtin`` are at hand.

    Raises ValueError for one that imports something else.
    """
    hot = {}
    for path in sorted((source / PACKAGE).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if not is_cold(name):
            hot[name] = path
    for path in hot.values():
        for module in sorted(imports(path) - hot.keys() - builtin - STANDARD):
            raise ValueError(
                f"{path} imports {module}, which is neither builtin nor a hot module: import it in "
                "a function of a module in a folder named cold"
            )
    return hot


# What a container's life begins with.
HOT = ("hutch.cli.main", *(f"hutch.cli.verbs.{verb}" for verb in (
    "create", "delete", "execute", "kill", "run", "start", "state")))  # fmt: skip


def hot_first(files: dict[str, Path]) -> dict[str, Path]:
    """The modules in the order in which they should lie in memory: those that the verbs of HOT
    import at once, then the others. Pages come in clusters, so what lies between is paid for."""
    first: dict[str, Path] = {}
    todo = list(reversed(HOT))
    while todo:
        name = todo.pop()
        if name in files and name not in first:
            first[name] = files[name]
            todo += [*sorted(imports(files[name])), name.rpartition(".")[0]]
    return {**first, **files}


def imports(path: Path) -> set[str]:
    """What a module imports when it is imported: not in functions, not for type checkers."""
    needed: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_bytes())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            needed.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno}: relative import")
            module = node.module or ""
            needed.update(_names(module, node, path))
        elif isinstance(node, ast.If) and _only_types(node.test):
            todo.extend(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))
    return needed


def _only_types(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _names(module: str, node: ast.ImportFrom, path: Path) -> set[str]:
    """``from package import x`` imports package.x where that is a module."""
    top = module.partition(".")[0]
    if top != PACKAGE:
        return {module}
    source = next(parent.parent for parent in path.parents if parent.name == PACKAGE)
    folder = source.joinpath(*module.split("."))
    inner = {
        f"{module}.{alias.name}"
        for alias in node.names
        if (folder / f"{alias.name}.py").exists() or (folder / alias.name).is_dir()
    }
    return inner | {module}


def code_of(name: str, *paths: Path) -> CodeType:
    """The code of a module, of one source or of several in a row; without docstrings and types,
    with asserts.

    Its file name is the module's, so that a traceback shows the same wherever it was built.
    """
    trees = [Untyped().visit(ast.parse(path.read_bytes())) for path in paths]
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _has_docstring(node):
            del node.body[0]
            if not node.body:
                node.body.append(ast.Pass(lineno=1, col_offset=0, end_lineno=1, end_col_offset=0))
    whole = ast.Module([statement for tree in trees for statement in tree.body], [])
    code: CodeType = compile(whole, f"<{name}>", "exec", dont_inherit=True)
    return code


class Untyped(ast.NodeTransformer):
    """Takes out what is there for type checkers: their blocks and the annotations, which cost a
    start the reading of them, and each function's definition a tuple."""

    def visit_If(self, node: ast.If) -> "ast.AST | list[ast.stmt]":
        self.generic_visit(node)
        return node.orelse if _only_types(node.test) else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def _has_docstring(node: "ast.Module | ast.ClassDef | ast.FunctionDef") -> bool:
    first = node.body[0] if node.body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
