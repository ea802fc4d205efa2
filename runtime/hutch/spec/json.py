"""Reads and writes JSON. Reading is strict (see native/json/json.c); the output is that of Go.

The standard library's json module is not used: importing it takes longer than a container's start
takes to read and write all of its JSON.
"""

from hutch._json import decode as _decode
from hutch._json import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

__all__ = ["decode", "encode", "pretty", "quote"]


def decode(data: bytes, document: str) -> "Json":
    """The value of a JSON text (RFC 8259): dict, list, str, int, float, bool or None.

    Raises JsonError with the document, the line and the column. It is also raised for text that the
    RFC leaves to the parser: duplicate names, lone surrogates, NaN, more than 200 levels.
    """
    try:
        return _decode(data)  # type: ignore[return-value]
    except ValueError as error:
        from hutch.spec.json_error import JsonError

        reason, line, column = error.args
        raise JsonError(document, reason, line, column) from None


def encode(value: "object") -> str:
    """The value on one line without spaces, as Go's json.Marshal writes it: ``{"a":[1,true]}``."""
    parts: list[str] = []
    _write(value, parts.append, "", "", ":")
    return "".join(parts)


def pretty(value: "object", indent: str = "  ") -> str:
    """The value over several lines, as Go's json.MarshalIndent writes it; no line end at the end.

    runc indents config.json by a tab and the output of ``state`` by two spaces.
    """
    parts: list[str] = []
    _write(value, parts.append, "\n", indent, ": ")
    return "".join(parts)


def _write(
    value: "object", put: "Callable[[str], object]", line: str, indent: str, colon: str
) -> None:
    """Writes a value with ``put``. ``line`` is a line end and the indentation at this depth."""
    if isinstance(value, str):
        put(quote(value))
    elif value is None:
        put("null")
    elif isinstance(value, bool):
        put("true" if value else "false")
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, dict):
        inner = line + indent
        before = "{" + inner
        for name, item in value.items():
            put(before + quote(name) + colon)
            _write(item, put, inner, indent, colon)
            before = "," + inner
        put(line + "}" if value else "{}")
    elif isinstance(value, (list, tuple)):
        inner = line + indent
        before = "[" + inner
        for item in value:
            put(before)
            _write(item, put, inner, indent, colon)
            before = "," + inner
        put(line + "]" if value else "[]")
    elif isinstance(value, float) and value - value == 0:
        put(float.__repr__(value))
    else:
        raise TypeError("JSON has no form for " + repr(value))
