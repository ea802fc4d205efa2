"""The texts of ``warren --help`` and ``warren NOUN --help``."""

from textwrap import wrap
from typing import TYPE_CHECKING

from hutch.cli.warren.table import ALIASES, GLOBALS, GROUPS, INTERNAL, NOUNS, of_noun, summary_of
from hutch.errors import UsageError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH = 80
HEAD = (
    "A small container engine. Images are named as with Docker, or oci:PATH:NAME, "
    "oci-archive:FILE:NAME, docker-archive:FILE:NAME, dir:PATH."
)
EXIT_STATUS = "0; 1 for what failed; 125 for a wrong command line; 130 after Ctrl-C."


def usage() -> str:
    """The text of ``warren --help``."""
    lines = ["Usage: warren [--root DIR] [--config FILE] COMMAND [ARGUMENTS]", ""]
    lines += wrap(HEAD, WIDTH)
    for group, verbs in GROUPS.items():
        lines += ["", group + ":", *_rows((verb, row[1]) for verb, row in verbs.items())]
    lines += ["", "Nouns, each with commands of its own:"]
    lines += _rows((noun, about) for noun, (about, _) in NOUNS.items())
    lines += ["", "Options:"]
    lines += _rows((f"{name} {takes}".strip(), does) for name, (takes, does) in GLOBALS.items())
    return "\n".join([*lines, "", *wrap("Exit status: " + EXIT_STATUS, WIDTH)])


def noun_usage(noun: str) -> str:
    """The text of ``warren NOUN --help``."""
    about, verbs = NOUNS[noun]
    shown_verbs = {
        word: name for word, name in verbs.items() if name not in INTERNAL and word not in ALIASES
    }
    rows = _rows((word, summary_of(name)) for word, name in sorted(shown_verbs.items()))
    return "\n".join([f"Usage: warren {noun} COMMAND [ARGUMENTS]", "", about + ":", *rows])


def help_for(words: list[str]) -> str:
    """What ``warren help WORDS`` prints. Raises UsageError."""
    from hutch.cli.warren.parser import help_of

    if not words:
        return usage()
    name, rest = of_noun(*words)
    if rest is None:
        return noun_usage(name)
    if rest:
        raise UsageError(f"{shown(rest[0])} is one word too many", hint=f"warren help {name}")
    return help_of(name)


def _rows(rows: "Iterable[tuple[str, str]]") -> list[str]:
    """Names, and what they do beside them."""
    pairs = list(rows)
    width = max(len(name) for name, _ in pairs) + 2
    lines = []
    for name, does in pairs:
        first, *more = wrap(does, WIDTH - width - 2)
        lines += [f"  {name:<{width}}{first}", *(" " * (width + 2) + line for line in more)]
    return lines
