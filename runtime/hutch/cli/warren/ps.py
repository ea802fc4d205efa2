"""``warren ps``."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.output import ago, human_size, show
from hutch.cli.warren.verb import Verb

if TYPE_CHECKING:
    from hutch.engine.containers.records import Record

COLUMNS = [
    ("CONTAINER ID", "ID"),
    ("IMAGE", "Image"),
    ("COMMAND", "Command"),
    ("CREATED", "RunningFor"),
    ("STATUS", "Status"),
    ("PORTS", "Ports"),
    ("NAMES", "Names"),
]
WIDTH = 20  # of a command


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren ps``."""
    parser.add_argument("-a", "--all", action="store_true", help="also those that do not run")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only ids")
    parser.add_argument("-n", "--last", type=int, default=-1, metavar="N", help="the N made last")
    parser.add_argument("-l", "--latest", action="store_true", help="the one made last")
    parser.add_argument("-s", "--size", action="store_true", help="with what they wrote")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten anything")
    parser.add_argument("-p", "--pod", action="store_true", help="with the pod of each")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="id, name, label, status, exited, ancestor, before, since, volume, network, health,"
        " pod",
    )  # fmt: skip
    format_option(parser)


def ps(arguments: Namespace, context: Context) -> int:
    """One line a container, newest first."""
    from hutch.engine.containers.listing import listed

    last = 1 if arguments.latest else arguments.last
    records = listed(context.engine, every=arguments.all or last > 0, filters=arguments.filter)
    if last > 0:
        records = records[:last]
    if arguments.quiet and not arguments.format:
        for record in records:
            print(record.id if arguments.no_trunc else record.id[:12])
        return 0
    sized = arguments.size or ".Size" in arguments.format
    rows = [row(context, record, whole=arguments.no_trunc, sized=sized) for record in records]
    columns = [*COLUMNS, ("SIZE", "Size")] if arguments.size else COLUMNS
    if arguments.pod:
        columns = [*columns, ("POD ID", "Pod"), ("PODNAME", "PodName")]
    show(rows, columns, arguments.format)
    return 0


def row(context: Context, record: "Record", *, whole: bool, sized: bool) -> dict[str, object]:
    """What can be said of a container in a list."""
    from hutch.engine.containers.listing import (
        command_of,
        networks_of,
        ports_of,
        rfc3339,
        sentence,
        status,
    )

    engine = context.engine
    command = command_of(engine, record)
    if not whole and len(command) > WIDTH:
        command = command[: WIDTH - 1] + "…"
    mounts = [mount["source"] or mount["target"] for mount in record.options.mounts]
    found: dict[str, object] = {
        "ID": record.id if whole else record.id[:12],
        "Image": record.options.image,
        "Command": f'"{command}"',
        "CreatedAt": rfc3339(record.created),
        "RunningFor": ago(rfc3339(record.created)),
        "Status": sentence(engine, record),
        "State": status(record),
        "Ports": ports_of(engine, record),
        "Names": record.name,
        "Labels": ",".join(f"{key}={value}" for key, value in record.options.labels.items()),
        "Mounts": ",".join(mounts),
        "Networks": ",".join(networks_of(engine, record)),
        "LocalVolumes": str(sum(m["kind"] == "volume" for m in record.options.mounts)),
        "Size": "",
        "Pod": "",
        "PodName": "",
    }
    if record.options.pod:
        pod = engine.pods.get(record.options.pod)
        found["Pod"] = record.options.pod if whole else record.options.pod[:12]
        found["PodName"] = pod.name if pod is not None else ""
    if sized:
        from hutch.engine.containers.sizes import sizes

        written, total = sizes(engine, record)
        found["Size"] = f"{human_size(written)} (virtual {human_size(total)})"
    return found


VERBS = {"ps": Verb(declare, ps)}
