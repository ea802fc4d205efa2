"""Writes the Python modules for native/plan.def and native/wire.def: ``python native/generate.py``.

    runtime/hutch/plan/operations.py    the constructors that the plan compiler calls, and messages,
                                        answers and values of arguments from wire.def
    runtime/hutch/plan/fields.py        names and kinds of arguments, which few commands need
    runtime/hutch/plan/operations.pyi   a class for each operation, with the types of its fields

The results are committed, so that people and type checkers can read the package without a build. A
test fails if they differ from what this program writes.

At run time all operations have one class, because making a class takes 40 000 instructions at each
start. In the stub each operation has its own class, so a type checker can tell them apart.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
PLAN = HERE.parent / "runtime" / "hutch" / "plan"

OPERATION = re.compile(r"^OP\((\w+), (.*?)\)\s*(?:/\*.*\*/)?$", re.MULTILINE)
ARGUMENT = re.compile(r"(INT|FLAG|STR|LIST|BYTES|LATE_INT|LATE_STR)\((\w+)\)")
WIRE = re.compile(r"^(MESSAGE|ANSWER|VALUE|U32|I32|TEXT)\((\w+)(?:, (\d+))?\)", re.MULTILINE)
LETTER = {
    "INT": "i",
    "FLAG": "i",
    "STR": "s",
    "LIST": "l",
    "BYTES": "b",
    "LATE_INT": "i",
    "LATE_STR": "s",
}
TYPE = {
    "INT": "int",
    "FLAG": "int",
    "STR": "str",
    "LIST": "list[str]",
    "BYTES": "bytes",
    "LATE_INT": "int | Later",
    "LATE_STR": "str | Later",
}

HEAD = '''"""The operations of hutch-init, and the messages between hutch-init and the runtime.

Generated from native/plan.def and native/wire.def by native/generate.py.

