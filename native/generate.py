"""Writes runtime/hutch/plan/operations.py from native/plan.def: ``python native/generate.py``.

The result is committed, so that the package can be read and checked without a build; a test fails
when it no longer is what this program writes.
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parent / "runtime" / "hutch" / "plan" / "operations.py"

OPERATION = re.compile(r"^OP\((\w+), (.*?)\)\s*(?:/\*.*\*/)?$", re.MULTILINE)
ARGUMENT = re.compile(r"(INT|STR|LIST|BYTES)\((\w+)\)")
LETTER = {"INT": "i", "STR": "s", "LIST": "l", "BYTES": "b"}
TYPE = {"INT": "int", "STR": "str", "LIST": "list[str]", "BYTES": "bytes"}

HEAD = '''"""The operations of hutch-init. Generated from native/plan.def by native/generate.py.

Each function makes one operation; ``pointer`` is the field of config.json that asks for it, or
"default" with what in the spec does.
"""

# ruff: noqa: A001, E501, RUF100

TYPE_CHECKING = False
if TYPE_CHECKING:
    Values = tuple[int | str | bytes | list[str], ...]


class Operation:
    """One kernel operation: its number and name in plan.def, its arguments, where it comes from.

    ``parts`` are the pointers of the elements of its list argument, where each has its own.
    """

    __slots__ = ("code", "name", "parts", "pointer", "values")

    def __init__(self, code: int, name: str, pointer: str, values: "Values") -> None:
        self.code = code
        self.name = name
        self.pointer = pointer
        self.values = values
        self.parts: tuple[str, ...] = ()
'''


def operations(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """(name, [(kind, argument)]) of each operation in the text of plan.def, in order."""
    return [(name, ARGUMENT.findall(rest)) for name, rest in OPERATION.findall(text)]


def generate(text: str) -> str:
    """The module's source for the text of plan.def."""
    listed = operations(text)
    lines = [HEAD, "", "# What each takes: i number, s string, l list of strings, b bytes."]
    lines.append("SIGNATURES = (")
    for name, args in listed:
        lines.append(f'    "{"".join(LETTER[kind] for kind, _ in args)}",  # {name}')
    lines += [")", "", "ARGUMENTS = ("]
    for _, args in listed:
        names = "".join(f'"{argument}", ' for _, argument in args).rstrip(" ")
        lines.append(f"    ({names if len(args) == 1 else names.rstrip(',')}),")
    lines.append(")")
    for code, (name, args) in enumerate(listed):
        parameters = "".join(f', {argument}: "{TYPE[kind]}"' for kind, argument in args)
        values = "".join(f"{argument}, " for _, argument in args)
        values = values if len(args) == 1 else values.rstrip(", ")
        lines += [
            "",
            "",
            f'def {name}(pointer: str{parameters}) -> "Operation":',
            f'    return Operation({code}, "{name}", pointer, ({values.rstrip(" ")}))',
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(generate((HERE / "plan.def").read_text()))
    sys.exit(0)
