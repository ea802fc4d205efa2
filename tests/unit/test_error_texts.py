"""No decision is made by an error's text: that is for people, and what it says stands in fields."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "runtime" / "hutch"
# What takes a text apart, or asks what is in it.
ASKING = {
    "count", "endswith", "find", "index", "match", "partition", "removeprefix", "removesuffix",
    "rfind", "rpartition", "search", "split", "startswith", "fullmatch",
}  # fmt: skip


def caught(tree: ast.Module) -> set[str]:
    """The names under which a module catches errors."""
    handlers = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    return {node.name for node in handlers if node.name}


def is_error_text(node: ast.AST, errors: set[str]) -> bool:
    """Whether an expression is what an error says: its sentence, its reason or it as a string."""
    if isinstance(node, ast.Attribute):
        owner = node.value
        if node.attr == "sentence":
            return True
        return (
            node.attr in ("reason", "args") and isinstance(owner, ast.Name) and owner.id in errors
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        return any(isinstance(given, ast.Name) and given.id in errors for given in node.args)
    return isinstance(node, ast.Name) and node.id == "sentence"


def decisions(tree: ast.Module) -> Iterator[ast.expr | ast.stmt]:
    """Where a module asks what an error's text holds, takes it apart, or puts another there."""
    errors = caught(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
                continue
            operands = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            asks = node.func.attr in ASKING
            operands = [node.func.value, *node.args] if asks else []
        elif isinstance(node, ast.Subscript):
            operands = [node.value]
        elif isinstance(node, ast.Assign):
            attributes = [one for one in node.targets if isinstance(one, ast.Attribute)]
            operands = [one for one in attributes if one.attr == "sentence"]
        else:
            continue
        if any(is_error_text(operand, errors) for operand in operands):
            yield node


def uses(folder: Path) -> list[str]:
    """All decisions by text of a package, as FILE:LINE, and all places that glue the document's
    name to a text."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text())
        found += [f"{path.relative_to(folder)}:{node.lineno}" for node in decisions(tree)]
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant):
                continue
            if isinstance(node.value, str) and node.value.startswith("config.json: "):
                found.append(f"{path.relative_to(folder)}:{node.lineno}")
    return found


def test_no_decision_is_made_by_the_text_of_an_error() -> None:
    # urllib3 has an object's address before what it says: that is left out where it is shown.
    shown = ["image/registry/reply.py"]
    assert [use.partition(":")[0] for use in uses(PACKAGE)] == shown


@pytest.mark.parametrize(
    "statement",
    [
        'if "no such image" in error.sentence: pass',
        'if error.sentence.startswith("layer"): pass',
        'if str(error) == "x": pass',
        'if re.search("x", str(error)): pass',
        "error.sentence = 'x'",
        "place = error.sentence[3:]",
        'place = error.reason.partition(": ")',
        "code, text = error.args[0], error.args[1]",
    ],
)
def test_such_a_decision_is_found(statement: str) -> None:
    code = f"try:\n    pass\nexcept OSError as error:\n    {statement}\n"
    assert list(decisions(ast.parse(code)))


def test_to_show_a_text_is_no_decision() -> None:
    code = "try:\n    pass\nexcept OSError as error:\n    print(error.sentence, str(error))\n"
    assert list(decisions(ast.parse(code))) == []
