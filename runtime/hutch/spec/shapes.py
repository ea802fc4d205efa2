"""The types in the table of config.json (table.py).

A type is a tuple of four, made by the functions below:

    (str,  words, form or None, values or None)     a string
    (int,  words, least, most)                      an integer
    (bool, words, None, None)                       true or false
    (list, words, type of the entries, least count) an array
    (dict, words, {name: type}, required names)     an object with fields of its own
    (dict, words, (type of names, type), ())        an object whose names are data

``words`` is the part of an error after "must be". In a table of fields, None is the type of an
object for another platform: the field is known, but its content is not checked.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Type = tuple[type, str, Any, Any]
    Fields = dict[str, "Type | None"]


def text(words: str, form: "Callable[[str], bool]") -> "Type":
    """A string of a format of formats.py; ``words``: "an absolute path"."""
    return (str, words, form, None)


def one_of(*values: str) -> "Type":
    """A string that is one of these."""
    return (str, "", frozenset(values).__contains__, values)


def number(least: int, most: int) -> "Type":
    """An integer from ``least`` to ``most``."""
    return (int, "", least, most)


def array(entries: "Type", least: int = 0) -> "Type":
    """An array of at least ``least`` entries."""
    return (list, "an array", entries, least)


def record(fields: "Fields", *required: str) -> "Type":
    """An object with these fields; all other fields are unknown and ignored."""
    return (dict, "an object", fields, required)


def mapping(names: "Type", values: "Type") -> "Type":
    """An object whose names are data: sysctls, annotations."""
    return (dict, "an object", (names, values), ())


BOOLEAN: "Type" = (bool, "true or false", None, None)
STRING: "Type" = (str, "a string", None, None)
INT64 = number(-(1 << 63), (1 << 63) - 1)
UINT64 = number(0, (1 << 64) - 1)
UINT32 = number(0, (1 << 32) - 1)
UINT16 = number(0, (1 << 16) - 1)
