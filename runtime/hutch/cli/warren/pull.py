"""``warren pull``."""

from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context, access, platform_option, registry_options
from hutch.cli.warren.verb import Verb


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren pull``."""
    parser.add_argument(
        "image", metavar="IMAGE", help="NAME[:TAG][@DIGEST], or oci:PATH:NAME and the like"
    )
    parser.add_argument("-a", "--all-tags", action="store_true", help="every tag of the repository")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the image id")
    platform_option(parser)
    registry_options(parser)


def pull(arguments: Namespace, context: Context) -> int:
    """Pulls the image (or all tags of the repository) into the store."""
    with context.at_work(quiet=arguments.quiet, access=access(arguments)) as store:
        if arguments.all_tags:
            done = store.pull_tags(arguments.image, platform=arguments.platform)
        else:
            done = [store.pull(arguments.image, platform=arguments.platform)]
    for pulled in done:
        if not arguments.quiet:
            fresh = "Downloaded newer image for" if pulled.fresh else "Image is up to date for"
            print(f"Digest: {pulled.digest}")
            print(f"Status: {fresh} {pulled.name}")
        else:
            print(pulled.image.id)
    return 0


VERBS = {"pull": Verb(declare, pull)}
