"""What is done to containers that are there: stop, kill, rm, pause, rename, wait and the like."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context
from hutch.cli.warren.each import each
from hutch.cli.warren.output import pruned
from hutch.cli.warren.verb import Verb
from hutch.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hutch.engine.containers.log_lines import Join
    from hutch.engine.containers.logs import Line
    from hutch.engine.containers.records import Record
    from hutch.engine.engine import Engine

Act = Callable[["Record"], object]


def each_container(
    arguments: Namespace, context: Context, act: Act, *, missing: bool = False
) -> int:
    """Does ``act`` to each container that is named, and prints what it returns, else the name; 1 if
    any failed. ``missing``: one that is not there is no failure."""

    def found(name: str) -> None:
        said = act(context.engine.records.find(name))
        print(name if said is None else said)

    return each(arguments.containers, context, found, passed_over=NotFound if missing else None)


def names(parser: ArgumentParser) -> None:
    """CONTAINER..."""
    parser.add_argument("containers", metavar="CONTAINER", nargs="+", help="a name or an id")


def declare_stop(parser: ArgumentParser) -> None:
    """The arguments of ``warren stop`` and ``restart``."""
    names(parser)
    parser.add_argument(
        "-t", "--time", "--timeout", type=float, default=None, metavar="SECONDS",
        help="how long to wait before SIGKILL, instead of the container's own; -1 for ever",
    )  # fmt: skip
    parser.add_argument("-s", "--signal", default="", metavar="SIGNAL", help="what to send first")


def stop(arguments: Namespace, context: Context) -> int:
    """Ends containers: by their stop signal, then by SIGKILL."""
    from hutch.engine.containers.stop import stop as end

    def act(record: "Record") -> None:
        end(context.engine, record, arguments.time, arguments.signal)

    return each_container(arguments, context, act)


def restart(arguments: Namespace, context: Context) -> int:
    """Ends them, and starts them again."""
    from hutch.engine.containers.start import start
    from hutch.engine.containers.stop import stop as end

    def act(record: "Record") -> None:
        engine = context.engine
        keep = record.options.auto_remove
        if keep:
            raise UsageError(f"container {record.name} goes when it ends (--rm)")
        end(engine, record, arguments.time, arguments.signal)
        start(engine, record.id)
        engine.events.of(record, "restart")

    return each_container(arguments, context, act)


def declare_kill(parser: ArgumentParser) -> None:
    """The arguments of ``warren kill``."""
    names(parser)
    parser.add_argument(
        "-s", "--signal", default="KILL", metavar="SIGNAL", help="KILL if not given"
    )


def kill(arguments: Namespace, context: Context) -> int:
    """Sends a signal to the first process."""
    from hutch.engine.containers.stop import kill as send

    return each_container(arguments, context, lambda r: send(context.engine, r, arguments.signal))


def declare_rm(parser: ArgumentParser) -> None:
    """The arguments of ``warren rm``."""
    parser.add_argument("containers", metavar="CONTAINER", nargs="*", help="a name or an id")
    parser.add_argument("-f", "--force", action="store_true", help="also remove one that runs")
    parser.add_argument("-v", "--volumes", action="store_true", help="also its anonymous volumes")


def rm(arguments: Namespace, context: Context) -> int:
    """Removes containers."""
    from hutch.engine.containers.remove import remove

    if not arguments.containers:
        raise UsageError("at least one container is wanted", hint="warren rm --help")

    def act(record: "Record") -> None:
        remove(context.engine, record, force=arguments.force, volumes=arguments.volumes)

    return each_container(arguments, context, act, missing=arguments.force)


def pause(arguments: Namespace, context: Context) -> int:
    """Freezes all processes of containers."""
    from hutch.engine.containers.stop import pause as freeze

    return each_container(arguments, context, lambda record: freeze(context.engine, record))


def unpause(arguments: Namespace, context: Context) -> int:
    """Thaws them."""
    from hutch.engine.containers.stop import unpause as thaw

    return each_container(arguments, context, lambda record: thaw(context.engine, record))


def wait(arguments: Namespace, context: Context) -> int:
    """Waits until containers have ended; prints their exit codes."""
    from hutch.engine.containers.stop import wait as until

    return each_container(arguments, context, lambda record: until(context.engine, record))


def declare_rename(parser: ArgumentParser) -> None:
    """The arguments of ``warren rename``."""
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")
    parser.add_argument("name", metavar="NAME", help="the new name")


def rename(arguments: Namespace, context: Context) -> int:
    """Gives a container another name."""
    from hutch.engine.containers.names import check_name

    engine = context.engine
    record = engine.records.find(arguments.container)
    old = record.name
    engine.records.rename(record, check_name(arguments.name))
    engine.events.of(record, "rename", oldName=old)
    return 0


def declare_top(parser: ArgumentParser) -> None:
    """The arguments of ``warren top``."""
    parser.add_argument(
        "container", metavar="CONTAINER", help="a name or an id; then options of ps"
    )


def top(arguments: Namespace, context: Context) -> int:
    """The processes of a container, as ps(1) shows them."""
    from hutch.engine.containers.stop import top as table

    engine = context.engine
    sys.stdout.write(table(engine, engine.records.find(arguments.container), arguments.command))
    return 0


def declare_logs(parser: ArgumentParser) -> None:
    """The arguments of ``warren logs``."""
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")
    log_options(parser)


def log_options(parser: ArgumentParser) -> None:
    """Which lines of a log are shown, and how."""
    parser.add_argument("-f", "--follow", action="store_true", help="go on while it runs")
    parser.add_argument(
        "-n", "--tail", default="all", metavar="N", help="show only the last N lines"
    )
    parser.add_argument(
        "--since", default="", metavar="TIME", help="from this time on (10m, a date)"
    )
    parser.add_argument("--until", default="", metavar="TIME", help="up to this time")
    parser.add_argument("-t", "--timestamps", action="store_true", help="each line with its time")


def logs(arguments: Namespace, context: Context) -> int:
    """What a container has written, on the streams on which it did."""
    import os
    import select
    import signal

    from hutch.engine.containers import logs as log
    from hutch.engine.containers.attach import write_all
    from hutch.engine.containers.finish import refresh
    from hutch.engine.followers import Followers

    engine = context.engine
    record = refresh(engine, engine.records.find(arguments.container))
    since, until = moment(arguments.since), moment(arguments.until)
    # Ctrl-C wakes the follower, also if it comes just before it waits.
    heard, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    followers = Followers()
    lines = lines_of_log(
        engine, record, arguments, since, until,
        lambda folders: followers.join(engine, heard, folders, select.EPOLLIN),
    )  # fmt: skip
    for line in lines:
        stamp = (log.utc(line.time) + " ").encode() if arguments.timestamps else b""
        write_all(2 if line.stream == "stderr" else 1, stamp + line.data)
    return 0


def lines_of_log(
    engine: "Engine",
    record: "Record",
    arguments: Namespace,
    since: float,
    until: float,
    join: "Join",
) -> "Iterator[Line]":
    """The lines of a container's log that ``log_options`` ask for; ``join`` makes who follows it.
    Raises UsageError if it keeps none."""
    from hutch.engine.containers.log_lines import lines

    if record.options.log_driver == "none":
        raise UsageError(f"container {record.name} keeps no log (--log-driver none)")
    return lines(
        engine, record, tail=int(arguments.tail) if arguments.tail.isdecimal() else -1,
        since=since, until=until, join=join if arguments.follow else None,
    )  # fmt: skip


def moment(text: str) -> float:
    """A time that a person gives: a duration back from now, seconds since 1970, or a date.

    0 for none. Raises UsageError.
    """
    import re
    import time

    from hutch.cli.warren.system import seconds_since

    if not text:
        return 0.0
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    return time.time() - seconds_since(text)


def declare_cleanup(parser: ArgumentParser) -> None:
    """The arguments of ``warren container cleanup`` and ``restart-later``."""
    parser.add_argument("container", metavar="ID", help="a whole id")
    parser.add_argument("run", metavar="RUN", type=int, help="number of the run that has ended")


def cleanup(arguments: Namespace, context: Context) -> int:
    """What conmon calls when a container has ended."""
    from hutch.engine.containers.finish import finish

    engine = context.engine
    with engine.locked(arguments.container):
        record = engine.records.get(arguments.container)
        if record is not None and record.runs == arguments.run:
            finish(engine, arguments.container)
    return 0


def declare_health_changed(parser: ArgumentParser) -> None:
    """The arguments of ``warren container health-changed``."""
    declare_cleanup(parser)
    parser.add_argument("--probe", default="liveness", metavar="KIND", help="which of its checks")
    parser.add_argument("status", metavar="STATUS", help="its health")


def health_changed(arguments: Namespace, context: Context) -> int:
    """What a container's health monitor calls when the status has changed."""
    from hutch.engine.containers.health_changed import changed

    engine = context.engine
    record = engine.records.get(arguments.container)
    if record is not None and record.runs == arguments.run:
        changed(engine, record, arguments.probe, arguments.status)
    return 0


