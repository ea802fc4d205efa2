"""Writes what Python knows of a plan's operations and of the talk with hutch-init, from
native/plan.def and native/wire.def: ``python native/generate.py``.

    runtime/hutch/plan/operations.py    the constructors that the plan compiler calls
    runtime/hutch/plan/operations.pyi   a class for each operation, with the types of its fields
    runtime/hutch/plan/wire.py          messages, answers, values of arguments

The results are committed, so that the package can be read and checked without a build; a test fails
when they no longer are what this program writes.

At run time all operations are of one class. To make one class each costs 40 000 instructions a
class, which every container would pay; the type checker knows them apart all the same.
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

HEAD = '''"""The operations of hutch-init. Generated from native/plan.def by native/generate.py.

Each function makes one operation. ``pointer`` is the field of config.json that asks for it; where
none does, it is "" and ``reason`` says what does. ``parts`` are the pointers of the elements of its
list argument, where each has its own. The types stand in operations.pyi.
"""

# ruff: noqa: A001, A002, E501, RUF100
# fmt: off


class Operation:
    """One kernel operation: its number in plan.def, where it comes from, and its arguments, each an
    attribute by its name there. Nothing of it changes once it is made."""

    __slots__ = ("code", "parts", "pointer", "reason", "values")

    def __init__(self, code, pointer, values, reason="", parts=()):
        self.code = code
        self.pointer = pointer
        self.values = values
        self.reason = reason
        self.parts = parts

    @property
    def name(self):
        return NAMES[self.code]

    @property
    def origin(self):
        """Where it comes from, for a person."""
        return self.pointer or self.reason

    def __getattr__(self, name):
        try:
            return self.values[ARGUMENTS[self.code].index(name)]
        except ValueError:
            raise AttributeError(name) from None
'''

STUB = '''"""The types of operations.py. Generated from native/plan.def by native/generate.py."""

# ruff: noqa: A001, A002, E501, PYI021, RUF100

from typing import Final, Literal

from hutch.plan.later import Later

Value = int | str | bytes | list[str] | Later

class _Operation:
    code: Final[int]
    pointer: Final[str]
    reason: Final[str]
    parts: Final[tuple[str, ...]]
    values: Final[tuple[Value, ...]]
    @property
    def origin(self) -> str: ...

NAMES: Final[tuple[str, ...]]
SIGNATURES: Final[tuple[str, ...]]
ARGUMENTS: Final[tuple[tuple[str, ...], ...]]
LATE: Final[frozenset[int]]

def make(
    code: int,
    pointer: str,
    values: tuple[Value, ...],
    reason: str = "",
    parts: tuple[str, ...] = (),
) -> Operation: ...
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
    lines += [")", "", "# What each takes: i number, s string, l list of strings, b bytes."]
    lines.append("SIGNATURES = (")
    lines += [
        f'    "{"".join(LETTER[kind] for kind, _ in args)}",  # {name}' for name, args in listed
    ]
    lines += [")", "", "ARGUMENTS = ("]
    lines += [f"    {_tuple([repr(argument) for _, argument in args])}," for _, args in listed]
    late = [
        str(code)
        for code, (_, args) in enumerate(listed)
        if any(kind.startswith("LATE") for kind, _ in args)
    ]
    lines += [
        ")",
        "",
        "# Those with arguments that may be known late.",
        f"LATE = frozenset({_tuple(late)})",
    ]
    for code, (name, args) in enumerate(listed):
        parameters = _parameters([_parameter(kind, argument) for kind, argument in args])
        values = _tuple([argument for _, argument in args])
        lines += [
            "",
            "",
            f"def {name}({parameters}):",
            f"    return Operation({code}, pointer, {values}, reason, parts)",
        ]
    return "\n".join(lines).replace("'", '"') + "\n"


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
        parameters = _parameters(
            [
                f"{argument}: {TYPE[kind]}" + (" = 0" if kind == "FLAG" else "")
                for kind, argument in args
            ],
            ": str",
            ": tuple[str, ...]",
        )
        lines.append(f"def {name}({parameters}) -> {_class(name)}: ...")
    return "\n".join(lines) + "\n"


def _parameter(kind: str, argument: str) -> str:
    return argument + ("=0" if kind == "FLAG" else "")


def _parameters(own: list[str], text: str = "", texts: str = "") -> str:
    """Where there are more than two arguments they are given by name."""
    equals = " = " if text else "="
    many = ["*"] if len(own) > 2 else []
    few = ["*"] if len(own) <= 2 else []
    last = [f'reason{text}{equals}""', f"parts{texts}{equals}()"]
    first = f"pointer{text}" if own and not many else f'pointer{text}{equals}""'
    return ", ".join([first, *many, *own, *few, *last])


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _tuple(items: list[str]) -> str:
    return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"


def wire(text: str) -> str:
    """The source of wire.py for the text of wire.def."""
    found = WIRE.findall(text)
    by_kind = {kind: [name for each, name, _ in found if each == kind] for kind, _, _ in found}
    codes = {"U32": "I", "I32": "i"}
    members = [(kind, name, size) for kind, name, size in found if kind in ("U32", "I32", "TEXT")]
    form = "<" + "".join(codes.get(kind) or size + "s" for kind, _, size in members)
    lines = [
        '"""What hutch-init and the runtime say to each other. Generated from native/wire.def by',
        'native/generate.py."""',
        "",
        "# The kinds of messages.",
        *[f"{name} = {number}" for number, name in enumerate(by_kind["MESSAGE"], 1)],
        "",
        "# The answers.",
        *[f"{name} = {number}" for number, name in enumerate(by_kind["ANSWER"])],
        "",
        "# Values of arguments in plan.def.",
        *[f"{name} = {number}" for kind, name, number in found if kind == "VALUE"],
        "",
        "# A failure, for struct.unpack: " + ", ".join(name for _, name, _ in members) + ".",
        f'FAILURE = "{form}"',
    ]
    return "\n".join(lines) + "\n"


def generated() -> dict[Path, str]:
    """What each file is to be."""
    plan = (HERE / "plan.def").read_text()
    return {
        PLAN / "operations.py": constructors(plan),
        PLAN / "operations.pyi": types(plan),
        PLAN / "wire.py": wire((HERE / "wire.def").read_text()),
    }


if __name__ == "__main__":
    for target, source in generated().items():
        target.write_text(source)
