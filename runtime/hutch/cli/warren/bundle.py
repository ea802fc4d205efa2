"""``warren bundle``: image → OCI bundle."""

from argparse import ArgumentParser, Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, mendable, platform_option, registry_options
from hutch.cli.warren.parser import Verb
from hutch.image.errors import ImageNotFound, explaining_full_disk

if TYPE_CHECKING:
    from hutch.image.progress import Reporter
    from hutch.image.source import Source


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren bundle``."""
    parser.add_argument(
        "image", metavar="IMAGE", help="NAME[:TAG][@DIGEST], or oci:PATH:NAME and the like"
    )
    parser.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help="the bundle to make; it must not exist, or be empty and yours: it becomes 0700",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--pull", default="missing", choices=["always", "missing", "never"],
        help="whether an image of a registry is pulled first",
    )  # fmt: skip
    platform_option(parser)
    registry_options(parser)


def bundle(arguments: Namespace, context: Context) -> int:
    """Unpacks the image's layers to DIR/rootfs and writes DIR/config.json; prints DIR."""
    from hutch.image.bundle import make_bundle
    from hutch.image.limits import Budget
    from hutch.image.source import resolve
    from hutch.image.transports import is_local

    platform, explicit = context.platform(arguments.platform)
    with context.reporter(quiet=arguments.quiet) as reporter:
        source = find_source(arguments, context, reporter)
        try:
            manifest, config, _ = resolve(source, platform, explicit=explicit)
            place = f"the bundle {arguments.directory}"
            with (
                explaining_full_disk(place, elsewhere="DIR"),
                nullcontext() if is_local(arguments.image) else mendable(),
            ):
                losses = make_bundle(
                    source, manifest, config, arguments.directory,
                    reporter=reporter, budget=Budget(context.settings.limits),
                )  # fmt: skip
        finally:
            source.close()
        if sentence := losses.sentence():
            reporter.warn(sentence)
    print(arguments.directory)
    return 0


def find_source(arguments: Namespace, context: Context, reporter: "Reporter") -> "Source":
    """The image where it is: a local place, the store, or the store after a pull."""
    from hutch.cli.warren.pull import pull_remote
    from hutch.image.catalog import find
    from hutch.image.stored_image import StoredSource
    from hutch.image.transports import is_local, open_local

    if is_local(arguments.image):
        return open_local(arguments.image)
    if arguments.pull != "always":
        try:
            named = find(context.store, context.settings, arguments.image)
            return StoredSource(context.store, named.record)
        except ImageNotFound:
            if arguments.pull == "never":
                raise
    arguments.all_tags = False
    (_, pulled), *_ = pull_remote(context, arguments, reporter)
    return StoredSource(context.store, pulled.record)


VERBS = {"bundle": Verb(declare, bundle)}
