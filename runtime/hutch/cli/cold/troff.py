"""The parts of a manual page, in the language of man(7)."""

from collections.abc import Iterable
from textwrap import wrap
from typing import NamedTuple

from hutch import __version__


class Option(NamedTuple):
    """A flag: ``left`` are its names, ``takes`` its value ("" for a switch)."""

    names: tuple[str, ...]
    takes: str
    does: str
    repeated: bool = False


def head(name: str, does: str, section: str, date: str, volume: str) -> list[str]:
    """The title and the name of a page."""
    return [
        '.\\" Made from the table of verbs and flags.',
        f'.TH {text(name.upper())} {section} {date} "hutch {__version__}" "{volume}"',
        ".SH NAME",
        *filled(name + " - " + does),
    ]


def end(lines: list[str], others: list[str]) -> str:
    """The whole page, with the pages that it refers to: "NAME(SECTION)"."""
    lines.append(".SH SEE ALSO")
    for place, other in enumerate(others):
        name, _, section = other.partition("(")
        comma = "," if place < len(others) - 1 else ""
        lines.append(f".BR {text(name)} ({section}{comma}")
    return "\n".join(lines) + "\n"


def paragraphs(texts: Iterable[str]) -> list[str]:
    """Texts, with room between them."""
    lines: list[str] = []
    for words in texts:
        lines += [*([".PP"] if lines else []), *filled(words)]
    return lines


def options(flags: Iterable[Option]) -> list[str]:
    """Flags and what they do."""
    lines = []
    for names, takes, does, repeated in flags:
        left = ", ".join(f"\\fB{text(name)}\\fP" for name in names)
        if takes:
            left += f" \\fI{text(takes)}\\fP"
        lines += [".TP", left, *filled(does + (" (may be repeated)" if repeated else ""))]
    return lines


def terms(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Words and what they mean."""
    lines = []
    for name, does in rows:
        lines += [".TP", f"\\fB{text(name)}\\fP", *filled(does)]
    return lines


def examples(commands: Iterable[str]) -> list[str]:
    """Commands, each as it is typed."""
    lines = []
    for number, command in enumerate(commands):
        lines += [*([".PP"] if number else []), ".EX", *map(text, command.split("\n")), ".EE"]
    return [".SH EXAMPLES", *lines] if lines else []


def filled(words: str) -> list[str]:
    """The text on lines of less than 80 bytes."""
    lines = wrap(text(words), 79, break_long_words=False, break_on_hyphens=False)
    return ["\\&" + line if line.startswith(".") else line for line in lines]


def text(words: str) -> str:
    """Text as roff takes it literally."""
    words = words.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + words if words.startswith(".") else words
