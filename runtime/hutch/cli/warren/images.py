"""``warren images``, ``rmi``, ``tag``."""

import fnmatch
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.each import each
from hutch.cli.warren.output import ago, human_size, pruned, show
from hutch.cli.warren.verb import Verb
from hutch.errors import UsageError, shown

if TYPE_CHECKING:
    from hutch.images import Image

LOCAL = "localhost/"  # a name of this machine need not have it

COLUMNS = [
    ("REPOSITORY", "Repository"),
    ("TAG", "Tag"),
    ("IMAGE ID", "ID"),
    ("CREATED", "CreatedSince"),
    ("SIZE", "Size"),
]


def declare_images(parser: ArgumentParser) -> None:
    """The arguments of ``warren images``."""
    parser.add_argument("name", metavar="NAME[:TAG]", nargs="?", default="", help="only these")
    parser.add_argument("-a", "--all", action="store_true", help="no effect: all are shown")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only ids")
    parser.add_argument("--digests", action="store_true", help="show digests")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten anything")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="dangling=BOOL, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE",
    )  # fmt: skip
    format_option(parser)


def images(arguments: Namespace, context: Context) -> int:
    """Prints one line for each name, and for each image without a name."""
    filters = [parse_filter(context, text) for text in arguments.filter]
    rows = []
    for image in context.store.images():
        if arguments.name and not image.is_named(arguments.name):
            continue
        if all(keep(image) for keep in filters):
            rows.append(row(image, whole=arguments.no_trunc))
    if arguments.quiet:
        for identifier in dict.fromkeys(line["ID"] for line in rows):
            print(identifier)
        return 0
    columns = list(COLUMNS)
    if arguments.digests:
        columns.insert(2, ("DIGEST", "Digest"))
    show(rows, columns, arguments.format)
    return 0


def row(image: "Image", *, whole: bool) -> dict[str, object]:
    """The fields of an image in the list."""
    from hutch.image.reference import Reference

    reference = Reference.parse(image.name) if image.name else None
    return {
        "Repository": reference.familiar if reference else "<none>",
        "Tag": (reference.tag if reference else "") or "<none>",
        "ID": image.id if whole else image.record.config.short,
        "Digest": str(image.digest),
        "CreatedAt": image.created,
        "CreatedSince": ago(image.created),
        "Size": human_size(image.size),
        "Platform": image.record.platform,
    }


def parse_filter(context: Context, text: str) -> "Callable[[Image], bool]":
    """A condition on an image and its name. Raises UsageError."""
    from hutch.image.reference import Reference

    key, equals, value = text.partition("=")
    if equals and key == "dangling" and value in ("true", "false"):
        return lambda image: (not image.name) == (value == "true")
    if equals and key == "reference":

        def by_pattern(image: "Image") -> bool:
            if not image.name:
                return False
            reference = Reference.parse(image.name)
            short = f"{reference.familiar}:{reference.tag}"
            forms = [image.name, short, reference.familiar, reference.repository]
            forms += [form.removeprefix(LOCAL) for form in forms]
            return any(fnmatch.fnmatchcase(form, value) for form in forms)

        return by_pattern
    if equals and key == "label":
        return lambda image: image.has_label(value)
    if equals and key in ("before", "since"):
        pivot = context.store.find(value).created
        if key == "before":
            return lambda image: image.created < pivot
        return lambda image: image.created > pivot
    raise UsageError(
        f"invalid filter {shown(text)}",
        hint="dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE",
    )


def declare_rmi(parser: ArgumentParser) -> None:
    """The arguments of ``warren rmi``."""
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="a name or an id")
    parser.add_argument(
        "-f", "--force", action="store_true", help="remove all names; ignore missing images"
    )
    parser.add_argument("-a", "--all", action="store_true", help="every image that is not in use")


def rmi(arguments: Namespace, context: Context) -> int:
    """Removes names, and images without other names. Tries all; returns 1 if any failed."""
    from hutch.image.errors import ImageNotFound

    if arguments.all:
        for config in context.store.prune(every=True)[0]:
            print(f"Deleted: {config}")
        return 0
    if not arguments.images:
        raise UsageError("at least one image is wanted", hint="warren rmi --help")

    def act(image: str) -> None:
        for line in context.store.remove(image, force=arguments.force):
            print(line)

    passed_over = ImageNotFound if arguments.force else None
    return each(arguments.images, context, act, passed_over=passed_over)


def declare_prune(parser: ArgumentParser) -> None:
    """The arguments of ``warren image prune``."""
    parser.add_argument("-a", "--all", action="store_true", help="named images too")
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")


def prune(arguments: Namespace, context: Context) -> int:
    """Removes images without a name; with --all those that no container uses."""
    from hutch.cli.warren.system import sure

    what = "all images that no container uses" if arguments.all else "all images without a name"
    if not arguments.force and not sure(what):
        return 0 if sys.stdin.isatty() else 1
    gone, size = context.store.prune(every=arguments.all)
    pruned(("Images", list(map(str, gone))), freed=size)
    return 0


def declare_tag(parser: ArgumentParser) -> None:
    """The arguments of ``warren tag``."""
    parser.add_argument("image", metavar="IMAGE", help="a name or an id")
    parser.add_argument("name", metavar="NAME[:TAG]", nargs="+", help="its new names")


def tag(arguments: Namespace, context: Context) -> int:
    """Gives the image more names."""
    for name in arguments.name:
        context.store.tag(arguments.image, name)
    return 0


VERBS = {
    "images": Verb(declare_images, images),
    "rmi": Verb(declare_rmi, rmi),
    "image prune": Verb(declare_prune, prune),
    "tag": Verb(declare_tag, tag),
}
