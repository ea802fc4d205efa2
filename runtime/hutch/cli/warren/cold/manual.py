"""The manual pages of warren, from its tables, the verbs' parsers and manual_text.py."""

from argparse import SUPPRESS, Action, _AppendAction

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
from hutch.cli.warren.cold import manual_text
from hutch.cli.warren.parser import Parser, parser_for
from hutch.cli.warren.table import (
    ALIASES,
    GLOBALS,
    GROUPS,
    INTERNAL,
    NOUN_VERBS,
    NOUNS,
    VERBS,
    summary_of,
)
from hutch.cli.warren.verb import verb_of

SECTION = "1"
TITLE = (SECTION, manual_text.DATE, "User Commands")


def pages() -> dict[str, str]:
    """{file name: its text}: warren.1, and one for each verb, noun, and verb of a noun."""
    found = {"warren.1": overview()}
    for noun in NOUNS:
        found[f"{title(noun)}.1"] = noun_page(noun)
    for name in (*VERBS, *NOUN_VERBS):
        found[f"{title(name)}.1"] = page(name)
    return found


def title(name: str) -> str:
    """What the page of a verb or noun is called."""
    return "-".join(["warren", *name.split()])


def overview() -> str:
    """warren(1)."""
    lines = head("warren", "a small container engine without a daemon", *TITLE)
    lines += [".SH SYNOPSIS", ".B warren", "[\\fIglobal options\\fP]", "\\fIcommand\\fP"]
    lines += ["[\\fIoptions\\fP]", "[\\fIarguments\\fP]"]
    lines += [".SH DESCRIPTION", *paragraphs(manual_text.OVERVIEW), ".SH COMMANDS"]
    for group, verbs in GROUPS.items():
        lines += [f".SS {text(group)}", *_references(dict.fromkeys(verbs, ""), "")]
    lines += [".SS Nouns, each with commands of its own"]
    for noun, (about, _) in NOUNS.items():
        lines += [".TP", f"\\fB{text(title(noun))}\\fP(1)", text(about)]
    flags = [Option((name,), takes, does) for name, (takes, does) in GLOBALS.items()]
    lines += [".SH GLOBAL OPTIONS", *options(flags)]
    lines += [".SH EXIT STATUS", *filled(manual_text.EXIT_STATUS)]
    lines += [".SH ENVIRONMENT", *terms(manual_text.ENVIRONMENT)]
    lines += [".SH FILES", *terms(manual_text.FILES)]
    lines += examples(manual_text.EXAMPLES)
    return end(lines, ["conmon(8)", "hutch(8)"])


def noun_page(noun: str) -> str:
    """warren-NOUN(1)."""
    about, verbs = NOUNS[noun]
    known = {
        name: word for word, name in verbs.items() if name not in INTERNAL and word not in ALIASES
    }
    lines = head(title(noun), f"commands for {about[:1].lower()}{about[1:]}", *TITLE)
    lines += [".SH SYNOPSIS", f".B warren {noun}", "\\fIcommand\\fP"]
    lines += ["[\\fIoptions\\fP]", "[\\fIarguments\\fP]", ".SH COMMANDS"]
    return end([*lines, *_references(known, noun)], ["warren(1)"])


def _references(names: dict[str, str], noun: str) -> list[str]:
    """Verbs, what they do, and where that is told: {verb: what it is called with the noun}."""
    lines = []
    for name, word in sorted(names.items(), key=lambda pair: pair[1]):
        called = f"\\fB{text(word)}\\fP: " if noun else ""
        lines += [".TP", f"{called}\\fB{text(title(name))}\\fP(1)", text(summary_of(name))]
    return lines


def page(name: str) -> str:
    """warren-VERB(1)."""
    parser = parser_for(name)
    words = manual_text.VERBS.get(name, (summary_of(name) + ".",))
    lines = head(title(name), summary_of(name), *TITLE)
    lines += [".SH SYNOPSIS", f".B warren {text(name)}", "[\\fIoptions\\fP]"]
    lines += [_argument(action) for action in parser._positionals._group_actions]
    lines += ["[\\fIcommand\\fP [\\fIargument\\fP...]]"] if verb_of(name).stops else []
    told = [word for word in words if not word.startswith("$ ")]
    lines += [".SH DESCRIPTION", *paragraphs(told)]
    others = [
        f"warren {noun} {word}"
        for noun, (_, verbs) in NOUNS.items()
        for word, meant in verbs.items()
        if meant == name and f"{noun} {word}" != name
    ]
    if others:
        lines += [".PP", *filled("Also: " + ", ".join(others) + ".")]
    places = [
        (str(action.metavar), str(action.help)) for action in parser._positionals._group_actions
    ]
    if places:
        lines += [".SH ARGUMENTS", *terms(places)]
    lines += [".SH OPTIONS", *_groups(parser)]
    lines += examples(word for word in words if word.startswith("$ "))
    return end(lines, ["warren(1)"])


def _argument(action: Action) -> str:
    """An argument as the synopsis has it."""
    shown = f"\\fI{text(str(action.metavar))}\\fP"
    return {"?": f"[{shown}]", "*": f"[{shown}...]", "+": f"{shown}..."}.get(
        str(action.nargs), shown
    )


def _groups(parser: Parser) -> list[str]:
    """The flags below their headings."""
    lines: list[str] = []
    for group in parser._action_groups:
        actions = [a for a in group._group_actions if a.option_strings and a.help != SUPPRESS]
        if actions:
            lines += [f".SS {text(str(group.title))}"] if lines else []
            lines += options(map(_option, actions))
    return lines


def _option(action: Action) -> Option:
    takes = ""
    if action.choices is not None:
        takes = "|".join(map(str, action.choices))
    elif action.nargs != 0:
        takes = f"[{action.metavar}]" if action.nargs == "?" else str(action.metavar)
    repeated = isinstance(action, _AppendAction)
    return Option(tuple(action.option_strings), takes, str(action.help), repeated)
