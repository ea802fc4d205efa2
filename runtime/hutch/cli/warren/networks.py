"""``warren network``: create, ls, rm, inspect, connect, disconnect, prune."""

import math
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.each import each
from hutch.cli.warren.output import show, show_objects
from hutch.cli.warren.verb import Verb
from hutch.engine.network.records import FILTERS
from hutch.errors import NotFound, UsageError, shown

if TYPE_CHECKING:
    pass

COLUMNS = [("NETWORK ID", "ID"), ("NAME", "Name"), ("DRIVER", "Driver"), ("SCOPE", "Scope")]


def declare_create(parser: ArgumentParser) -> None:
    """The arguments of ``warren network create``."""
    parser.add_argument("name", metavar="NAME", help="letters, digits, _ . -")
    parser.add_argument("-d", "--driver", default="bridge", metavar="DRIVER", help="bridge")
    for flag, takes, summary in (
        ("--subnet", "SUBNET", "its addresses, as in 10.1.0.0/24; one of IPv4, one of IPv6"),
        ("--gateway", "ADDRESS", "the bridge's address; the first of the subnet"),
        ("--ip-range", "SUBNET", "the part of the subnet that containers get addresses of"),
    ):
        parser.add_argument(flag, action="append", default=[], metavar=takes, help=summary)
    parser.add_argument("--ipv6", action="store_true", help="with IPv6")
    parser.add_argument(
        "--internal", action="store_true", help="without a connection to other networks"
    )
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="a label")
    parser.add_argument(
        "-o", "--opt", action="append", default=[], metavar="KEY=VALUE",
        help="mtu, com.docker.network.driver.mtu, com.docker.network.bridge.name",
    )  # fmt: skip


def create(arguments: Namespace, context: Context) -> int:
    """Makes a network and prints its id."""
    from hutch.engine.containers.words import pairs
    from hutch.engine.network.manage import create_network

    if arguments.driver != "bridge":
        raise UsageError(f"there is no network driver {shown(arguments.driver)}", hint="bridge")

    def listed(words: list[str]) -> list[str]:
        return [part for word in words for part in word.split(",")]

    network = create_network(
        context.engine,
        arguments.name,
        subnets=listed(arguments.subnet),
        gateways=listed(arguments.gateway),
        ranges=listed(arguments.ip_range),
        ipv6=arguments.ipv6,
        internal=arguments.internal,
        labels=pairs(arguments.label, "--label"),
        options=pairs(arguments.opt, "--opt"),
    )
    print(network.id)
    return 0


