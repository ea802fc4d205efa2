"""Arguments of a verb: argparse, with Docker's manner of speaking."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ...errors import UsageError

if TYPE_CHECKING:
    from .context import Context


class Verb(NamedTuple):
    """How a verb's arguments are declared, and what it does (giving the exit status)."""

    declare: Callable[[ArgumentParser], None]
    run: "Callable[[Namespace, Context], int]"


class Parser(ArgumentParser):
    """argparse, but a wrong command line is an exception."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def parse(
    name: str, summary: str, declare: Callable[[ArgumentParser], None], words: list[str]
) -> Namespace:
    """The arguments of ``warren NAME``. Raises UsageError; --help prints and exits."""
    parser = Parser(prog=f"warren {name}", description=summary + ".", allow_abbrev=False)
    declare(parser)
    # Alone it means true; argparse would take the next word for its value.
    words = ["--tls-verify=true" if word == "--tls-verify" else word for word in words]
    return parser.parse_intermixed_args(words) if name != "system" else parser.parse_args(words)
