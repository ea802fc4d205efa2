"""Writes out what NamedTuple does at run time, when a module is frozen.

typing.NamedTuple needs 0.1 ms for each class, and the module typing two more: a tenth of the time
that ``warren run`` takes. So the build replaces

    class Point(NamedTuple):
        x: int
        y: int = 0

by a subclass of launcher/named.py's class, which has a ``__new__`` with these arguments and a
getter for each field. A TypedDict becomes a dict, and cast(type, value) the value. Imports that
only annotations needed are removed.
"""

import ast

TYPES = {
    "argparse",
    "collections.abc",
    "typing",
    "types",
}  # modules that often only annotations need
BASE = "hutch_named"


class Fields(ast.NodeTransformer):
    """Replaces the annotated fields of classes: see above. A dataclass keeps its annotations, with
    None as every type."""

    def __init__(self) -> None:
        self.found = False

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        if any(_name(base) == "NamedTuple" for base in node.bases):
            self.found = True
            return _written_out(node)
        if any(_name(base) == "TypedDict" for base in node.bases):
            node.bases = [ast.copy_location(ast.Name("dict", ast.Load()), node)]
            node.keywords = []
            node.body = [ast.copy_location(ast.Pass(), node)]
        if any(_name(decorator) == "dataclass" for decorator in node.decorator_list):
            for part in node.body:
                if isinstance(part, ast.AnnAssign):
                    part.annotation = ast.copy_location(ast.Constant(None), part)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[1] if _name(node) == "cast" and len(node.args) == 2 else node


def _name(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else ""


def _written_out(node: ast.ClassDef) -> ast.ClassDef:
    fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    names = [part.target.id for part in fields if isinstance(part.target, ast.Name)]
    defaults = [part.value for part in fields if part.value is not None]
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(name) for name in ("cls", *names)], kwonlyargs=[],
        kw_defaults=[], defaults=defaults,
    )  # fmt: skip
    new = ast.parse(
        f"def __new__(cls): return tuple.__new__(cls, ({''.join(name + ', ' for name in names)}))"
    ).body[0]
    assert isinstance(new, ast.FunctionDef)
    new.args = arguments
    head = ast.parse(f"__slots__ = (); _fields = __match_args__ = {tuple(names)!r}").body
    getters = [
        ast.parse(f"{name} = {BASE}.getter({place}, '')").body[0]
        for place, name in enumerate(names)
    ]
    rest = [part for part in node.body if part not in fields]
    node.bases = [ast.parse(f"{BASE}.NamedTuple", mode="eval").body]
    node.body = [*head, new, *getters, *rest]
    for part in ast.walk(node):
        if "lineno" in part._attributes and not hasattr(part, "lineno"):
            ast.copy_location(part, node)
    return node


def write_out(tree: ast.Module) -> None:
    """Replaces the NamedTuples of a module."""
    fields = Fields()
    fields.visit(tree)
    if fields.found:
        tree.body.insert(0, ast.parse(f"import {BASE}").body[0])


def drop_types(tree: ast.Module) -> None:
    """Removes imports of TYPES whose names the module does not use any more."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module in TYPES:
            node.names = [name for name in node.names if (name.asname or name.name) in used]
            if not node.names:
                tree.body.remove(node)
