"""The manual pages, in man(7), from the table of verbs and flags and manual_text.py."""

from hutch.cli.cold import manual_text
from hutch.cli.cold.troff import (
    Option,
    end,
    examples,
    filled,
    head,
    options,
    paragraphs,
    terms,
    text,
)
from hutch.cli.table import GLOBAL, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    Flag = tuple[str, str, str, str]

SECTION = "8"
TITLE = (SECTION, manual_text.DATE, "System Administration")


def pages() -> "dict[str, str]":
    """{file name: its text}: hutch.8 and one for each verb."""
    found = {f"hutch.{SECTION}": overview()}
    for verb in VERBS:
        found[f"hutch-{verb}.{SECTION}"] = page(verb)
    return found


def overview() -> str:
    """hutch(8)."""
    lines = head("hutch", "Open Container Initiative runtime", *TITLE)
    lines += [".SH SYNOPSIS", ".B hutch", "[\\fIglobal options\\fP]", "\\fIverb\\fP"]
    lines += ["[\\fIoptions\\fP]", "[\\fIarguments\\fP]"]
    lines += [".SH DESCRIPTION", *paragraphs(manual_text.OVERVIEW)]
    lines += [".SH VERBS"]
    for verb in sorted(VERBS):
        lines += [".TP", f"\\fBhutch\\-{text(verb)}\\fP(8)", text(VERBS[verb][0])]
    lines += [".SH GLOBAL OPTIONS", *options(map(option, GLOBAL))]
    lines += [".SH EXIT STATUS", *filled(manual_text.EXIT_STATUS)]
    lines += [".SH ENVIRONMENT", *terms(manual_text.ENVIRONMENT)]
    lines += [".SH FILES", *terms(manual_text.FILES)]
    return end(lines, ["runc(8)", "criu(8)", *[f"hutch-{verb}(8)" for verb in sorted(VERBS)]])


def page(verb: str) -> str:
    """hutch-VERB(8)."""
    does, arguments, _, _, flags = VERBS[verb]
    lines = head("hutch-" + verb, does, *TITLE)
    lines += [".SH SYNOPSIS", f".B hutch {text(verb)}"]
    lines += ["[\\fIoptions\\fP]"] if flags else []
    lines += [f"\\fI{text(arguments)}\\fP"] if arguments else []
    words = manual_text.VERBS[verb]
    description = [word for word in words if not word.startswith("$ ")]
    commands = [word for word in words if word.startswith("$ ")]
    lines += [".SH DESCRIPTION", *paragraphs(description)]
    if flags:
        lines += [".SH OPTIONS", *options(map(option, flags))]
    lines += examples(commands)
    return end(lines, ["hutch(8)"])


def option(flag: "Flag") -> Option:
    """A flag of the table as an option of the page."""
    name, short, placeholder, does = flag
    names = (*(["-" + short] if short else []), "--" + name)
    return Option(names, placeholder.removesuffix("..."), does, placeholder.endswith("..."))
