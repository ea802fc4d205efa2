"""Writes hutch/spec/cold/config_types.py from hutch/spec/table.py.

Run as ``python runtime/generate_config_types.py``.
The result is committed, so that a type checker and people's own programs can read it without a
build; a test fails when it no longer is what this program writes. A record of the table that has no
constant of its own is an error here: a type needs a name.
"""

import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
TABLE = HERE / "hutch" / "spec" / "table.py"
TARGET = HERE / "hutch" / "spec" / "cold" / "config_types.py"

if TYPE_CHECKING:
    from hutch.spec.shapes import Type

# The comment lines above a constant, and its name.
CONSTANT = re.compile(r"((?:^# .*\n)*)^([A-Z_]+) = (?:record|one_of)\(", re.MULTILINE)
LINE = 100
WIDEST_UNION = 4

HEAD = '''"""The types of config.json: what check() lets pass. Generated from spec/table.py by
runtime/generate_config_types.py.

A checked config is plain dicts, lists, strings and numbers. hutch itself imports these names only
under ``if TYPE_CHECKING``; people's own programs may at any time, from hutch.spec.config.
"""

from typing import Literal, Never, Required, TypedDict
'''

# What a door of the runtime takes: only the check gives these types to a value.
CHECKED = '''

class Checked{name}({name}):
    """What {check} has let pass; the field is there for the type checker alone."""

    _checked: Never
'''
CHECKS = {"Process": "check_process()", "Resources": "check_resources()", "Config": "check()"}


class Names:
    """The name of each constant's type by the identity of its shape, and its description."""

    def __init__(self, source: str, constants: dict[str, object]) -> None:
        self.of: dict[int, str] = {}
        self.descriptions: dict[str, str] = {}
        self.shapes: list[tuple[str, Type]] = []
        for comment, constant in CONSTANT.findall(source):
            name = "".join(part.capitalize() for part in constant.split("_"))
            shape: Type = constants[constant]  # type: ignore[assignment]
            self.of[id(shape)] = name
            self.descriptions[name] = comment.replace("# ", "").strip()
            self.shapes.append((name, shape))


def generate(source: str, constants: dict[str, object]) -> str:
    """config_types.py for the table's source and what its constants are."""
    names = Names(source, constants)
    parts = [HEAD, "\n"]
    parts += [_alias(name, shape) for name, shape in names.shapes if shape[0] is str]
    for name, shape in names.shapes:
        if shape[0] is dict:
            parts.append("\n\n" + _record(name, shape, names))
            if name in CHECKS:
                parts.append(CHECKED.format(name=name, check=CHECKS[name]))
    return "".join(parts)


def _alias(name: str, shape: "Type") -> str:
    line = f"{name} = {_literal(shape)}\n"
    if len(line) <= LINE:
        return line
    return f"{name} = Literal[\n" + "".join(f'    "{word}",\n' for word in shape[3]) + "]\n"


def _record(name: str, shape: "Type", names: Names) -> str:
    _, _, fields, required = shape
    total = set(required) == set(fields)
    types = {
        field: "object" if inner is None else _type(inner, names) for field, inner in fields.items()
    }
    if not total:
        types.update({field: f"Required[{types[field]}]" for field in required})
    if "class" in fields:  # a keyword, which no class can have as a field
        listed = ", ".join(f'"{field}": {kind}' for field, kind in types.items())
        comment = f"# {names.descriptions[name]}\n"
        return f'{comment}{name} = TypedDict(\n    "{name}", {{{listed}}}, total=False\n)\n'
    head = f"class {name}(TypedDict{'' if total else ', total=False'}):\n"
    body = "".join(f"    {field}: {kind}\n" for field, kind in types.items())
    return f"{head}{_docstring(names.descriptions[name])}\n{body}"


def _docstring(text: str) -> str:
    lines = textwrap.wrap(text, LINE - len('    """'))
    if len(text) <= LINE - len('    """"""'):
        return f'    """{text}"""\n'
    return '    """' + "\n    ".join(lines) + '\n    """\n'


def _type(shape: "Type", names: Names) -> str:
    kind, _, inner, bound = shape
    if id(shape) in names.of:
        return names.of[id(shape)]
    if kind is list:
        return f"list[{_type(inner, names)}]"
    if kind is str and bound and len(bound) <= WIDEST_UNION:
        return _literal(shape)
    if kind is dict and isinstance(inner, tuple):
        return f"dict[{_type(inner[0], names)}, {_type(inner[1], names)}]"
    if kind is dict:
        raise SystemExit(f"a record of the table has no name: {', '.join(inner)}")
    return kind.__name__


def _literal(shape: "Type") -> str:
    return "Literal[" + ", ".join(f'"{word}"' for word in shape[3]) + "]"


def main() -> None:
    """Writes config_types.py."""
    sys.path.insert(0, str(HERE))
    from hutch.spec import table

    TARGET.write_text(generate(TABLE.read_text(), vars(table)))


if __name__ == "__main__":
    main()
