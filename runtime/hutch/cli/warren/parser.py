"""Arguments of a verb: argparse, with Docker's manner of speaking."""

from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter, Namespace
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.cli.warren.context import Context

COLUMN = 34  # where an option's help begins
TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Verb(NamedTuple):
    """How a verb's arguments are declared, and what it does (giving the exit status)."""

    declare: Callable[[ArgumentParser], None]
    run: "Callable[[Namespace, Context], int]"


class Formatter(HelpFormatter):
    """Options as ``-f, --filter KEY=VALUE``, and what they take named once."""

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
        """One short line; every option is listed below it."""
        if prefix == "":  # argparse asks for what stands before a subcommand
            return super().add_usage(usage, actions, groups, prefix)
        if usage is None:
            places = [a for a in actions if not a.option_strings]
            words = [self._format_args(a, self._metavar(a)) for a in places]
            usage = " ".join([self._prog, "[OPTIONS]", *words])
        return super().add_usage(usage, [], groups, "Usage: ")

    def _metavar(self, action: Action) -> str:
        return self._get_default_metavar_for_positional(action)


class Parser(ArgumentParser):
    """argparse, but a wrong command line is an exception."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog=prog, allow_abbrev=False, add_help=False, formatter_class=Formatter,
                         **more)  # fmt: skip
        self._positionals.title = "Arguments"
        self._optionals.title = "Options"
        self.add_argument("-h", "--help", action="help", default=SUPPRESS, help="print this")

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def parse(
    name: str, summary: str, declare: Callable[[ArgumentParser], None], words: list[str]
) -> Namespace:
    """The arguments of ``warren NAME``. Raises UsageError; --help prints and exits."""
    parser = Parser(f"warren {name}", description=summary + ".")
    declare(parser)
    words = with_truth(words)
    return parser.parse_intermixed_args(words) if name != "system" else parser.parse_args(words)


def with_truth(words: list[str]) -> list[str]:
    """The words with ``--tls-verify`` and its value as one.

    Alone it means true; where the next word is a truth value it is this option's, not an image's.
    """
    given: list[str] = []
    for word in words:
        if given and given[-1] == "--tls-verify":
            given[-1] += "=" + (word if word.lower() in TRUTH else "true")
            if word.lower() in TRUTH:
                continue
        given.append(word)
    return [word + "=true" if word == "--tls-verify" else word for word in given]
