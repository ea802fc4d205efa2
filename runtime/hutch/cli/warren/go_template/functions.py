"""What a template can call: the functions of Go's text/template, and those of Docker's commands.

text/template has and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, print, printf, println,
html, js and urlquery (``call`` takes functions, which data has none of). The others are of Docker's
"Format command and log output".
"""

import json
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote_plus

from hutch.cli.warren.go_template import fmt
from hutch.cli.warren.go_template.errors import Problem
from hutch.cli.warren.go_template.fmt import Value


class Function(NamedTuple):
    """``most`` is None where any number of arguments will do."""

    call: Callable[..., Value]
    fewest: int
    most: int | None


def named(value: Value) -> str:
    """A value as an error speaks of it."""
    if value is None:
        return "no value"
    words = {
        "bool": "a truth value",
        "int": "a number",
        "float64": "a number",
        "string": "a string",
    }
    return words.get(fmt.kind(value), "an object" if isinstance(value, dict) else "a list")


def text_of(value: Value) -> str:
    """A string that a function takes; "" for no value. Raises Problem."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Problem(f"takes a string, not {named(value)}", "print makes one of anything")
    return value


def number_of(value: Value) -> int:
    """A whole number that a function takes. Raises Problem."""
    if type(value) is not int:
        raise Problem(f"takes a whole number, not {named(value)}")
    return value


# Comparing


def kinds(one: Value, other: Value) -> None:
    """Raises Problem for values that Go would not compare."""
    for value in (one, other):
        if isinstance(value, dict | list):
            raise Problem(f"cannot compare {named(value)}", "len and index make it comparable")
    if one is not None and other is not None and named(one) != named(other):
        raise Problem(f"cannot compare {named(one)} with {named(other)}")


def equal(one: Value, *others: Value) -> bool:
    """Whether the first is equal to any of the others."""
    for other in others:
        kinds(one, other)
        if one == other:
            return True
    return False


def ordered(one: Value, other: Value) -> None:
    """Raises Problem for values without an order."""
    kinds(one, other)
    for value in (one, other):
        if value is None or isinstance(value, bool):
            raise Problem(f"{named(value)} is neither less nor greater")


def less(one: Value, other: Value) -> bool:
    ordered(one, other)
    return bool(one < other)


def at_most(one: Value, other: Value) -> bool:
    ordered(one, other)
    return bool(one <= other)


# Parts


def encoded(value: str) -> bytes:
    """Go's strings are bytes: so are their lengths and places."""
    return value.encode("utf-8", "surrogatepass")


def length(value: Value) -> int:
    if isinstance(value, str):
        return len(encoded(value))
    if value is None or isinstance(value, dict | list):
        return len(value or ())
    raise Problem(f"{named(value)} has no length")


def index(value: Value, *keys: Value) -> Value:
    """The item at a key, of that the item at the next one, and so on."""
    for key in keys:
        value = item(value, key)
    return value


def item(value: Value, key: Value) -> Value:
    """An item of a list, an object or a string. A key that an object lacks has no value."""
    if isinstance(value, dict) or (value is None and isinstance(key, str)):
        if not isinstance(key, str):
            raise Problem(f"an object's key is a string, not {named(key)}")
        if value is None or key in value:
            return value and value[key]
        return "" if all(isinstance(other, str) for other in value.values()) else None
    if not isinstance(value, str | list | None):
        raise Problem(f"{named(value)} has no items")
    if type(key) is not int:
        raise Problem(f"the place in {named(value)} is a whole number, not {named(key)}")
    items: Value = encoded(value) if isinstance(value, str) else value or []
    if not 0 <= key < len(items):
        raise Problem(f"there is no item {key}: there are {len(items)}")
    return items[key]


