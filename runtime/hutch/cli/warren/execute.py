"""``warren exec``."""

import os
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context
from hutch.cli.warren.flags import declare_some
from hutch.cli.warren.verb import Verb
from hutch.errors import HostError, UsageError

if TYPE_CHECKING:
    from hutch.engine.containers.places import Places
    from hutch.engine.containers.process import Execution
    from hutch.engine.containers.records import Record
    from hutch.engine.errors import StartFailed


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren exec``."""
    parser.add_argument("-d", "--detach", action="store_true", help="do not wait for its end")
    declare_some(
        parser,
        ["--detach-keys", "--env", "--env-file", "--interactive", "--tty", "--user", "--workdir"],
    )
    parser.add_argument("--privileged", action="store_true", help="with all capabilities")
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id; then a command")


def execute(arguments: Namespace, context: Context) -> int:
    """Executes a program in a running container. The exit status is the program's; 127 where it was
    not found, 126 where it may not be executed.

    conmon supervises one in the background, and one at a terminal, which can be left. For all
    others this process becomes hutch.
    """
    from hutch.engine.containers import words
    from hutch.engine.containers.process import Execution

    if not arguments.command:
        raise UsageError("a command is wanted", hint="warren exec CONTAINER COMMAND [ARGUMENT...]")
    at_terminal = arguments.tty and arguments.interactive and not arguments.detach
    if at_terminal and not os.isatty(0):
        raise HostError("the input device is not a TTY")
    keys = b""
    if at_terminal or arguments.detach_keys is not None:
        from hutch.cli.warren.run import watched

        keys = watched(arguments.detach_keys)
    own = dict(os.environ)
    lines = [line for path in arguments.env_file for line in words.lines_of(path, "--env-file")]
    execution = Execution(
        arguments.command,
        tty=arguments.tty,
        interactive=arguments.interactive and not arguments.detach,
        privileged=arguments.privileged,
        env=words.variables(lines, own, "--env-file") + words.variables(arguments.env, own, "-e"),
        user=arguments.user,
        workdir=arguments.workdir,
    )
    record = context.engine.records.find(arguments.container)
    if arguments.detach:
        return in_background(context, record, execution)
    if at_terminal and keys:
        return attached(context, record, execution, keys)
    return become(context, record, execution)


def become(context: Context, record: "Record", execution: "Execution") -> int:
    """Becomes hutch, which runs the program."""
    from hutch.engine.containers.exec import command

    line, described = command(context.engine, record, execution)
    os.set_inheritable(described, True)
    if not execution.interactive and not execution.tty:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execv(line[0], line)  # noqa: S606


def in_background(context: Context, record: "Record", execution: "Execution") -> int:
    """Begins it."""
    from hutch.engine.containers.executions import begin
    from hutch.engine.errors import StartFailed

    try:
        begin(context.engine, record, execution)
    except StartFailed as error:
        return failed(context, error)
    return 0


def attached(context: Context, record: "Record", execution: "Execution", keys: bytes) -> int:
    """The caller's terminal is the program's until it ends, or the keys are typed: then 1."""
    from hutch.engine.containers.attach import Session
    from hutch.engine.containers.executions import begin, record_end
    from hutch.engine.containers.truth import Death, birth
    from hutch.engine.errors import StartFailed

    engine, id = context.engine, os.urandom(32).hex()
    pids: list[int] = []
    sessions: list[Session] = []

    def forward(number: int) -> None:
        death = Death(pids[0], birth(pids[0]))
        death.signal(number)
        death.close()

    def attach(places: "Places") -> None:
        sessions.append(Session(places, terminal=True, stdin=True, keys=keys, forward=forward))

    with engine.attending(id):
        try:
            begun = begin(engine, record, execution, id=id, attach=attach)
        except StartFailed as error:
            return failed(context, error)
        pids.append(begun.pid)
        with sessions[0] as session:
            if not session.run():
                print("read escape sequence", file=sys.stderr)
                return 1
        code = begun.exit_code()
        record_end(engine, record, id)
    if code is None:
        raise HostError("the supervisor of the program (conmon) was killed; the program may go on")
    return code


def failed(context: Context, error: "StartFailed") -> int:
    """Says why the program was not executed; the exit status that tells it too."""
    from hutch.cli.warren.hints import complain

    complain(error, context.named_root)
    return error.status


def declare_ended(parser: ArgumentParser) -> None:
    """The arguments of ``warren container exec-ended``."""
    parser.add_argument("container", metavar="ID", help="a whole id")
    parser.add_argument("execution", metavar="EXECUTION", help="what has ended")


def ended(arguments: Namespace, context: Context) -> int:
    """What conmon calls when a program that it executed has ended."""
    from hutch.engine.containers.executions import record_end

    record = context.engine.records.get(arguments.container)
    if record is not None:
        record_end(context.engine, record, arguments.execution)
    return 0


VERBS = {
    "exec": Verb(declare, execute, 1),
    "container exec-ended": Verb(declare_ended, ended),
}
