"""Lists the hot modules and compiles them.

The static executable reads no module from files: it has only builtin modules and the hot modules.
All modules of the package are hot except those in a folder of COLD. If a hot module imports at its
top level a module that is neither hot nor builtin, the build fails. A function of a hot module may
import a cold one, if the ordinary interpreter has taken over the command (runtime/hutch/front.py).
"""

import ast
from pathlib import Path
from types import CodeType

PACKAGE = "hutch"

# Folders anywhere in the package whose modules may import anything; __main__ is for "python -m".
COLD = {"api", "cold", "defaults", "engine", "image", "images", "kube", "warren", "__main__"}

# Frozen in every interpreter since 3.11.
STANDARD = {"stat"}


def is_cold(name: str) -> bool:
    """Whether a module of the package may import anything."""
    return not COLD.isdisjoint(name.split("."))


def modules(source: Path, builtin: set[str]) -> dict[str, Path]:
    """{name: file} of the hot modules below ``source``; they may import ``builtin`` modules.

    Raises ValueError for a hot module that imports another one.
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


def imports(path: Path) -> set[str]:
    """The modules that a module imports at its top level, except those for type checkers only."""
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
    """The modules that a ``from ... import`` statement imports: the module, and each name in it
    that is a module too."""
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
    """The code of a module from one source file, or from several that are joined. It has no
    docstrings and types, but has asserts.

    Its file name is the module's name, so that the result does not depend on the build directory.
    """
    trees = [without_types(ast.parse(path.read_bytes())) for path in paths]
    return _compiled(name, trees)


def code_of_standard(name: str, path: Path) -> CodeType:
    """The code of a module of the standard library. It has no docstrings, but has its types: they
    are its own matter."""
    return _compiled(name, [ast.parse(path.read_bytes())])


def _compiled(name: str, trees: list[ast.Module]) -> CodeType:
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _has_docstring(node):
            del node.body[0]
            if not node.body:
                node.body.append(ast.Pass(lineno=1, col_offset=0, end_lineno=1, end_col_offset=0))
    whole = ast.Module([statement for tree in trees for statement in tree.body], [])
    code: CodeType = compile(whole, f"<{name}>", "exec", dont_inherit=True)
    return code


def without_types(tree: ast.Module) -> ast.Module:
    """A module without what only type checkers need."""
    Untyped().visit(tree)
    return tree


class Untyped(ast.NodeTransformer):
    """Removes annotations and TYPE_CHECKING blocks, which only type checkers need. They would make
    the code larger, and annotations add a tuple to each function. Those of a class stay: they are
    the fields of a NamedTuple or of a dataclass."""

    def __init__(self) -> None:
        self.fields: set[ast.AnnAssign] = set()

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

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.fields.update(part for part in node.body if isinstance(part, ast.AnnAssign))
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node in self.fields:
            return node
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
