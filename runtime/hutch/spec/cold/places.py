"""Where the values of a JSON text are, by line and column, and the names of these places.

The text was decoded already (hutch.spec.json), so it is known to be JSON without duplicate names.
"""

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from hutch.spec import table
from hutch.spec.pointer import is_under, pointer

if TYPE_CHECKING:
    from hutch.spec.pointer import Path

TOKEN = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*"|[\[\]{},:]|[^ \t\r\n\[\]{},:"]+)')


class Places:
    """The places of all values in the text of a config."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._keys: dict[Path, int] = {}
        self._values: dict[Path, int] = {}
        self._tokens = TOKEN.finditer(text)
        self._read(next(self._tokens), ())

    def of(self, path: "Path", *, key: bool) -> tuple[int, int]:
        """The line and column, counted from 1, of the value at ``path``; with ``key``, of its name
        in an object. For a value that is missing, those of the object that it is missing in."""
        while path:
            for known in (self._keys, self._values) if key else (self._values,):
                for one in (path, tuple(str(s).lower() if type(s) is str else s for s in path)):
                    if one in known:
                        return self._place(known[one])
            path, key = path[:-1], False
        return self._place(self._values[()])

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def _note(self, known: "dict[Path, int]", path: "Path", offset: int) -> None:
        known[path] = offset
        # The case of letters in the name of a field does not matter (normalize.py).
        known.setdefault(tuple(s.lower() if type(s) is str else s for s in path), offset)

    def _read(self, token: "re.Match[str]", path: "Path") -> None:
        self._note(self._values, path, token.start(1))
        if token[1] == "{":
            token = next(self._tokens)
            while token[1] != "}":
                if token[1] == ",":
                    token = next(self._tokens)
                inner = (*path, _decoded(token[1]))
                self._note(self._keys, inner, token.start(1))
                next(self._tokens)  # the colon
                self._read(next(self._tokens), inner)
                token = next(self._tokens)
        elif token[1] == "[":
            index = 0
            token = next(self._tokens)
            while token[1] != "]":
                if token[1] == ",":
                    token = next(self._tokens)
                self._read(token, (*path, index))
                index += 1
                token = next(self._tokens)


def _decoded(literal: str) -> str:
    from hutch._json import decode

    name = decode(literal.encode("utf-8", "surrogatepass"))
    assert isinstance(name, str)
    return name


def path_of(text: str, config: "Any") -> "tuple[Path, Path]":
    """(the path of the value at the pointer ``text``, or of the nearest one around it in
    ``config``; the names in the pointer that ``config`` lacks)."""
    best: tuple[str, Path] = ("", ())
    for path in _paths(config, ()):
        name = pointer(path, table.CONFIG) if path else ""
        if len(name) > len(best[0]) and is_under(text, name):
            best = (name, path)
    rest = text[len(best[0]) :].strip(".")
    return best[1], tuple(part for part in rest.split(".") if part)


def _paths(value: "Any", path: "Path") -> "list[Path]":
    found: list[Path] = [path]
    if isinstance(value, dict):
        for name, item in value.items():
            found += _paths(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += _paths(item, (*path, index))
    return found


def json_pointer(path: "Path") -> str:
    """The path as a JSON pointer (RFC 6901): /mounts/3/options/1."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
