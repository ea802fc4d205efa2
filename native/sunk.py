"""Moves imports of frozen modules into the functions that use them.

Half of the time in which ``warren run`` starts is spent in modules of the standard library that a
call does not need: a module imports them at its top for one of its functions. So when a module is
frozen,

    import re

    def is_name(text):
        return re.fullmatch("[a-z]+", text)

becomes a module whose function has the import. An import stays where it is if its name is used
outside of functions too, is assigned, or is declared global.
"""

import ast
from collections.abc import Iterable

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sink(tree: ast.Module, modules: Iterable[str]) -> None:
    """Moves the imports of ``modules`` at the top level of a module."""
    heavy = set(modules)
    for node in list(tree.body):
        if not isinstance(node, ast.Import | ast.ImportFrom) or not _is_of(node, heavy):
            continue
        stays = [name for name in node.names if not _moved(tree, node, name)]
        if stays:
            node.names = stays
        else:
            tree.body.remove(node)


def _is_of(node: ast.Import | ast.ImportFrom, heavy: set[str]) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and node.module in heavy
    return all(name.name in heavy for name in node.names)


def _moved(tree: ast.Module, node: ast.Import | ast.ImportFrom, name: ast.alias) -> bool:
    """Moves the import of one name, if that is possible."""
    bound = name.asname or name.name.partition(".")[0]
    users = [function for function in _functions(tree) if bound in _names(function)]
    outside = _outside(tree, users, bound)
    if outside or any(_binds(function, bound) for function in users):
        return False
    for function in users:
        if isinstance(node, ast.ImportFrom):
            statement: ast.stmt = ast.ImportFrom(node.module, [name], 0)
        else:
            statement = ast.Import([name])
        first = function.body[0]
        place = 1 if _is_docstring(first) and len(function.body) > 1 else 0
        function.body.insert(place, ast.copy_location(statement, first))
    return True


def _functions(tree: ast.Module) -> list[Function]:
    """The outermost functions, of the module and of its classes."""
    found: list[Function] = []
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, Function):
            found.append(node)
        elif isinstance(node, ast.ClassDef | ast.If | ast.Try | ast.With):
            todo.extend(ast.iter_child_nodes(node))
    return found


def _names(function: Function) -> set[str]:
    """The names in a function's body; not those of its defaults and decorators."""
    return {
        node.id
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }


def _outside(tree: ast.Module, users: list[Function], bound: str) -> bool:
    """Whether the name is used outside of the functions' bodies."""
    inside = {id(statement) for function in users for statement in function.body}
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if id(node) in inside:
            continue
        if isinstance(node, ast.Name) and node.id == bound:
            return True
        todo.extend(ast.iter_child_nodes(node))
    return False


def _binds(function: Function, bound: str) -> bool:
    """Whether the function gives the name another meaning anywhere."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == bound and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.arg) and node.arg == bound:
            return True
        if isinstance(node, ast.Global | ast.Nonlocal) and bound in node.names:
            return True
        if isinstance(node, ast.ClassDef):
            return True  # a class has names of its own
        if isinstance(node, ast.Import | ast.ImportFrom) and any(
            bound == (alias.asname or alias.name.partition(".")[0]) for alias in node.names
        ):
            return True
    return False


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
