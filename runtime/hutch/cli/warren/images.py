"""``warren images``, ``rmi``, ``tag``."""

import fnmatch
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.hints import complain
from hutch.cli.warren.output import ago, human_size, show
from hutch.cli.warren.parser import Verb
from hutch.errors import HutchError, UsageError, shown
from hutch.image.database import ImageRecord

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
    parser.add_argument("-a", "--all", action="store_true", help="all there are, as always")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only ids")
    parser.add_argument("--digests", action="store_true", help="show digests")
    parser.add_argument("--no-trunc", action="store_true", help="whole ids")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="dangling=BOOL, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE",
    )  # fmt: skip
    format_option(parser)


def images(arguments: Namespace, context: Context) -> int:
    """One line for each name, and for each image without one."""
    filters = [parse_filter(context, text) for text in arguments.filter]
    rows = []
    for record, name in listed(context):
        if arguments.name and not matches(context, name, arguments.name):
            continue
        if all(keep(record, name) for keep in filters):
            rows.append(row(record, name, whole=arguments.no_trunc))
    if arguments.quiet:
        for identifier in dict.fromkeys(line["ID"] for line in rows):
            print(identifier)
        return 0
    columns = list(COLUMNS)
    if arguments.digests:
        columns.insert(2, ("DIGEST", "Digest"))
    show(rows, columns, arguments.format)
    return 0


def listed(context: Context) -> list[tuple[ImageRecord, str]]:
    """Every image with each of its names, newest first; "" for an image without one."""
    database = context.store.database
    found = []
    for record in database.images():
        names = database.names_of(record.manifest)
        found += [(record, name) for name in names or [""]]
    return found


def row(record: ImageRecord, name: str, *, whole: bool) -> dict[str, object]:
    """What can be said of an image in a list."""
    from hutch.image.reference import Reference

    reference = Reference.parse(name) if name else None
    return {
        "Repository": reference.familiar if reference else "<none>",
        "Tag": (reference.tag if reference else "") or "<none>",
        "ID": record.id if whole else record.config.short,
        "Digest": str(record.manifest),
        "CreatedAt": record.created,
        "CreatedSince": ago(record.created),
        "Size": human_size(record.size),
        "Platform": record.platform,
    }


def matches(context: Context, name: str, wanted: str) -> bool:
    """Whether an image's name is the one that a person wrote: with or without tag, short or not."""
    from hutch.image.reference import LOCAL, Reference, candidates

    if not name:
        return False
    own, given = Reference.parse(name), Reference.parse(wanted)
    settings = context.settings
    options = candidates(given, [LOCAL, *settings.search], settings.aliases)
    return any(
        own.repository == option.repository and (not given.tag or own.tag == given.tag)
        for option in options
    )


def parse_filter(context: Context, text: str) -> Callable[[ImageRecord, str], bool]:
    """A condition on an image and its name. Raises UsageError."""
    from hutch.image.catalog import find
    from hutch.image.reference import Reference
    from hutch.image.stored_image import has_label

    key, equals, value = text.partition("=")
    if equals and key == "dangling" and value in ("true", "false"):
        return lambda _, name: (not name) == (value == "true")
    if equals and key == "reference":

        def by_pattern(_: ImageRecord, name: str) -> bool:
            if not name:
                return False
            reference = Reference.parse(name)
            short = f"{reference.familiar}:{reference.tag}"
            forms = (name, short, reference.familiar, reference.repository)
            return any(fnmatch.fnmatchcase(form, value) for form in forms)

        return by_pattern
    if equals and key == "label":
        return lambda record, _: has_label(context.store, record, value)
    if equals and key in ("before", "since"):
        pivot = find(context.store, context.settings, value).record.created
        if key == "before":
            return lambda record, _: record.created < pivot
        return lambda record, _: record.created > pivot
    raise UsageError(
        f"invalid filter {shown(text)}",
        hint="dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE",
    )


def declare_rmi(parser: ArgumentParser) -> None:
    """The arguments of ``warren rmi``."""
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="a name or an id")
    parser.add_argument(
        "-f", "--force", action="store_true", help="with all names; missing is fine"
    )
    parser.add_argument("-a", "--all", action="store_true", help="every image that is not in use")


def rmi(arguments: Namespace, context: Context) -> int:
    """Takes names away, and the images with their last name. All are tried; 1 if any failed."""
    from hutch.image.catalog import prune, remove
    from hutch.image.errors import ImageNotFound

    if arguments.all:
        for config in prune(context.store, every=True)[0]:
            print(f"Deleted: {config}")
        return 0
    if not arguments.images:
        raise UsageError("at least one image is wanted", hint="warren rmi --help")
    status = 0
    for image in arguments.images:
        try:
            for line in remove(context.store, context.settings, image, force=arguments.force):
                print(line)
        except HutchError as error:
            if arguments.force and isinstance(error, ImageNotFound):
                continue
            complain(error, context.named_root)
            status = 1
    return status


def declare_tag(parser: ArgumentParser) -> None:
    """The arguments of ``warren tag``."""
    parser.add_argument("image", metavar="IMAGE", help="a name or an id")
    parser.add_argument("name", metavar="NAME[:TAG]", nargs="+", help="names to give it")


def tag(arguments: Namespace, context: Context) -> int:
    """Gives the image more names."""
    from hutch.image.catalog import tag as give

    for name in arguments.name:
        give(context.store, context.settings, arguments.image, name)
    return 0


VERBS = {
    "images": Verb(declare_images, images),
    "rmi": Verb(declare_rmi, rmi),
    "tag": Verb(declare_tag, tag),
}