def declare_ls(parser: ArgumentParser) -> None:
    """The arguments of ``warren network ls``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print only ids")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten anything")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE", help=FILTERS
    )
    format_option(parser)


def ls(arguments: Namespace, context: Context) -> int:
    """One line a network."""
    from hutch.engine.network.describe import listed_networks, matches
    from hutch.engine.network.wire import default_network

    default_network(context.engine)
    rows: list[dict[str, object]] = []
    for one in listed_networks(context.engine):
        used = bool(context.engine.networks.attached(one["Name"]))
        if all(matches(text, one, used) for text in arguments.filter):
            labels = ",".join(f"{key}={value}" for key, value in one["Labels"].items())
            rows.append(
                {
                    **one,
                    "ID": one["Id"] if arguments.no_trunc else one["Id"][:12],
                    "CreatedAt": one["Created"],
                    "IPv6": str(one["EnableIPv6"]).lower(),
                    "Internal": str(one["Internal"]).lower(),
                    "Labels": labels,
                }
            )
    if arguments.quiet:
        for row in rows:
            print(row["ID"])
    else:
        show(rows, COLUMNS, arguments.format)
    return 0


def declare_rm(parser: ArgumentParser) -> None:
    """The arguments of ``warren network rm``."""
    parser.add_argument("names", metavar="NETWORK", nargs="+", help="a name or an id")
    parser.add_argument("-f", "--force", action="store_true", help="ignore names that do not exist")


def rm(arguments: Namespace, context: Context) -> int:
    """Removes networks that no running container is in."""
    from hutch.engine.containers.finish import refresh_all
    from hutch.engine.network.manage import remove_network

    def act(name: str) -> None:
        try:
            refresh_all(context.engine)
            remove_network(context.engine, name)
        except NotFound:
            if not arguments.force:
                raise
        else:
            print(name)

    return each(arguments.names, context, act)


def declare_inspect(parser: ArgumentParser) -> None:
    """The arguments of ``warren network inspect``."""
    parser.add_argument("names", metavar="NETWORK", nargs="+", help="a name or an id")
    format_option(parser, "-f")


def inspect(arguments: Namespace, context: Context) -> int:
    """All that is known of networks, as JSON."""
    from hutch.engine.containers.finish import refresh_all
    from hutch.engine.network.describe import inspect_built_in, inspect_network
    from hutch.engine.network.wire import default_network

    engine, found = context.engine, []
    refresh_all(engine)

    def act(name: str) -> None:
        if name in ("host", "none"):
            found.append(inspect_built_in(name))
            return
        network = default_network(engine) if name == "bridge" else engine.networks.find(name)
        found.append(inspect_network(engine, network))

    status = each(arguments.names, context, act, told=NotFound)
    show_objects(found, arguments.format)
    return status


def declare_connect(parser: ArgumentParser) -> None:
    """The arguments of ``warren network connect``."""
    parser.add_argument("network", metavar="NETWORK", help="a name or an id")
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")
    parser.add_argument("--alias", action="append", default=[], metavar="NAME", help="another name")
    parser.add_argument(
        "--ip", default="", metavar="ADDRESS", help="its IPv4 address in its network"
    )
    parser.add_argument(
        "--ip6", default="", metavar="ADDRESS", help="its IPv6 address in its network"
    )


def connect(arguments: Namespace, context: Context) -> int:
    """Puts a container into a network."""
    from hutch.engine.containers.finish import refresh
    from hutch.engine.network.manage import connect as join
    from hutch.engine.network.records import Wishes

    engine = context.engine
    wishes = Wishes(name=arguments.network)
    if arguments.alias:
        wishes["aliases"] = arguments.alias
    if arguments.ip:
        wishes["address4"] = arguments.ip
    if arguments.ip6:
        wishes["address6"] = arguments.ip6
    join(engine, refresh(engine, engine.records.find(arguments.container)), wishes)
    return 0


def declare_disconnect(parser: ArgumentParser) -> None:
    """The arguments of ``warren network disconnect``."""
    parser.add_argument("network", metavar="NETWORK", help="a name or an id")
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")
    parser.add_argument("-f", "--force", action="store_true", help="ignore names that do not exist")


def disconnect(arguments: Namespace, context: Context) -> int:
    """Takes a container out of a network."""
    from hutch.engine.containers.finish import refresh
    from hutch.engine.network.manage import disconnect as leave

    engine = context.engine
    try:
        record = refresh(engine, engine.records.find(arguments.container))
    except NotFound:
        if arguments.force:
            return 0
        raise
    leave(engine, record, arguments.network)
    return 0


def declare_prune(parser: ArgumentParser) -> None:
    """The arguments of ``warren network prune``."""
    parser.add_argument(
        "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="until=TIME (made before: 24h, or a date), label=KEY[=VALUE], label!=KEY[=VALUE]",
    )  # fmt: skip
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")


def prune(arguments: Namespace, context: Context) -> int:
    """Removes networks that no container is in."""
    from hutch.cli.warren.system import seconds_since, sure
    from hutch.engine.filters import PRUNE, parse, to_go
    from hutch.engine.network.manage import prune_networks

    wanted = parse(arguments.filter, PRUNE)
    times = [time.time() - seconds_since(text) for text in wanted.get("until", [])]
    until = min(times, default=math.inf)
    if not arguments.force and not sure("all networks that no container is in"):
        return 0 if sys.stdin.isatty() else 1
    gone = prune_networks(
        context.engine, lambda network: to_go(wanted, until, network.created, network.labels)
    )
    if gone:
        print("Deleted Networks:")
    for name in gone:
        print(name)
    return 0


VERBS = {
    "network create": Verb(declare_create, create),
    "network ls": Verb(declare_ls, ls),
    "network rm": Verb(declare_rm, rm),
    "network inspect": Verb(declare_inspect, inspect),
    "network connect": Verb(declare_connect, connect),
    "network disconnect": Verb(declare_disconnect, disconnect),
    "network prune": Verb(declare_prune, prune),
}
