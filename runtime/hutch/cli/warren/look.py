"""``warren stats``, ``port``, ``diff``, ``events``, ``update`` and ``info``."""

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.containers import each_container, moment
from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.output import human_size, show
from hutch.cli.warren.verb import Verb
from hutch.errors import HutchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hutch.engine.containers.events import Event
    from hutch.engine.containers.records import Record
    from hutch.engine.containers.stats import Sample
    from hutch.engine.engine import Engine

STATS = [
    ("CONTAINER ID", "ID"), ("NAME", "Name"), ("CPU %", "CPUPerc"),
    ("MEM USAGE / LIMIT", "MemUsage"), ("MEM %", "MemPerc"), ("NET I/O", "NetIO"),
    ("BLOCK I/O", "BlockIO"), ("PIDS", "PIDs"),
]  # fmt: skip
BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def declare_stats(parser: ArgumentParser) -> None:
    """The arguments of ``warren stats``."""
    parser.add_argument("containers", metavar="CONTAINER", nargs="*", help="those that run")
    parser.add_argument("-a", "--all", action="store_true", help="also those that do not run")
    parser.add_argument("--no-stream", action="store_true", help="show it once and end")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten anything")
    format_option(parser)


def stats(arguments: Namespace, context: Context) -> int:
    """What containers use, each second anew; on a terminal in place."""
    from hutch.engine.containers.finish import refresh
    from hutch.engine.containers.listing import listed

    engine = context.engine

    def found() -> "list[tuple[dict[str, object], Record]]":
        if arguments.containers:
            records = [refresh(engine, engine.records.find(n)) for n in arguments.containers]
        else:
            records = listed(engine, every=arguments.all)
        return [({}, record) for record in records]

    return watch(engine, found, STATS, arguments)


def watch(
    engine: "Engine",
    found: "Callable[[], list[tuple[dict[str, object], Record]]]",
    columns: "Sequence[tuple[str, str]]",
    arguments: Namespace,
) -> int:
    """Shows what the containers use that ``found`` gives, each second anew; on a terminal in place.
    Beside each container are the first cells of its row."""
    from hutch.engine.containers.stats import sample

    before: dict[str, Sample | None] = {}
    while True:
        wanted = found()
        if not before:
            before = {record.id: sample(engine, record) for _, record in wanted}
            time.sleep(0.25 if arguments.no_stream else 1)
        now = {record.id: sample(engine, record) for _, record in wanted}
        rows = [
            {**front, **usage_row(one, before.get(one.id), now[one.id], whole=arguments.no_trunc)}
            for front, one in wanted
        ]
        if not arguments.no_stream and sys.stdout.isatty():
            sys.stdout.write("\x1b[H\x1b[J")
        show(rows, columns, arguments.format)
        sys.stdout.flush()
        if arguments.no_stream:
            return 0
        before = now
        time.sleep(1)


def binary(size: int) -> str:
    """Bytes in binary units, as stats shows memory."""
    value = float(size)
    for unit in BINARY[:-1]:
        if value < 1024:
            return f"{value:.4g}{unit}"
        value /= 1024
    return f"{value:.4g}{BINARY[-1]}"


def usage_row(
    record: "Record", before: "Sample | None", now: "Sample | None", *, whole: bool
) -> dict[str, object]:
    """One line of stats; dashes for what does not run."""
    from hutch.engine.containers.stats import cpu_percent

    found: dict[str, object] = {
        "ID": record.id if whole else record.id[:12], "Container": record.id[:12],
        "Name": record.name,
    }  # fmt: skip
    if now is None:
        return {**found, "CPUPerc": "--", "MemUsage": "-- / --", "MemPerc": "--", "NetIO": "--",
                "BlockIO": "--", "PIDs": "--"}  # fmt: skip
    percent = cpu_percent(before, now) if before is not None else 0.0
    return {
        **found,
        "CPUPerc": f"{percent:.2f}%",
        "MemUsage": f"{binary(now.memory)} / {binary(now.limit)}",
        "MemPerc": f"{100 * now.memory / now.limit:.2f}%",
        "NetIO": f"{human_size(now.received)} / {human_size(now.sent)}",
        "BlockIO": f"{human_size(now.read)} / {human_size(now.written)}",
        "PIDs": str(now.pids),
    }


