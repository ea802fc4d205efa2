"""The table of config.json as a JSON Schema (draft 2020-12).

JSON Schema cannot express the formats of formats.py: each becomes a ``format`` with the name of its
function. ``FORMATS`` maps these names to functions.

The schema is used to find all problems, with jsonschema (diagnostics.py: after a config was
refused, and for `explain`). A valid config does not need it. The quick check stops at the first
problem. tests/unit/test_explain.py compares the results of both.
"""

from hutch.spec import table
from hutch.spec.shapes import STRING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hutch.spec.shapes import Type

NO_NUL = "no_nul"
FORMATS: "dict[str, Callable[[object], bool]]" = {
    NO_NUL: lambda value: not isinstance(value, str) or "\0" not in value
}


def json_schema(shape: "Type" = table.CONFIG) -> "dict[str, Any]":
    """The schema of config.json, or of a part of it: table.PROCESS, table.RESOURCES."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(shape)}


def _schema(shape: "Type") -> "dict[str, Any]":
    kind, words, inner, bound = shape
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        return {"type": "integer", "minimum": inner, "maximum": bound}
    if kind is list:
        return {"type": "array", "items": _schema(inner), **({"minItems": bound} if bound else {})}
    if kind is str and bound:
        return {"type": "string", "enum": list(bound)}
    if kind is str:
        described = {"description": words} if shape is not STRING else {}
        return {"type": "string", "format": _format(inner), **described}
    if isinstance(inner, tuple):
        names, values = inner
        return {
            "type": "object",
            "propertyNames": _schema(names),
            "additionalProperties": _schema(values),
        }
    known = {name: _schema(field) if field else {} for name, field in inner.items()}
    return {"type": "object", "properties": known, **({"required": list(bound)} if bound else {})}


def _format(form: "Callable[[str], bool] | None") -> str:
    if form is None:
        return NO_NUL
    name = form.__name__
    FORMATS[name] = lambda value: not isinstance(value, str) or ("\0" not in value and form(value))
    return name
