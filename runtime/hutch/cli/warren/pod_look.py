"""``warren pod``: ls, inspect, logs, stats, top."""

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.each import each
from hutch.cli.warren.output import ago, show, show_objects
from hutch.cli.warren.verb import Verb
from hutch.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from hutch.engine.containers.logs import Line
    from hutch.engine.containers.records import Record
    from hutch.engine.engine import Engine
    from hutch.engine.followers import Follower
    from hutch.engine.pods.records import Pod

COLUMNS = [
    ("POD ID", "ID"), ("NAME", "Name"), ("STATUS", "Status"), ("CREATED", "Created"),
    ("INFRA ID", "InfraID"), ("# OF CONTAINERS", "NumberOfContainers"),
]  # fmt: skip


def declare_ls(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod ls``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print only ids")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten anything")
    parser.add_argument("--ctr-ids", action="store_true", help="with the containers' ids")
    parser.add_argument("--ctr-names", action="store_true", help="with the containers' names")
    parser.add_argument("--ctr-status", action="store_true", help="with the containers' states")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="id, name, label, status, ctr-ids, ctr-names, ctr-number, ctr-status, network",
    )  # fmt: skip
    format_option(parser)


def ls(arguments: Namespace, context: Context) -> int:
    """One line a pod, the one made last first."""
    from hutch.engine.pods.describe import listed_pods

    found = listed_pods(context.engine, arguments.filter)
    if arguments.quiet and not arguments.format:
        for pod, _ in found:
            print(pod.id if arguments.no_trunc else pod.id[:12])
        return 0
    rows = [row(context.engine, pod, own, whole=arguments.no_trunc) for pod, own in found]
    columns = [*COLUMNS]
    columns += [("IDS", "ContainerIds")] if arguments.ctr_ids else []
    columns += [("NAMES", "ContainerNames")] if arguments.ctr_names else []
    columns += [("STATUS", "ContainerStatuses")] if arguments.ctr_status else []
    show(rows, columns, arguments.format)
    return 0


def row(engine: "Engine", pod: "Pod", own: "list[Record]", *, whole: bool) -> dict[str, object]:
    """What can be said of a pod in a list."""
    from hutch.engine.containers.listing import rfc3339, status
    from hutch.engine.pods.describe import infra_in, networks, status_of

    def short(id: str) -> str:
        return id if whole else id[:12]

    infra = infra_in(own)
    return {
        "ID": short(pod.id),
        "Name": pod.name,
        "Status": status_of(own),
        "Created": ago(rfc3339(pod.created)),
        "CreatedAt": rfc3339(pod.created),
        "InfraID": short(infra.id) if infra else "",
        "NumberOfContainers": str(len(own)),
        "ContainerIds": ",".join(short(one.id) for one in own),
        "ContainerNames": ",".join(one.name for one in own),
        "ContainerStatuses": ",".join(status(one) for one in own),
        "Networks": ",".join(networks(engine, own)),
        "Labels": ",".join(f"{key}={value}" for key, value in pod.labels.items()),
    }


def declare_inspect(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod inspect``."""
    parser.add_argument("pods", metavar="POD", nargs="+", help="a pod's name or id")
    format_option(parser, "-f")


def inspect(arguments: Namespace, context: Context) -> int:
    """All that is known of pods, as JSON."""
    from hutch.engine.pods.describe import inspect_pod

    engine, found = context.engine, []

    def act(name: str) -> None:
        found.append(inspect_pod(engine, engine.pods.find(name)))

    status = each(arguments.pods, context, act, told=NotFound)
    show_objects(found, arguments.format)
    return status


def declare_logs(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod logs``."""
    from hutch.cli.warren.containers import log_options

    parser.add_argument("pod", metavar="POD", help="a pod's name or id")
    parser.add_argument(
        "-c", "--container", default="", metavar="CONTAINER", help="only this one of the pod"
    )
    log_options(parser)


def logs(arguments: Namespace, context: Context) -> int:
    """What the containers of a pod have written, each line behind the container's name."""
    from threading import Thread

    from hutch.cli.warren.containers import lines_of_log, moment
    from hutch.engine.containers import logs as log
    from hutch.engine.containers.attach import write_all
    from hutch.engine.followers import Followers

    engine = context.engine
    pod = engine.pods.find(arguments.pod)
    records = [one for one in engine.records.of_pod(pod.id) if not one.options.infra]
    if arguments.container:
        chosen = engine.records.find(arguments.container)
        records = [one for one in records if one.id == chosen.id]
        if not records:
            raise UsageError(f"container {chosen.name} is not one of the pod {pod.name}")
    since, until = moment(arguments.since), moment(arguments.until)
    width = max((len(one.name) for one in records), default=0)

    def tell(name: str, lines: "Iterator[Line]") -> None:
        for line in lines:
            stamp = (log.utc(line.time) + " ").encode() if arguments.timestamps else b""
            front = b"" if arguments.container else f"{name:<{width}} ".encode()
            write_all(2 if line.stream == "stderr" else 1, front + stamp + line.data)

    followers = Followers()

    def join(folders: "Sequence[str]") -> "AbstractContextManager[Follower]":
        return followers.join(engine, -1, folders)

    def read(record: "Record") -> None:
        tell(record.name, lines_of_log(engine, record, arguments, since, until, join))

    if not arguments.follow:
        for record in records:
            read(record)
        return 0
    threads = [Thread(target=read, args=(record,), daemon=True) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def declare_stats(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod stats``."""
    parser.add_argument("pods", metavar="POD", nargs="*", help="a pod's name or id; none for all")
    parser.add_argument("--no-stream", action="store_true", help="show it once and end")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten anything")
    format_option(parser)


def stats(arguments: Namespace, context: Context) -> int:
    """What the containers of pods use, each second anew; on a terminal in place."""
    from hutch.cli.warren.look import STATS, watch
    from hutch.engine.containers.records import RUNNING
    from hutch.engine.pods.life import members, named

    engine = context.engine

    def found() -> "list[tuple[dict[str, object], Record]]":
        return [
            ({"Pod": pod.id if arguments.no_trunc else pod.id[:12]}, one)
            for pod in named(engine, arguments.pods) for one in members(engine, pod)
            if one.phase == RUNNING
        ]  # fmt: skip

    return watch(engine, found, [("POD", "Pod"), *STATS], arguments)


def declare_top(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod top``."""
    parser.add_argument("pod", metavar="POD", help="a pod's name or id; then options of ps")


def top(arguments: Namespace, context: Context) -> int:
    """The processes of a pod's containers, as ps(1) shows them."""
    from hutch.container.cold.tools import process_table
    from hutch.engine.containers.records import RUNNING
    from hutch.engine.errors import Conflict
    from hutch.engine.pods.life import members

    engine = context.engine
    pod = engine.pods.find(arguments.pod)
    running = [one for one in members(engine, pod) if one.phase == RUNNING]
    if not running:
        raise Conflict(f"pod {pod.name} has no container that is running", id=pod.id)
    pids = [pid for one in running for pid in engine.runtime(one).processes()]
    sys.stdout.write(process_table(pids, arguments.command or ["-ef"]))
    return 0


VERBS = {
    "pod ls": Verb(declare_ls, ls),
    "pod inspect": Verb(declare_inspect, inspect),
    "pod logs": Verb(declare_logs, logs),
    "pod stats": Verb(declare_stats, stats),
    "pod top": Verb(declare_top, top, 1),
}
