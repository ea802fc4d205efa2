"""A template's text as tokens."""

import re
from collections.abc import Generator, Iterator
from typing import NamedTuple

from hutch.cli.warren.go_template.errors import TemplateError
from hutch.cli.warren.go_template.fmt import Value

LEFT, RIGHT = "{{", "}}"
SPACE = " \t\r\n"
ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip
ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\'\"]))"
)
NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+"
    r"|(?:[0-9][0-9_]*)?\.?[0-9][0-9_]*\.?(?:[eE][+-]?[0-9]+)?)"
)
NAME = re.compile(r"[^\W\d]\w*")
QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
RAW = re.compile(r"`[^`]*`")
CHARACTER = re.compile(r"'(?:[^'\\\n]|\\.)*'")


class Token(NamedTuple):
    """``kind`` is text, open, close, field, variable, name, constant, or the sign itself;
    ``value`` what it stands for; ``at`` where it begins; ``space`` whether space is before it."""

    kind: str
    value: Value
    at: int
    space: bool = False


def tokens(text: str, *, escapes: bool = False) -> Iterator[Token]:
    """The tokens of a template. Raises TemplateError.

    With ``escapes`` ``\\t`` and ``\\n`` in its text stand for a tab and a line break.

    Between ``open`` and ``close`` are those of an action; a comment is left out, and trim markers
    have done their work.
    """
    at, trim = 0, False
    while True:
        start = text.find(LEFT, at)
        piece = text[at:] if start < 0 else text[at:start]
        if trim:
            piece = piece.lstrip(SPACE)
        if start >= 0 and _trims_before(text, start + 2):
            piece = piece.rstrip(SPACE)
        if escapes:
            piece = piece.replace("\\t", "\t").replace("\\n", "\n")
        if piece:
            yield Token("text", piece, at)
        if start < 0:
            return
        inner = start + 2 + (1 if _trims_before(text, start + 2) else 0)
        comment = _comment(text, start, inner)
        if comment is None:
            yield Token("open", LEFT, start)
            at, trim = yield from _action(text, start, inner)
        else:
            at, trim = comment


def _trims_before(text: str, at: int) -> bool:
    return text[at : at + 1] == "-" and text[at + 1 : at + 2] in tuple(SPACE)


def _comment(text: str, start: int, inner: int) -> tuple[int, bool] | None:
    """Where the text goes on behind a comment and whether it is trimmed; None if there is none."""
    begin = inner
    if inner > start + 2:
        while text[begin : begin + 1] and text[begin] in SPACE:
            begin += 1
    if text[begin : begin + 2] != "/*":
        return None
    end = text.find("*/", begin + 2)
    if end < 0:
        raise TemplateError(text, start, "the comment has no end", hint="{{/* ... */}}")
    found = re.compile(r"\s+-\}\}|\}\}").match(text, end + 2)
    if found is None:
        raise TemplateError(text, end, "}} must stand at once behind a comment")
    return found.end(), found[0] != RIGHT


def _action(text: str, start: int, at: int) -> Generator[Token, None, tuple[int, bool]]:
    """The tokens up to the end of an action; returns where the text goes on."""
    while True:
        begin = at
        while at < len(text) and text[at] in SPACE:
            at += 1
        space = at > begin
        if space and text.startswith("-" + RIGHT, at):
            yield Token("close", RIGHT, at)
            return at + 3, True
        if text.startswith(RIGHT, at):
            yield Token("close", RIGHT, at)
            return at + 2, False
        if at >= len(text):
            raise TemplateError(text, start, "the action has no end", hint="{{ ... }}")
        token, at = _token(text, at)
        yield token._replace(space=space)


def _token(text: str, at: int) -> tuple[Token, int]:
    """The token at a place, and where it ends."""
    sign = text[at]
    if text.startswith(":=", at):
        return Token(":=", ":=", at), at + 2
    if sign in "|(),=":
        return Token(sign, sign, at), at + 1
    if sign == '"':
        return _literal(text, at, QUOTED, "string")
    if sign == "'":
        return _literal(text, at, CHARACTER, "character")
    if sign == "`":
        found = RAW.match(text, at)
        if found is None:
            raise TemplateError(text, at, "the string has no end: ` is missing")
        return Token("constant", found[0][1:-1], at), found.end()
    if sign == "$":
        found = NAME.match(text, at + 1)
        end = found.end() if found else at + 1
        return Token("variable", text[at:end], at), end
    if found := NUMBER.match(text, at):
        return _number(text, at, found)
    if sign == ".":
        found = NAME.match(text, at + 1)
        if found is None:
            return Token(".", ".", at), at + 1
        return Token("field", found[0], at), found.end()
    if found := NAME.match(text, at):
        if found[0] in ("true", "false"):
            return Token("constant", found[0] == "true", at), found.end()
        return Token("name", found[0], at), found.end()
    raise TemplateError(text, at, f"unexpected {sign!r} in an action")


def _literal(text: str, at: int, form: "re.Pattern[str]", what: str) -> tuple[Token, int]:
    found = form.match(text, at)
    if found is None:
        raise TemplateError(text, at, f"the {what} has no end: {text[at]} is missing")
    value = unquoted(text, at + 1, found.end() - 1)
    if what == "string":
        return Token("constant", value, at), found.end()
    if len(value) != 1:
        raise TemplateError(text, at, f"{found[0]} is more than one character")
    return Token("constant", ord(value), at), found.end()


def unquoted(text: str, at: int, end: int) -> str:
    """What a string between quotes stands for, by Go's escapes. Raises TemplateError."""
    parts = []
    while at < end:
        if text[at] != "\\":
            parts.append(text[at])
            at += 1
            continue
        found = ESCAPE.match(text, at, end)
        if found is None:
            raise TemplateError(text, at, f"{text[at : at + 2]} is no escape of a Go string")
        code = found[1] or found[2] or found[3]
        number = int(code, 16) if code else int(found[4], 8) if found[4] else 0
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise TemplateError(text, at, f"{found[0]} is no character")
        parts.append(ESCAPES[found[5]] if found[5] else chr(number))
        at = found.end()
    return "".join(parts)


def _number(text: str, at: int, found: "re.Match[str]") -> tuple[Token, int]:
    end = found.end()
    digits = found[0]
    if NAME.match(text, end) or text[end : end + 1] == ".":
        raise TemplateError(text, at, f"{text[at : end + 1]!r} is no number")
    value: int | float
    try:
        unsigned = digits.lstrip("+-")
        if unsigned.isdigit() and len(unsigned) > 1 and unsigned[0] == "0":
            value = int(digits, 8)  # as Go, and C, have it
        elif unsigned[:2].lower() in ("0x", "0b", "0o") or not set(unsigned) & set(".eE"):
            value = int(digits, 0)
        else:
            value = float(digits)
    except ValueError:
        raise TemplateError(text, at, f"{digits!r} is no number") from None
    return Token("constant", value, at), end
