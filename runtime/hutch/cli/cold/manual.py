"""The manual pages, in man(7), from the table of verbs and flags and manual_text.py."""

from textwrap import wrap

from hutch import __version__
from hutch.cli.cold import manual_text
from hutch.cli.table import GLOBAL, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hutch.cli.arguments import Flags

SECTION = "8"


def pages() -> "dict[str, str]":
    """{file name: its text}: hutch.8 and one for each verb."""
    found = {f"hutch.{SECTION}": overview()}
    for verb in VERBS:
        found[f"hutch-{verb}.{SECTION}"] = page(verb)
    return found


def overview() -> str:
    """hutch(8)."""
    lines = _head("hutch", "Open Container Initiative runtime")
    lines += [".SH SYNOPSIS", ".B hutch", "[\\fIglobal options\\fP]", "\\fIverb\\fP"]
    lines += ["[\\fIoptions\\fP]", "[\\fIarguments\\fP]"]
    lines += [".SH DESCRIPTION", *_paragraphs(manual_text.OVERVIEW)]
    lines += [".SH VERBS"]
    for verb in sorted(VERBS):
        lines += [".TP", f"\\fBhutch\\-{_text(verb)}\\fP(8)", _text(VERBS[verb][0])]
    lines += [".SH GLOBAL OPTIONS", *_options(GLOBAL)]
    lines += [".SH EXIT STATUS", *_filled(manual_text.EXIT_STATUS)]
    lines += [".SH ENVIRONMENT", *_terms(manual_text.ENVIRONMENT)]
    lines += [".SH FILES", *_terms(manual_text.FILES)]
    return _end(lines, ["runc(8)", "criu(8)", *[f"hutch-{verb}(8)" for verb in sorted(VERBS)]])


def page(verb: str) -> str:
    """hutch-VERB(8)."""
    does, arguments, _, _, flags = VERBS[verb]
    lines = _head("hutch-" + verb, does)
    lines += [".SH SYNOPSIS", f".B hutch {_text(verb)}"]
    lines += ["[\\fIoptions\\fP]"] if flags else []
    lines += [f"\\fI{_text(arguments)}\\fP"] if arguments else []
    words = manual_text.VERBS[verb]
    told = [word for word in words if not word.startswith("$ ")]
    shown = [word for word in words if word.startswith("$ ")]
    lines += [".SH DESCRIPTION", *_paragraphs(told)]
    if flags:
        lines += [".SH OPTIONS", *_options(flags)]
    if shown:
        lines.append(".SH EXAMPLES")
    for number, example in enumerate(shown):
        lines += [*([".PP"] if number else []), ".EX", *map(_text, example.split("\n")), ".EE"]
    return _end(lines, ["hutch(8)"])


def _head(name: str, does: str) -> "list[str]":
    date, version = manual_text.DATE, __version__
    return [
        '.\\" Made from the table of verbs and flags.',
        f'.TH {_text(name.upper())} {SECTION} {date} "hutch {version}" "System Administration"',
        ".SH NAME",
        *_filled(name + " - " + does),
    ]


def _end(lines: "list[str]", others: "list[str]") -> str:
    lines.append(".SH SEE ALSO")
    for place, other in enumerate(others):
        name, _, section = other.partition("(")
        comma = "," if place < len(others) - 1 else ""
        lines.append(f".BR {_text(name)} ({section}{comma}")
    return "\n".join(lines) + "\n"


def _paragraphs(texts: "Iterable[str]") -> "list[str]":
    lines: list[str] = []
    for text in texts:
        lines += [*([".PP"] if lines else []), *_filled(text)]
    return lines


def _options(flags: "Flags") -> "list[str]":
    lines = []
    for name, short, placeholder, does in flags:
        left = f"\\fB{_text('--' + name)}\\fP"
        if short:
            left = f"\\fB{_text('-' + short)}\\fP, {left}"
        if placeholder:
            left += f" \\fI{_text(placeholder.removesuffix('...'))}\\fP"
        repeated = " (may be repeated)" if placeholder.endswith("...") else ""
        lines += [".TP", left, *_filled(does + repeated)]
    return lines


def _terms(rows: "Iterable[tuple[str, str]]") -> "list[str]":
    lines = []
    for name, does in rows:
        lines += [".TP", f"\\fB{_text(name)}\\fP", *_filled(does)]
    return lines


def _filled(text: str) -> "list[str]":
    """The text on lines of less than 80 bytes."""
    lines = wrap(_text(text), 79, break_long_words=False, break_on_hyphens=False)
    return ["\\&" + line if line.startswith(".") else line for line in lines]


def _text(text: str) -> str:
    """Text as roff takes it literally."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text
