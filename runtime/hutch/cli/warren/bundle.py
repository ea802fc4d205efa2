"""``warren bundle``: image → OCI bundle."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from hutch.cli.warren.context import Context, access, platform_option, registry_options
from hutch.cli.warren.verb import Verb


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
        help="whether the image is pulled first (missing)",
    )  # fmt: skip
    platform_option(parser)
    registry_options(parser)


def bundle(arguments: Namespace, context: Context) -> int:
    """Unpacks the image's layers to DIR/rootfs and writes DIR/config.json; prints DIR."""
    with context.at_work(quiet=arguments.quiet, access=access(arguments)) as store:
        store.make_bundle(
            arguments.image, arguments.directory, pull=arguments.pull, platform=arguments.platform
        )
    print(arguments.directory)
    return 0


VERBS = {"bundle": Verb(declare, bundle)}
