"""``warren version``."""

import platform
from argparse import ArgumentParser, Namespace

from hutch import __version__
from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.output import show
from hutch.cli.warren.verb import Verb
from hutch.front import parts, parts_text


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren version``."""
    format_option(parser, "-f")


def version_text() -> str:
    """The output of --version."""
    return f"warren version {__version__}\n{parts_text()}"


def version(arguments: Namespace, context: Context) -> int:
    """The version; with --format in the shape of Docker's, in which client and server are one."""
    if not arguments.format:
        print(version_text(), end="")
        return 0
    one = {
        "Version": __version__,
        "Os": "linux",
        "Arch": platform.machine(),
        "PythonVersion": platform.python_version(),
        "Front": parts()["front"],
    }
    server = {**one, "KernelVersion": platform.release()}
    show([{"Client": one, "Server": server}], [], arguments.format)
    return 0


VERBS = {"version": Verb(declare, version)}