def restart_later(arguments: Namespace, context: Context) -> int:
    """What a restart policy leaves behind."""
    from hutch.engine.containers.restarts import restart_later as again

    again(context.engine, arguments.container, arguments.run)
    return 0


def declare_prune(parser: ArgumentParser) -> None:
    """The arguments of ``warren container prune``."""
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")


def prune(arguments: Namespace, context: Context) -> int:
    """Removes containers that do not run."""
    from hutch.cli.warren.system import sure
    from hutch.engine.containers.remove import prune as remove_all

    if not arguments.force and not sure("all containers that do not run"):
        return 0 if sys.stdin.isatty() else 1
    gone, freed = remove_all(context.engine)
    pruned(("Containers", gone), freed=freed)
    return 0


VERBS = {
    "container prune": Verb(declare_prune, prune),
    "stop": Verb(declare_stop, stop),
    "restart": Verb(declare_stop, restart),
    "kill": Verb(declare_kill, kill),
    "rm": Verb(declare_rm, rm),
    "pause": Verb(names, pause),
    "unpause": Verb(names, unpause),
    "wait": Verb(names, wait),
    "rename": Verb(declare_rename, rename),
    "top": Verb(declare_top, top, 1),
    "logs": Verb(declare_logs, logs),
    "container cleanup": Verb(declare_cleanup, cleanup),
    "container restart-later": Verb(declare_cleanup, restart_later),
    "container health-changed": Verb(declare_health_changed, health_changed),
}
