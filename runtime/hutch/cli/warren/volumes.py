"""``warren volume``: create, ls, rm, inspect, prune."""

import sys
from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.each import each
from hutch.cli.warren.output import pruned, show, show_objects
from hutch.cli.warren.verb import Verb
from hutch.errors import NotFound, UsageError, shown

COLUMNS = [("DRIVER", "Driver"), ("VOLUME NAME", "Name")]


def declare_create(parser: ArgumentParser) -> None:
    """The arguments of ``warren volume create``."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="", help="a random name if it is not given"
    )
    parser.add_argument("-d", "--driver", default="local", metavar="DRIVER", help="local")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="a label")
    parser.add_argument(
        "-o", "--opt", action="append", default=[], metavar="KEY=VALUE",
        help="type=none, o=bind (or bind,ro), device=PATH: a folder of the host",
    )  # fmt: skip


def create(arguments: Namespace, context: Context) -> int:
    """Makes a volume and prints its name."""
    from hutch.engine.containers.words import pairs

    if arguments.driver != "local":
        raise UsageError(f"there is no volume driver {shown(arguments.driver)}", hint="local")
    labels = pairs(arguments.label, "--label")
    options = pairs(arguments.opt, "--opt")
    volume = context.engine.volumes.create(arguments.name, labels=labels, options=options)
    print(volume.name)
    return 0


def declare_ls(parser: ArgumentParser) -> None:
    """The arguments of ``warren volume ls``."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print only names")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="dangling=BOOL, name=PART, label=KEY[=VALUE], driver=local",
    )  # fmt: skip
    format_option(parser)


def ls(arguments: Namespace, context: Context) -> int:
    """One line a volume."""
    from hutch.engine.containers.describe import inspect_volume

    engine = context.engine
    rows: list[dict[str, object]] = []
    for volume in engine.volumes.all():
        used = bool(engine.volumes.users(volume.name))
        if all(matches(text, volume.name, volume.labels, used) for text in arguments.filter):
            rows.append({**inspect_volume(engine, volume)})
    if arguments.quiet:
        for row in rows:
            print(row["Name"])
    else:
        show(rows, COLUMNS, arguments.format)
    return 0


def matches(text: str, name: str, labels: dict[str, str], used: bool) -> bool:
    """Whether a filter lets a volume pass. Raises UsageError."""
    key, given, value = text.partition("=")
    if key == "dangling" and value in ("true", "false", "1", "0"):
        return used != (value in ("true", "1"))
    if key == "name" and given:
        return value in name
    if key == "label" and given:
        label, has_value, wanted = value.partition("=")
        return label in labels and (not has_value or labels[label] == wanted)
    if key == "driver" and given:
        return value == "local"
    raise UsageError(f"invalid filter {shown(text)}")


def declare_rm(parser: ArgumentParser) -> None:
    """The arguments of ``warren volume rm``."""
    parser.add_argument("names", metavar="VOLUME", nargs="+", help="its name")
    parser.add_argument("-f", "--force", action="store_true", help="ignore names that do not exist")


def rm(arguments: Namespace, context: Context) -> int:
    """Removes volumes with all that is in them."""

    def act(name: str) -> None:
        context.engine.volumes.remove(name, force=arguments.force)
        print(name)

    return each(arguments.names, context, act)


def declare_inspect(parser: ArgumentParser) -> None:
    """The arguments of ``warren volume inspect``."""
    parser.add_argument("names", metavar="VOLUME", nargs="+", help="its name")
    format_option(parser, "-f")


def inspect(arguments: Namespace, context: Context) -> int:
    """All that is known of volumes, as JSON."""
    from hutch.engine.containers.describe import inspect_volume

    engine, found = context.engine, []

    def act(name: str) -> None:
        found.append(inspect_volume(engine, engine.volumes.get(name)))

    status = each(arguments.names, context, act, told=NotFound)
    show_objects(found, arguments.format)
    return status


def declare_prune(parser: ArgumentParser) -> None:
    """The arguments of ``warren volume prune``."""
    parser.add_argument("-a", "--all", action="store_true", help="also those with a name")
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")


def prune(arguments: Namespace, context: Context) -> int:
    """Removes volumes that no container uses."""
    from hutch.cli.warren.system import sure

    what = "all volumes" if arguments.all else "all anonymous volumes"
    if not arguments.force and not sure(f"{what} that no container uses"):
        return 0 if sys.stdin.isatty() else 1
    gone, freed = context.engine.volumes.prune(every=arguments.all)
    pruned(("Volumes", gone), freed=freed)
    return 0


VERBS = {
    "volume create": Verb(declare_create, create),
    "volume ls": Verb(declare_ls, ls),
    "volume rm": Verb(declare_rm, rm),
    "volume inspect": Verb(declare_inspect, inspect),
    "volume prune": Verb(declare_prune, prune),
}
