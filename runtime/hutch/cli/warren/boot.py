"""``warren system boot``, ``install`` and ``uninstall``: containers that run again after a boot."""

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context
from hutch.cli.warren.verb import Verb

if TYPE_CHECKING:
    from hutch.engine.containers.records import Record
    from hutch.errors import HutchError


def declare_nothing(parser: ArgumentParser) -> None:
    """There are no arguments."""


def boot(arguments: Namespace, context: Context) -> int:
    """Starts the containers that are to run after a boot, and prints their names; 1 if any
    failed."""
    from hutch.cli.warren.hints import complain
    from hutch.engine.containers.boot import boot as start_all

    failed = 0

    def report(record: "Record", error: "HutchError | None") -> None:
        nonlocal failed
        if error is None:
            print(record.name)
        else:
            failed = 1
            complain(error, context.named_root)

    start_all(context.engine, report)
    return failed


def declare_install(parser: ArgumentParser) -> None:
    """The arguments of ``warren system install``."""
    parser.add_argument("--print", action="store_true", help="print the unit instead")


def install(arguments: Namespace, context: Context) -> int:
    """Writes the unit, and says where."""
    from hutch.engine.containers.boot import install as write
    from hutch.engine.containers.boot import unit

    if arguments.print:
        sys.stdout.write(unit(context.engine))
    else:
        print(write(context.engine))
    return 0


def uninstall(arguments: Namespace, context: Context) -> int:
    """Removes the unit, if it is installed."""
    from hutch.engine.containers.boot import uninstall as remove

    remove()
    return 0


VERBS = {
    "system boot": Verb(declare_nothing, boot),
    "system install": Verb(declare_install, install),
    "system uninstall": Verb(declare_nothing, uninstall),
}
