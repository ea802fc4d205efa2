"""Parses the arguments of a verb with argparse, with help texts in the style of Docker."""

from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter, Namespace
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.cli.warren.context import Context

COLUMN = 34  # where an option's help begins
TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Verb(NamedTuple):
    """A function that declares the arguments of a verb, and one that runs it and returns the exit
    status.

    For verbs that take a command line for a container, ``stops`` is the number of arguments in
    front of it, and all later words go to ``command``. None for other verbs.
    """

    declare: Callable[[ArgumentParser], None]
    run: "Callable[[Namespace, Context], int]"
    stops: int | None = None


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
        if prefix == "":  # argparse wants the text in front of a subcommand
            return super().add_usage(usage, actions, groups, prefix)
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
    handler = "error" if stops is None else "resolve"  # -h is --hostname of run
    parser = Parser(f"warren {name}", description=summary + ".", conflict_handler=handler)
    declare(parser)
    if stops is not None:
        own, command = split_command(parser, words, stops)
        arguments = parser.parse_args(own)
        arguments.command = command
        return arguments
    words = with_truth(words)
    return parser.parse_intermixed_args(words) if name != "system" else parser.parse_args(words)


def split_command(
    parser: ArgumentParser, words: list[str], stops: int
) -> tuple[list[str], list[str]]:
    """A verb's own words, and the command line that begins after ``stops`` arguments: nothing of
    it is an option of ours. A switch may have a value (--rm=false)."""
    switches = {
        name: action.nargs == 0 for action in parser._actions for name in action.option_strings
    }
    own: list[str] = []
    rest = list(words)
    while rest and stops:
        word = rest.pop(0)
        if word == "--":
            return [*own, *rest[:stops]], rest[stops:]
        if not word.startswith("-") or word == "-":
            own.append(word)
            stops -= 1
            continue
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            if switches.get(name) and equals and value.lower() in TRUTH:
                if TRUTH[value.lower()]:
                    own.append(name)
                continue
            takes = switches.get(name) is False and not equals
        else:
            takes = _last_takes(switches, word)
        own.append(word)
        if takes and rest:
            value = rest.pop(0)
            # argparse takes a value that begins with "-" for an option, but not so.
            own[-1] = f"{word}={value}" if word.startswith("--") else word + value
    return own, rest


def _last_takes(switches: dict[str, bool], word: str) -> bool:
    """Whether of short options in one word (-itv) the last one wants the next word."""
    for place, letter in enumerate(word[1:], 2):
        if not switches.get("-" + letter, True):
            return place == len(word)
    return False


def with_truth(words: list[str]) -> list[str]:
    """The words, with ``--tls-verify`` and its value joined to one word.

    Without a value the option means true. If the next word is a boolean, it is the option's value
    and not the name of an image.
    """
    given: list[str] = []
    for word in words:
        if given and given[-1] == "--tls-verify":
            given[-1] += "=" + (word if word.lower() in TRUTH else "true")
            if word.lower() in TRUTH:
                continue
        given.append(word)
    return [word + "=true" if word == "--tls-verify" else word for word in given]
