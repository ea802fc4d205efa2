"""Prints lists and objects: as tables, as JSON, and with Go templates.

``--format`` takes:

    json          one JSON object per line
    TEMPLATE      one line per object (see go_template); \\t and \\n are a tab and a line break
    table TEXT    the same in columns, with a heading; \\t separates the columns
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.cli.warren.go_template import Template


def human_size(size: int) -> str:
    """Bytes as Docker shows them: three digits and a decimal unit."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:.3g}TB"


def age(created: str) -> float | None:
    """The seconds since an RFC 3339 time; None if ``created`` is not such a time."""
    try:
        then = datetime.fromisoformat(re.sub(r"\.\d+", "", created).replace("Z", "+00:00"))
        return (datetime.now(UTC) - then).total_seconds()
    except (ValueError, TypeError):
        return None


def ago(created: str) -> str:
    """The time since an RFC 3339 time, in words; "N/A" if ``created`` is not such a time."""
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


def pruned(*groups: tuple[str, Sequence[str]], freed: int) -> None:
    """What was taken away, as Docker's prune prints it: each kind with its heading, and bytes."""
    for kind, names in groups:
        if names:
            print("\n".join([f"Deleted {kind}:", *names, ""]))
    print(f"Total reclaimed space: {human_size(freed)}")


def template(text: str) -> "Template":
    """The template of --format. Raises UsageError."""
    from hutch.cli.warren.go_template import Template, TemplateError

    try:
        return Template(text, escapes=True)
    except TemplateError as error:
        raise UsageError("--format: " + error.reason, hint=error.hint) from None


def render(form: "Template", row: Mapping[str, object]) -> str:
    """A template filled in from ``row``. Raises UsageError."""
    from hutch.cli.warren.go_template import TemplateError

    try:
        return form.execute(row)
    except TemplateError as error:
        raise UsageError("--format: " + error.reason, hint=error.hint) from None


def heading(form: "Template", columns: Sequence[tuple[str, str]]) -> str:
    """The heading of a table: the template, filled in with the headings of its fields."""
    from hutch.cli.warren.go_template import TemplateError

    known = {field: name for name, field in columns}
    names = {name: known.get(name) or spaced(name) for name in form.fields()}
    try:
        return form.execute(names)
    except TemplateError:  # the template uses a function that does not work with a heading
        return "\t".join(names.values())


def spaced(field: str) -> str:
    """``CreatedAt`` as a heading: CREATED AT."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field).upper()


def clean(text: str) -> str:
    """``text`` with control characters escaped: an image must not control the terminal (S-85)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\t\n" else ascii(c)[1:-1] for c in text)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns that are separated by three spaces, as in Docker."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def show_objects(found: Sequence[Mapping[str, object]], form: str) -> None:
    """Prints what ``inspect`` has found: by the template ``form``, or as one JSON array."""
    if form:
        show(found, [], form)
    else:
        print(json.dumps(found, indent=4))


def show(
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[tuple[str, str]],
    form: str,
    emit: Callable[[str], None] = print,
) -> None:
    """Prints rows: by the template ``form``, or as a table of ``columns`` (heading, field)."""
    if form == "json":
        for row in rows:
            emit(json.dumps(row))
    elif form.startswith("table "):
        filled = template(form.removeprefix("table "))
        lines = [heading(filled, columns), *(render(filled, row) for row in rows)]
        cells = [clean(line).split("\t") for line in lines]
        width = max(map(len, cells))
        emit(table([[*row, *[""] * (width - len(row))] for row in cells]))
    elif form and form != "table":
        filled = template(form)
        for row in rows:
            emit(clean(render(filled, row)))
    else:
        cells = [[clean(str(row[field])) for _, field in columns] for row in rows]
        emit(table([[name for name, _ in columns], *cells]))
