"""Parses the arguments of a verb with argparse, with help texts in the style of Docker."""

from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter, Namespace
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from hutch.cli.warren.table import summary_of
from hutch.cli.warren.verb import TRUTH, verb_of
from hutch.errors import UsageError

COLUMN = 34  # where an option's help begins


class Formatter(HelpFormatter):
    """Shows options as ``-f, --filter KEY=VALUE``: the value is named once."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=COLUMN, width=100)

    def _format_action_invocation(self, action: Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        metavar = self._get_default_metavar_for_optional(action)
        return f"{', '.join(action.option_strings)} {self._format_args(action, metavar)}"

    def add_usage(
        self, usage: str | None, actions: Iterable[Action], groups: Any, prefix: str | None = None
    ) -> None:
        """Shows one short line, because every option is listed below it."""
        if usage is None:
            places = [a for a in actions if not a.option_strings]
            words = [self._format_args(a, self._metavar(a)) for a in places]
            usage = " ".join([self._prog, "[OPTIONS]", *words])
        return super().add_usage(usage, [], groups, "Usage: ")

    def _metavar(self, action: Action) -> str:
        return self._get_default_metavar_for_positional(action)


class Parser(ArgumentParser):
    """An ArgumentParser that raises UsageError for a wrong command line."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog=prog, allow_abbrev=False, add_help=False, formatter_class=Formatter,
                         **more)  # fmt: skip
        self._positionals.title = "Arguments"
        self._optionals.title = "Options"
        self.add_argument("-h", "--help", action="help", default=SUPPRESS, help="print this")

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def parse(
    name: str,
    summary: str,
    declare: Callable[[ArgumentParser], None],
    words: list[str],
    stops: int | None = None,
) -> Namespace:
    """The arguments of ``warren NAME``. Raises UsageError; --help prints and exits."""
    parser = parser_of(name, summary, declare, stops)
    flags, places, command = sorted_words(parser, words, stops)
    # Words that begin with "-" and are no flags stand behind "--".
    barrier = ["--"] if any(len(word) > 1 and word[0] == "-" for word in places) else []
    arguments, more = parser.parse_known_args([*flags, *barrier, *places])
    if more:
        raise UsageError(f"unexpected argument: {more[0]}", hint=f"{parser.prog} --help")
    if stops is not None:
        arguments.command = command
    return arguments


def parser_of(
    name: str, summary: str, declare: Callable[[ArgumentParser], None], stops: int | None
) -> Parser:
    """The parser of a verb."""
    handler = "error" if stops is None else "resolve"  # -h is --hostname of run
    parser = Parser(f"warren {name}", description=summary + ".", conflict_handler=handler)
    declare(parser)
    if stops:
        places = [str(action.metavar) for action in parser._positionals._group_actions]
        parser.usage = " ".join([parser.prog, "[OPTIONS]", *places, "[COMMAND [ARGUMENT...]]"])
    return parser


def sorted_words(
    parser: ArgumentParser, words: list[str], stops: int | None
) -> tuple[list[str], list[str], list[str]]:
    """A verb's flags with their values, its arguments, and the command line that begins after
    ``stops`` arguments: nothing of it is a flag of ours.

    A switch may have a value (--rm=false). A flag whose value may be missing takes the next word
    only if that is a boolean. Raises UsageError for a flag that is not known.
    """
    known = parser._option_string_actions
    flags: list[str] = []
    places: list[str] = []
    rest = list(words)
    while rest and (stops is None or len(places) < stops):
        word = rest.pop(0)
        if word == "--":
            left = len(rest) if stops is None else stops - len(places)
            return flags, [*places, *rest[:left]], rest[left:]
        if word == "-" or not word.startswith("-"):
            places.append(word)
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            action = known.get(name) or unknown(parser, name)
            if action.nargs == 0 and equals and value.lower() in TRUTH:
                if TRUTH[value.lower()]:
                    flags.append(name)
            elif equals or action.nargs == 0:
                flags.append(word)
            elif action.nargs == "?":
                given = rest.pop(0) if rest and rest[0].lower() in TRUTH else "true"
                flags.append(f"{name}={given}")
            elif not rest:
                raise UsageError(f"flag needs an argument: {name}", hint=f"{parser.prog} --help")
            else:  # argparse takes a value that begins with "-" for a flag, but not so
                flags.append(f"{name}={rest.pop(0)}")
        elif _last_takes(parser, word):
            if not rest:
                raise UsageError(f"flag needs an argument: {word}", hint=f"{parser.prog} --help")
            flags.append(word + rest.pop(0))
        else:
            flags.append(word)
    return flags, places, rest


def _last_takes(parser: ArgumentParser, word: str) -> bool:
    """Whether of short flags in one word (-itv) the last one wants the next word."""
    for place, letter in enumerate(word[1:], 2):
        action = parser._option_string_actions.get("-" + letter)
        if action is None:
            if word.startswith("-" + letter):
                unknown(parser, "-" + letter)
            raise UsageError(
                f"unknown shorthand flag: -{letter} in {word}", hint=f"{parser.prog} --help"
            )
        if action.nargs != 0:
            return place == len(word)
    return False


def unknown(parser: ArgumentParser, name: str) -> NoReturn:
    """Raises the UsageError of a flag that is not known."""
    from hutch.did_you_mean import suggestion

    known = [flag for flag in parser._option_string_actions if flag.startswith("--")]
    hint = suggestion(name, known, f"{parser.prog} --help")
    raise UsageError(f"unknown flag: {name}", hint=hint)


def help_of(name: str) -> str:
    """The text of ``warren NAME --help``."""
    return parser_for(name).format_help().rstrip("\n")


def parser_for(name: str) -> Parser:
    """The parser of the verb of this name, with its module loaded."""
    verb = verb_of(name)
    return parser_of(name, summary_of(name), verb.declare, verb.stops)
