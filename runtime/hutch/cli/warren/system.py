"""``warren system df``, ``prune``, ``check``, ``apparmor``."""

import re
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.output import age, human_size, pruned, show
from hutch.cli.warren.verb import Verb
from hutch.errors import HutchError, UsageError, shown
from hutch.image.errors import StoreDamaged

if TYPE_CHECKING:
    from hutch.images import Image

COLUMNS = [
    ("TYPE", "Type"),
    ("TOTAL", "TotalCount"),
    ("ACTIVE", "Active"),
    ("SIZE", "Size"),
    ("RECLAIMABLE", "Reclaimable"),
]

SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def declare_df(parser: ArgumentParser) -> None:
    """The arguments of ``warren system df``."""
    format_option(parser)


def df(arguments: Namespace, context: Context) -> int:
    """Prints how many objects of each kind there are, their size, and how much could be freed."""
    rows: list[dict[str, object]] = []
    from hutch.engine.containers.sizes import usage

    for part in [*context.store.usage(), *usage(context.engine)]:
        share = f" ({100 * part.reclaimable // part.size}%)" if part.size else ""
        rows.append(
            {
                "Type": part.kind,
                "TotalCount": part.count,
                "Active": part.active,
                "Size": human_size(part.size),
                "Reclaimable": human_size(part.reclaimable) + share,
            }
        )
    show(rows, COLUMNS, arguments.format)
    return 0


def declare_prune(parser: ArgumentParser) -> None:
    """The arguments of ``warren system prune``."""
    parser.add_argument("-a", "--all", action="store_true", help="named images too")
    parser.add_argument("--volumes", action="store_true", help="anonymous volumes too")
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    parser.add_argument(
        "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="only images: until=TIME (made before: 24h, or a date), label=KEY[=VALUE], label!=...",
    )  # fmt: skip


def prune(arguments: Namespace, context: Context) -> int:
    """Removes images without a name (with --all: without a container), layers, unfinished pulls."""
    filters = [prune_filter(text) for text in arguments.filter]
    what = "all images that no container uses" if arguments.all else "all images without a name"
    if not filters:
        what = "all pods and containers that do not run, all networks without one, " + what
    if arguments.volumes:
        what = "all anonymous volumes that no container uses, " + what
    if not arguments.force and not sure(what + ", and whatever nothing needs"):
        return 0 if sys.stdin.isatty() else 1
    pods = [] if filters else prune_pods(context)
    containers, volumes, freed = prune_engine(
        context, volumes=arguments.volumes, filtered=bool(filters)
    )
    networks: list[str] = []
    if not filters and context.engine.networks.all():
        from hutch.engine.network.manage import prune_networks

        networks = prune_networks(context.engine)
    gone, size = context.store.prune(
        every=arguments.all, meant=lambda image: all(keep(image) for keep in filters)
    )
    images = list(map(str, gone))
    pruned(
        ("Pods", pods), ("Containers", containers), ("Networks", networks), ("Volumes", volumes),
        ("Images", images), freed=freed + size,
    )  # fmt: skip
    return 0


def sure(what: str) -> bool:
    """Asks the user whether to remove ``what``. Without a terminal, prints a hint and returns
    False."""
    print(f"This will remove {what}.", file=sys.stderr)
    if not sys.stdin.isatty():
        print("Use --force to do it without being asked.", file=sys.stderr)
        return False
    return input("Are you sure? [y/N] ").lower() in ("y", "yes")


def prune_pods(context: Context) -> list[str]:
    """Removes the pods that do not run: their ids. Raises the first error, after all others."""
    if not context.engine.pods.all():
        return []
    from hutch.engine.pods.life import prune_pods as remove_pods

    failed: list[HutchError] = []
    gone = remove_pods(context.engine, lambda _, error: failed.append(error))
    if failed:
        raise failed[0]
    return [pod.id for pod in gone]


def prune_engine(
    context: Context, *, volumes: bool, filtered: bool
) -> tuple[list[str], list[str], int]:
    """Removes containers that do not run, unless a filter asks for nothing but images; with
    ``volumes`` the anonymous volumes that nobody uses, too: what was removed, and its bytes."""
    from hutch.engine.containers.remove import prune as remove_containers

    gone, freed = ([], 0) if filtered else remove_containers(context.engine)
    emptied, size = context.engine.volumes.prune() if volumes else ([], 0)
    return gone, emptied, freed + size


def prune_filter(text: str) -> "Callable[[Image], bool]":
    """A condition on an image to remove, in Docker's syntax. Raises UsageError."""
    key, equals, value = text.partition("=")
    if equals and value and key == "until":
        limit = seconds_since(value)
        return lambda image: (own := age(image.created)) is not None and own > limit
    if equals and value and key == "label":
        return lambda image: image.has_label(value)
    if equals and value and key == "label!":
        return lambda image: not image.has_label(value)
    raise UsageError(
        f"invalid filter {shown(text)}", hint="until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]"
    )


def seconds_since(text: str) -> float:
    """The seconds that ``24h``, ``1h30m``, or a date and time lie in the past."""
    parts = re.findall(r"(\d+)([dhms])", text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(int(number) * SECONDS[unit] for number, unit in parts)
    try:
        return time.time() - datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"until={shown(text)[1:-1]} is neither a duration nor a time",
            hint="as in until=24h, until=2026-01-31 or until=2026-01-31T12:00:00",
        ) from None


def declare_check(parser: ArgumentParser) -> None:
    """The arguments of ``warren system check``."""
    parser.add_argument("-r", "--repair", action="store_true", help="repair what can be repaired")
    parser.add_argument("-q", "--quiet", action="store_true", help="only the exit status")


def check(arguments: Namespace, context: Context) -> int:
    """Verifies the store. Returns 1 if a problem was found and not repaired."""
    from hutch.engine.containers.check import check as check_engine
    from hutch.engine.sandbox.leftovers import check as check_sandboxes
    from hutch.engine.sandbox.places import Places, default_state_root

    with context.at_work(quiet=arguments.quiet) as store:
        try:
            checker = store.check(repair=arguments.repair)
        except StoreDamaged:
            if not arguments.repair:
                raise
            store.rebuild()
            checker = store.check(repair=True)
        check_engine(context.engine, checker)
        check_sandboxes(Places(Path(default_state_root())), checker)
    findings = checker.findings
    left = [finding for finding in findings if not finding.mended]
    if not arguments.quiet:
        print(
            f"{checker.images} images, {len(checker.layers)} layers, {len(checker.blobs)} blobs: "
            + (f"{len(findings)} problems, {len(left)} left" if findings else "all is well")
        )
    return 1 if left else 0


def declare_apparmor(parser: ArgumentParser) -> None:
    """The arguments of ``warren system apparmor``."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--print", action="store_true", help="print it instead")
    which.add_argument("--remove", action="store_true", help="remove it from the kernel instead")


def apparmor(arguments: Namespace, context: Context) -> int:
    """Loads the profile, prints it or removes it."""
    from hutch.defaults.apparmor import file, load, unload

    if arguments.print:
        sys.stdout.write(file().read_text())
    elif arguments.remove:
        unload()
    else:
        load()
    return 0


VERBS = {
    "system df": Verb(declare_df, df),
    "system prune": Verb(declare_prune, prune),
    "system check": Verb(declare_check, check),
    "system apparmor": Verb(declare_apparmor, apparmor),
}