Each function makes one operation. ``pointer`` is the field of config.json that asks for it; if no
field does, it is "" and ``reason`` says why the operation is there. ``parts`` are the pointers of
the elements of ``options``. The types are in operations.pyi.
"""

# ruff: noqa: A001, A002, E501, RUF100
# fmt: off


class Operation(tuple):
    """One operation: its number in plan.def (``code``), its origin (``pointer``, ``reason``,
    ``parts``), and its arguments (``values``). Each argument is also an attribute by its name.

    It is a tuple of these five, which is fast to make and to unpack, and does not change.
    """

    __slots__ = ()

    code = property(lambda self: self[0])
    pointer = property(lambda self: self[1])
    reason = property(lambda self: self[2])
    parts = property(lambda self: self[3])
    values = property(lambda self: self[4])
    name = property(lambda self: NAMES[self[0]])

    @property
    def origin(self):
        """The pointer, or the reason if there is no pointer."""
        return self[1] or self[2]

    def __getattr__(self, name):
        from hutch.plan.fields import ARGUMENTS

        try:
            return self[4][ARGUMENTS[self[0]].index(name)]
        except ValueError:
            raise AttributeError(name) from None
'''

STUB = '''"""The types of operations.py. Generated from native/plan.def by native/generate.py."""

# ruff: noqa: A001, A002, E501, PYI021, RUF100

from typing import Final, Literal

from hutch.plan.plan import Later

Value = int | str | bytes | list[str] | Later

Record = tuple[int, str, str, tuple[str, ...], tuple[Value, ...]]

class _Operation(Record):
    code: Final[int]
    pointer: Final[str]
    reason: Final[str]
    parts: Final[tuple[str, ...]]
    values: Final[tuple[Value, ...]]
    @property
    def origin(self) -> str: ...

NAMES: Final[tuple[str, ...]]

def make(record: Record) -> Operation: ...
'''

Arguments = list[tuple[str, str]]


def operations(text: str) -> list[tuple[str, Arguments]]:
    """(name, [(kind, argument)]) of each operation in the text of plan.def, in order."""
    return [(name, ARGUMENT.findall(rest)) for name, rest in OPERATION.findall(text)]


def constructors(text: str) -> str:
    """The source of operations.py for the text of plan.def."""
    listed = operations(text)
    lines = [HEAD, "", "make = Operation", "", "NAMES = ("]
    lines += [f'    "{name}",' for name, _ in listed]
    lines.append(")")
    for code, (name, args) in enumerate(listed):
        parted = ("LIST", "options") in args
        origin = "pointer, reason, " + ("parts" if parted else "()")
        own = [argument + ("=0" if kind == "FLAG" else "") for kind, argument in args]
        parameters = ", ".join(_parameters(own, parted))
        values = _tuple([argument for _, argument in args])
        lines += [
            "",
            "",
            f"def {name}({parameters}):",
            f"    return Operation(({code}, {origin}, {values}))",
        ]
    return "\n".join(lines).replace("'", '"') + "\n"


def fields(text: str) -> str:
    """The source of fields.py for the text of plan.def."""
    listed = operations(text)
    lines = ['"""The arguments of operations. Generated from native/plan.def."""', ""]
    lines += ["# ruff: noqa: E501, RUF100", "# fmt: off", ""]
    lines.append("# Their kinds: i number, s string, l list of strings, b bytes.")
    lines.append("SIGNATURES = (")
    for name, args in listed:
        lines.append(f'    "{"".join(LETTER[kind] for kind, _ in args)}",  # {name}')
    lines += [")", "", "# Their names.", 'ARGUMENTS: "tuple[tuple[str, ...], ...]" = (']
    lines += [f"    {_tuple([repr(argument) for _, argument in args])}," for _, args in listed]
    return "\n".join([*lines, ")"]).replace("'", '"') + "\n"


def types(text: str) -> str:
    """The source of operations.pyi for the text of plan.def."""
    listed = operations(text)
    lines = [STUB]
    for name, args in listed:
        lines += [
            f"class {_class(name)}(_Operation):",
            f'    name: Final[Literal["{name}"]]',
            *[f"    {argument}: Final[{TYPE[kind]}]" for kind, argument in args],
            "",
        ]
    lines += ["Operation = (", f"    {_class(listed[0][0])}"]
    lines += [f"    | {_class(name)}" for name, _ in listed[1:]]
    lines += [")", ""]
    for name, args in listed:
        parameters = ", ".join(_typed(args))
        lines.append(f"def {name}({parameters}) -> {_class(name)}: ...")
    return "\n".join(lines) + "\n"


def _parameters(own: list[str], parted: bool) -> list[str]:
    """The parameters of a constructor; ``parted``: the operation has a list of ``options``, whose
    elements have their own pointers."""
    first = "pointer" if own else 'pointer=""'
    return [first, *own, 'reason=""', *(["parts=()"] if parted else [])]


def _typed(args: Arguments) -> list[str]:
    """The parameters with their types. If there are more than two arguments, callers must give them
    by name."""
    own = [f"{name}: {TYPE[kind]}" + (" = 0" if kind == "FLAG" else "") for kind, name in args]
    first = ["pointer: str" if own else 'pointer: str = ""']
    last = ['reason: str = ""']
    if ("LIST", "options") in args:
        last.append("parts: tuple[str, ...] = ()")
    return [*first, "*", *own, *last] if len(own) > 2 else [*first, *own, "*", *last]


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _tuple(items: list[str]) -> str:
    return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"


def wire(text: str) -> str:
    """The part of operations.py for the text of wire.def."""
    found = WIRE.findall(text)
    by_kind = {kind: [name for each, name, _ in found if each == kind] for kind, _, _ in found}
    codes = {"U32": "I", "I32": "i"}
    members = [(kind, name, size) for kind, name, size in found if kind in ("U32", "I32", "TEXT")]
    form = "<" + "".join(codes.get(kind) or size + "s" for kind, _, size in members)
    lines = [
        "",
        "# The kinds of messages.",
        *[f"{name} = {number}" for number, name in enumerate(by_kind["MESSAGE"], 1)],
        "# The answers.",
        *[f"{name} = {number}" for number, name in enumerate(by_kind["ANSWER"])],
        "# Values of arguments.",
        *[f"{name} = {number}" for kind, name, number in found if kind == "VALUE"],
        "# A failure, for struct.unpack: " + ", ".join(name for _, name, _ in members) + ".",
        f'FAILURE = "{form}"',
    ]
    return "\n".join(lines) + "\n"


def wire_types(text: str) -> str:
    """The part of operations.pyi for the text of wire.def."""
    names = [name for kind, name, _ in WIRE.findall(text) if kind in ("MESSAGE", "ANSWER", "VALUE")]
    lines = ["", *[f"{name}: Final[int]" for name in names], "FAILURE: Final[str]"]
    return "\n".join(lines) + "\n"


def generated() -> dict[Path, str]:
    """{file: its content} for all generated files."""
    plan = (HERE / "plan.def").read_text()
    messages = (HERE / "wire.def").read_text()
    return {
        PLAN / "operations.py": constructors(plan) + wire(messages),
        PLAN / "fields.py": fields(plan),
        PLAN / "operations.pyi": types(plan) + wire_types(messages),
    }


if __name__ == "__main__":
    for target, source in generated().items():
        target.write_text(source)
