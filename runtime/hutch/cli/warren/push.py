"""``warren push``."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, access, registry_options
from hutch.cli.warren.verb import Verb
from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.images import Pushed


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren push``."""
    parser.add_argument("image", metavar="IMAGE", help="an image of the store")
    parser.add_argument(
        "target", metavar="NAME[:TAG]", nargs="?", default="",
        help="to push it under another name, or to a place or engine: oci:FOLDER[:NAME], "
        "oci-archive:FILE[:NAME], docker-archive:FILE[:NAME], docker-daemon:[NAME], "
        "containers-storage:[NAME], containerd:[NAME]",
    )  # fmt: skip
    parser.add_argument("-a", "--all-tags", action="store_true", help="every tag of the repository")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the name")
    registry_options(parser)


def push(arguments: Namespace, context: Context) -> int:
    """Uploads the image under its name, or under another, or copies it."""
    if arguments.all_tags and arguments.target:
        raise UsageError("--all-tags takes the name of a repository, and nothing else")
    from hutch.image.destinations import is_destination

    if is_destination(arguments.target):
        print(context.store.copy_to(arguments.image, arguments.target))
        return 0
    done: list[Pushed] = []
    try:
        with context.at_work(quiet=arguments.quiet, access=access(arguments)) as store:
            if arguments.all_tags:
                done.extend(store.push_tags(arguments.image))
            else:
                done.append(store.push(arguments.image, arguments.target))
    finally:
        for pushed in done:
            if arguments.quiet:
                print(pushed.name)
            else:
                print(f"{pushed.name.selector}: digest: {pushed.digest} size: {pushed.size}")
    return 0


VERBS = {"push": Verb(declare, push)}
