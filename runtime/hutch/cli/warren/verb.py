"""What a verb is, and how its module is found."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hutch.cli.warren.table import module_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hutch.cli.warren.context import Context

TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Verb(NamedTuple):
    """A function that declares the arguments of a verb, and one that runs it and returns the exit
    status.

    For verbs that take a command line for a container, ``stops`` is the number of arguments in
    front of it, and all later words go to ``command``. None for other verbs.
    """

    declare: "Callable[[ArgumentParser], None]"
    run: "Callable[[Namespace, Context], int]"
    stops: int | None = None


def verb_of(name: str) -> Verb:
    """The functions of a verb."""
    found: Verb = __import__("hutch.cli.warren." + module_of(name), fromlist=["VERBS"]).VERBS[name]
    return found