def cut(value: Value, *places: Value) -> Value:
    """A part of a list or a string: ``slice x 1 3`` is x[1:3] in Go."""
    if not isinstance(value, str | list):
        raise Problem(f"{named(value)} cannot be sliced")
    whole: Value = encoded(value) if isinstance(value, str) else value
    if len(places) == 3 and isinstance(value, str):
        raise Problem("a string takes two places at most")
    start, end, *_ = [*map(number_of, places), *[0, len(whole)][len(places) :], 0]
    if not 0 <= start <= end <= len(whole):
        raise Problem(f"there is no part from {start} to {end}: there are {len(whole)} items")
    part = whole[start:end]
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else part


# Text

HTML = {'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"}
JAVASCRIPT = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E",
              "&": "\\u0026", "=": "\\u003D"}  # fmt: skip


def html(*values: Value) -> str:
    return "".join(HTML.get(sign, sign) for sign in fmt.sprint(values))


def javascript(*values: Value) -> str:
    return "".join(
        JAVASCRIPT.get(sign) or (sign if sign.isprintable() else f"\\u{ord(sign):04X}")
        for sign in fmt.sprint(values)
    )


def urlquery(*values: Value) -> str:
    return quote_plus(fmt.sprint(values), errors="replace")


def println(*values: Value) -> str:
    return " ".join(map(fmt.text, values)) + "\n"


def printf(form: Value, *values: Value) -> str:
    return fmt.sprintf(text_of(form), values)


def as_json(value: Value) -> str:
    """On one line; what cannot be printed is escaped, so that it stays JSON on its way."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)


def join(values: Value, between: Value) -> str:
    if values is not None and not isinstance(values, list):
        raise Problem(f"takes a list, not {named(values)}")
    return text_of(between).join(map(fmt.text, values or []))


def split(value: Value, between: Value) -> list[str]:
    whole, sign = text_of(value), text_of(between)
    return whole.split(sign) if sign else list(whole)


def title(value: Value) -> str:
    """The first letter of each word as a capital."""
    whole = text_of(value)
    return "".join(
        sign if before.isalnum() or before == "_" else sign.title()
        for before, sign in zip(" " + whole, whole, strict=False)
    )


def pad(value: Value, before: Value, after: Value) -> str:
    whole = text_of(value)
    return " " * number_of(before) + whole + " " * number_of(after) if whole else ""


def truncate(value: Value, most: Value) -> str:
    if number_of(most) < 0:
        raise Problem(f"{most} is no length")
    return text_of(value)[:most]


def lazily(*values: Value) -> Value:
    """``and`` and ``or`` evaluate no more arguments than they need: execute.py has them."""
    raise AssertionError(values)


FUNCTIONS = {
    "and": Function(lazily, 1, None),
    "or": Function(lazily, 1, None),
    "not": Function(lambda value: not value, 1, 1),
    "eq": Function(equal, 2, None),
    "ne": Function(lambda one, other: not equal(one, other), 2, 2),
    "lt": Function(less, 2, 2),
    "le": Function(at_most, 2, 2),
    "gt": Function(lambda one, other: less(other, one), 2, 2),
    "ge": Function(lambda one, other: at_most(other, one), 2, 2),
    "len": Function(length, 1, 1),
    "index": Function(index, 1, None),
    "slice": Function(cut, 1, 4),
    "print": Function(lambda *values: fmt.sprint(values), 0, None),
    "printf": Function(printf, 1, None),
    "println": Function(println, 0, None),
    "html": Function(html, 0, None),
    "js": Function(javascript, 0, None),
    "urlquery": Function(urlquery, 0, None),
    "json": Function(as_json, 1, 1),
    "join": Function(join, 2, 2),
    "split": Function(split, 2, 2),
    "lower": Function(lambda value: text_of(value).lower(), 1, 1),
    "upper": Function(lambda value: text_of(value).upper(), 1, 1),
    "title": Function(title, 1, 1),
    "pad": Function(pad, 3, 3),
    "truncate": Function(truncate, 2, 2),
}
