"""Sets and removes keys of a TOML text, and keeps the rest of the text as it is.

A parser that keeps comments would have to know what each comment belongs to; so this changes lines
only: a new table is written at the end, a new key behind the last one of its table. The result is
read by tomllib and must be what was meant.
"""

import json
import re
import tomllib
from typing import NamedTuple

from hutch.errors import ConfigError, HutchError

Data = dict[str, object]
Place = tuple[str, ...]
Setting = tuple[Place, object]

BARE = re.compile(r"[A-Za-z0-9_-]+")


def looked_up(data: object, place: Place) -> object:
    """The value at a place of nested tables; None if there is none."""
    for name in place:
        if not isinstance(data, dict) or name not in data:
            return None
        data = data[name]
    return data


def with_settings(data: Data, settings: list[Setting]) -> Data:
    """A copy of the nested tables with these settings. Raises ConfigError if a table is another
    value."""
    result = _copied(data)
    for place, value in settings:
        table = result
        for depth, name in enumerate(place[:-1], 1):
            below = table.setdefault(name, {})
            if not isinstance(below, dict):
                pointer = ".".join(place[:depth])
                raise ConfigError(pointer, "must be a table or an object", value=below)
            table = below
        table[place[-1]] = value
    return result


def without(data: Data, place: Place) -> Data:
    """A copy of the nested tables without what is at the place."""
    result = _copied(data)
    table = looked_up(result, place[:-1])
    if isinstance(table, dict):
        table.pop(place[-1], None)
    return result


def _copied(data: Data) -> Data:
    return {key: _copied(one) if isinstance(one, dict) else one for key, one in data.items()}


class Statement(NamedTuple):
    """One key or one table header with its lines, or a blank line or comment. ``table`` is the
    table that it is in (a header's own), ``data`` what it says by itself."""

    text: str
    table: Place
    header: bool
    data: Data


class Toml:
    """The language of containers.conf, crio.conf and containerd's config.toml."""

    @staticmethod
    def parse(text: str) -> Data:
        """Raises ConfigError with line and column."""
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError("", str(error)) from None  # it says at which line and column

    @staticmethod
    def set(text: str, settings: list[Setting]) -> str:
        """The text with these settings. Raises ConfigError, and HutchError if the text is written
        in a way that cannot be changed by lines."""
        data = Toml.parse(text)
        meant = with_settings(data, settings)
        if text and not text.endswith("\n"):
            text += "\n"
        tables: dict[Place, list[str]] = {}
        for place, value in settings:
            if looked_up(data, place) == value:
                continue
            line = f"{written_key(place[-1])} = {written(value)}\n"
            changed = _with_key(_statements(text), place, value, line)
            if changed is None:
                tables.setdefault(place[:-1], []).append(line)
            else:
                text = changed
        for table, lines in tables.items():
            head = f"[{'.'.join(map(written_key, table))}]\n"
            text += ("\n" if text else "") + head + "".join(lines)
        return _meant(text, meant, settings)

    @staticmethod
    def remove(text: str, place: Place) -> str:
        """The text without the key or table at the place. Raises as ``set`` does."""
        kept: list[str] = []
        for one in _statements(text):
            inside = one.table[: len(place)] == place
            if one.header and inside and kept and not kept[-1].strip():
                kept.pop()  # the empty line before the header
            above = one.table == place[: len(one.table)]
            own = inside or (above and looked_up(one.data, place[len(one.table) :]) is not None)
            comment = not one.header and not one.data
            if comment or not own:
                kept.append(one.text)
        return _meant("".join(kept), without(Toml.parse(text), place), [(place, None)])


def _with_key(statements: list[Statement], place: Place, value: object, line: str) -> str | None:
    """The text with the key at ``place`` changed or added; None if its table has no header."""
    behind = -1 if len(place) > 1 else 0
    indent = ""
    for index, one in enumerate(statements):
        if one.table != place[: len(one.table)]:
            continue
        if not one.header and looked_up(one.data, place[len(one.table) :]) is not None:
            old = looked_up(one.data, place[len(one.table) :])
            key, equals, rest = one.text.partition("=")
            if rest.lstrip().startswith(written(old)):
                rest = rest.replace(written(old), written(value), 1)
            else:
                rest = f" {written(value)}\n"
            new = [other.text for other in statements]
            new[index] = key + equals + rest
            return "".join(new)
        if one.table == place[:-1] and (one.header or one.data):
            behind = index + 1
            indent = one.text[: len(one.text) - len(one.text.lstrip(" \t"))]
    if behind < 0:
        return None
    new = [one.text for one in statements]
    return "".join([*new[:behind], indent + line, *new[behind:]])


def _statements(text: str) -> list[Statement]:
    """The text's statements; their texts together are the text. The fewest lines that can be read
    by themselves are one statement."""
    found: list[Statement] = []
    table: Place = ()
    waiting = ""
    for line in text.splitlines(keepends=True):
        waiting += line
        try:
            data = tomllib.loads(waiting)
        except tomllib.TOMLDecodeError:
            continue
        header = waiting.lstrip().startswith("[")
        if header:
            table = _path(data)
        found.append(Statement(waiting, table, header, {} if header else data))
        waiting = ""
    return found


def _path(data: object) -> Place:
    """The path of a table header. One of an array of tables ends with a name that no place has."""
    path: list[str] = []
    while isinstance(data, dict) and data:
        ((name, data),) = data.items()
        path.append(name)
    return (*path, "[[]]") if isinstance(data, list) else tuple(path)


def _meant(text: str, meant: Data, settings: list[Setting]) -> str:
    """The text, if it says what is meant. Raises HutchError otherwise."""
    try:
        # A table that only its parts had shown goes with them.
        right = _full(tomllib.loads(text)) == _full(meant)
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        places = [".".join(map(written_key, place)) for place, _ in settings]
        raise HutchError(
            "the file is written in a way that cannot be changed by lines (an inline table?): "
            + ", ".join(places),
            hint="write the table with a header of its own, or change the file by hand",
        )
    return text


def _full(data: Data) -> Data:
    """The nested tables without the empty ones."""
    found = {key: _full(one) if isinstance(one, dict) else one for key, one in data.items()}
    return {key: one for key, one in found.items() if one != {}}


def written_key(name: str) -> str:
    """A key as TOML writes it."""
    return name if BARE.fullmatch(name) else written(name)


def written(value: object) -> str:
    """A string, boolean, integer or list of them as TOML writes it."""
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    # A JSON string is a basic string of TOML, which also wants DEL escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