def declare_port(parser: ArgumentParser) -> None:
    """The arguments of ``warren port``."""
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")
    parser.add_argument("port", metavar="PORT[/PROTOCOL]", nargs="?", default="", help="only this")


def port(arguments: Namespace, context: Context) -> int:
    """The published ports, or the places of the host that lead to one."""
    from hutch.engine.containers.finish import refresh
    from hutch.engine.network.port_words import place, whole

    engine = context.engine
    record = refresh(engine, engine.records.find(arguments.container))
    published = engine.networks.published(record.id)
    if arguments.port:
        found = [p for p in published if f"{p.port}/{p.protocol}" == whole(arguments.port)]
        if not found:
            raise HutchError(f"no public port {whole(arguments.port)} published for {record.name}")
        for one in found:
            print(place(one))
        return 0
    for one in published:
        print(f"{one.port}/{one.protocol} -> {place(one)}")
    return 0


def declare_diff(parser: ArgumentParser) -> None:
    """The arguments of ``warren diff``."""
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")


def diff(arguments: Namespace, context: Context) -> int:
    """What the container has changed: Added, Changed, Deleted."""
    from hutch.cli.warren.output import clean
    from hutch.engine.containers.copy import changes

    engine = context.engine
    for change in changes(engine, engine.records.find(arguments.container)):
        print(clean(f"{change.kind} {change.path}"))
    return 0


def declare_events(parser: ArgumentParser) -> None:
    """The arguments of ``warren events``."""
    parser.add_argument(
        "--since", default="", metavar="TIME", help="from this time on (10m, a date)"
    )
    parser.add_argument("--until", default="", metavar="TIME", help="up to this time")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="container, event, image, label, network, pod, type, volume",
    )  # fmt: skip
    format_option(parser)


def events(arguments: Namespace, context: Context) -> int:
    """What happens to containers, as it does."""
    from hutch.engine.containers.events import FILTERS
    from hutch.engine.filters import parse

    log = context.engine.events
    since = moment(arguments.since)
    until = moment(arguments.until) if arguments.until else None
    number = 0 if since else log.last()
    wanted = parse(arguments.filter, FILTERS)
    for event in log.follow(number, until):
        if event.time < since or not event.passes(wanted):
            continue
        if arguments.format:
            show([event.document()], [], arguments.format)
        else:
            print(event_line(event))
        sys.stdout.flush()
    return 0


def event_line(event: "Event") -> str:
    """As Docker prints it."""
    from hutch.engine.containers.listing import rfc3339

    more = ", ".join(f"{key}={value}" for key, value in sorted(event.attributes.items()))
    return f"{rfc3339(event.time)} {event.kind} {event.action} {event.actor} ({more})"


def declare_update(parser: ArgumentParser) -> None:
    """The arguments of ``warren update``."""
    from hutch.cli.warren.flags import declare_some

    declare_some(parser, UPDATES)
    parser.add_argument("containers", metavar="CONTAINER", nargs="+", help="a name or an id")


UPDATES = [
    "--blkio-weight", "--cpu-period", "--cpu-quota", "--cpu-shares", "--cpus", "--cpuset-cpus",
    "--cpuset-mems", "--memory", "--memory-reservation", "--memory-swap", "--pids-limit",
    "--restart",
]  # fmt: skip


def update(arguments: Namespace, context: Context) -> int:
    """Changes limits and the restart policy of containers."""
    from hutch.cli.warren.flags import resources
    from hutch.engine.containers import words
    from hutch.engine.containers.options import Options
    from hutch.engine.containers.update import update as change

    wanted = Options()
    resources(arguments, wanted)
    policy = words.restart(arguments.restart) if arguments.restart is not None else None
    return each_container(
        arguments, context, lambda record: change(context.engine, record, wanted, policy)
    )


def declare_info(parser: ArgumentParser) -> None:
    """The arguments of ``warren info``."""
    format_option(parser, "-f")


def info(arguments: Namespace, context: Context) -> int:
    """The store, its containers and this host."""
    from hutch.engine.containers.about import about

    document = about(context.engine)
    if arguments.format:
        show([document], [], arguments.format)
        return 0
    for key, value in document.items():
        print(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
    return 0


VERBS = {
    "stats": Verb(declare_stats, stats),
    "port": Verb(declare_port, port),
    "diff": Verb(declare_diff, diff),
    "events": Verb(declare_events, events),
    "update": Verb(declare_update, update),
    "info": Verb(declare_info, info),
}
