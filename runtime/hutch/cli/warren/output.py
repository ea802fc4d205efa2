"""How lists and objects are printed: tables, JSON, and a small part of Go's templates.

``--format`` takes:

    json                    one JSON object a line
    TEXT with {{.Field}}    the field; {{.A.B}} goes into objects
    {{json .Field}}         the field as JSON; {{json .}} all of it
    {{upper .F}} {{lower .F}}
    {{index .Field 0}}      an item of a list, or with "KEY" of an object
    table TEXT              the same in columns, with a heading; columns are parted by \\t

``\\t`` and ``\\n`` stand for a tab and a line break. Anything else in ``{{ }}`` is an error.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from hutch.errors import UsageError, shown

ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
FIELD = re.compile(r"(?:(json|upper|lower)\s+)?\.((?:[A-Za-z_][\w-]*)(?:\.[A-Za-z_][\w-]*)*)?")
ITEM = re.compile(r'index\s+\.([A-Za-z_][\w.-]*)\s+("[^"]*"|\d+)')


def human_size(size: int) -> str:
    """Bytes as Docker shows them: three digits and a decimal unit."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}TB"


def age(created: str) -> float | None:
    """How many seconds ago an RFC 3339 time is; None where it is none."""
    try:
        then = datetime.fromisoformat(re.sub(r"\.\d+", "", created).replace("Z", "+00:00"))
        return (datetime.now(UTC) - then).total_seconds()
    except (ValueError, TypeError):
        return None


def ago(created: str) -> str:
    """How long ago an RFC 3339 time is, in words; "N/A" where it is none."""
    seconds = age(created)
    if seconds is None:
        return "N/A"
    if seconds < 60:
        return "Less than a minute ago"
    for size, word in (
        (31_536_000 * 2, "years"), (2_592_000 * 2, "months"), (604_800 * 2, "weeks"),
        (86_400 * 2, "days"), (3_600, "hours"), (60, "minutes"),
    ):  # fmt: skip
        unit = size // (2 if size > 100_000 else 1)
        if seconds >= size:
            return f"{int(seconds // unit)} {word} ago"
    return "N/A"


def lookup(value: object, path: str) -> object:
    """The field at ``A.B`` of nested objects. Raises UsageError for one that is not there."""
    here = value
    for part in path.split("."):
        if not isinstance(here, Mapping) or part not in here:
            known = ", ".join(map(str, here)) if isinstance(here, Mapping) else ""
            raise UsageError(
                f"--format: there is no field {shown('.' + path)}",
                hint=f"there are {known}" if known else "",
            )
        here = here[part]
    return here


def render(template: str, row: Mapping[str, object]) -> str:
    """A template filled in from ``row``."""

    def fill(match: re.Match[str]) -> str:
        if (item := ITEM.fullmatch(match[1])) is not None:
            return plain(item_of(lookup(row, item[1]), item[2]))
        action = FIELD.fullmatch(match[1])
        if action is None:
            raise UsageError(
                f"--format: {shown(match[0])} is not understood",
                hint="{{.Field}}, {{json .Field}}, {{upper .Field}}, {{lower .Field}} and "
                "{{index .Field 0}} are",
            )
        function, path = action[1], action[2]
        value = lookup(row, path) if path else dict(row)
        if function == "json":
            return json.dumps(value)
        text = plain(value)
        return (
            text.upper() if function == "upper" else text.lower() if function == "lower" else text
        )

    rest = ACTION.sub("", template)
    if "{{" in rest or "}}" in rest:
        raise UsageError(f"--format: {shown(template)}: a {{{{ or }}}} is alone")
    return ACTION.sub(fill, template.replace("\\t", "\t").replace("\\n", "\n"))


def item_of(value: object, key: str) -> object:
    """An item of a list or an object; None for what an object does not have. Raises UsageError."""
    if key.isdecimal() and isinstance(value, list) and int(key[:10]) < len(value):
        return value[int(key)]
    if not key.isdecimal() and (value is None or isinstance(value, Mapping)):
        return (value or {}).get(key[1:-1])
    raise UsageError(f"--format: there is no item {key}")


def plain(value: object) -> str:
    """A field as text."""
    if value is None:
        return "<no value>"
    if isinstance(value, str):
        return value
    return json.dumps(value)


def clean(text: str) -> str:
    """Without control characters: what an image says of itself must not steer a terminal (S-85)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\t\n" else ascii(c)[1:-1] for c in text)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns parted by three spaces, as Docker's."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def show(
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[tuple[str, str]],
    template: str,
    emit: Callable[[str], None] = print,
) -> None:
    """Prints rows: by ``template``, or as a table of ``columns`` (heading, field)."""
    if template == "table":
        template = ""  # the usual one
    if template == "json":
        for row in rows:
            emit(json.dumps(row))
    elif template.startswith("table "):
        body = template.removeprefix("table ").replace("\\t", "\t")
        heading = ACTION.sub(lambda match: match[1].rpartition(".")[2].upper(), body)
        lines = [heading, *(render(body, row) for row in rows)]
        cells = [clean(line).split("\t") for line in lines]
        width = max(map(len, cells))
        emit(table([[*row, *[""] * (width - len(row))] for row in cells]))
    elif template:
        for row in rows:
            emit(clean(render(template, row)))
    else:
        heading_row = [heading for heading, _ in columns]
        cells = [[clean(plain(row[field])) for _, field in columns] for row in rows]
        emit(table([heading_row, *cells]))
