"""``warren exec``."""

import os
from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context
from hutch.cli.warren.flags import declare_some
from hutch.cli.warren.parser import Verb
from hutch.errors import HostError, UsageError


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren exec``."""
    parser.add_argument("-d", "--detach", action="store_true", help="do not wait for its end")
    declare_some(parser, ["--env", "--env-file", "--interactive", "--tty", "--user", "--workdir"])
    parser.add_argument("--privileged", action="store_true", help="with all capabilities")
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id; then a command")


def execute(arguments: Namespace, context: Context) -> int:
    """Becomes hutch, which runs the program: its exit status is the program's.

    127 where it was not found, 126 where it may not be executed.
    """
    from hutch.engine.containers import words
    from hutch.engine.containers.exec import command
    from hutch.engine.containers.process import Execution

    if not arguments.command:
        raise UsageError("a command is wanted", hint="warren exec CONTAINER COMMAND [ARGUMENT...]")
    if arguments.tty and arguments.interactive and not arguments.detach and not os.isatty(0):
        raise HostError("the input device is not a TTY")
    own = dict(os.environ)
    lines = [line for path in arguments.env_file for line in words.lines_of(path, "--env-file")]
    execution = Execution(
        arguments.command,
        tty=arguments.tty and not arguments.detach,
        interactive=arguments.interactive,
        detach=arguments.detach,
        privileged=arguments.privileged,
        env=words.variables(lines, own, "--env-file") + words.variables(arguments.env, own, "-e"),
        user=arguments.user,
        workdir=arguments.workdir,
    )
    engine = context.engine
    line, described = command(engine, engine.records.find(arguments.container), execution)
    os.set_inheritable(described, True)
    if arguments.detach:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1):
            os.dup2(null, fd)
    elif not arguments.interactive and not arguments.tty:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execv(line[0], line)  # noqa: S606


VERBS = {"exec": Verb(declare, execute, 1)}
