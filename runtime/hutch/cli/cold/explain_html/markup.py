"""Elements of HTML and SVG. Every text and every attribute is escaped here, and nowhere else."""

import json
from html import escape


class Markup(str):
    """Text that is HTML already. ``element`` makes it; nothing else should."""

    __slots__ = ()


def text(value: str) -> Markup:
    """A text for a page. Letters that cannot be seen, or that change the order of others (U+202E),
    are written as in JSON (``\\u202e``)."""
    return Markup(escape("".join(map(_visible, value)), quote=True))


def element(name: str, *inner: str, **attributes: str | int | float) -> Markup:
    """An element. What is in it is escaped, unless it is Markup. An underscore in an attribute's
    name stands for a hyphen, one at its end for none (``class_``); "" stands for no value."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(str(value))}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{words}>{joined(inner)}</{name}>")


def joined(parts: "tuple[str, ...] | list[str] | list[Markup]", between: str = "") -> Markup:
    return Markup(between.join(p if isinstance(p, Markup) else text(p) for p in parts))


def _visible(letter: str) -> str:
    if letter.isprintable() or letter == "\n":
        return letter
    return json.dumps(letter)[1:-1]
