"""``warren completion``, and ``warren __complete``, which the scripts ask at each tab."""

import sys
from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context
from hutch.cli.warren.verb import Verb

SHELLS = ("bash", "zsh", "fish")


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren completion``."""
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help="bash, zsh or fish")


def completion(arguments: Namespace, context: Context) -> int:
    """Prints the script."""
    from hutch.cli.warren.complete.scripts import SCRIPTS

    sys.stdout.write(SCRIPTS[arguments.shell])
    return 0


def declare_nothing(parser: ArgumentParser) -> None:
    """``warren __complete`` has no flags: its words are those of the line."""


def complete(arguments: Namespace, context: Context) -> int:
    """Prints what the last word can be: a line each, a tab and what it means behind it. The first
    line says who completes: "words", or the shell by "files" or "folders", too."""
    from hutch.cli.warren.complete.line import completed

    answer = completed(arguments.command)
    print(answer.kind)
    for word, meaning in answer.words.items():
        print(f"{word}\t{meaning}" if meaning else word)
    return 0


VERBS = {
    "completion": Verb(declare, completion),
    "__complete": Verb(declare_nothing, complete, 0),
}
