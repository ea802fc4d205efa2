"""``warren push``."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, mendable, registry_options
from hutch.cli.warren.parser import Verb
from hutch.errors import UsageError
from hutch.image.errors import ImageNotFound

if TYPE_CHECKING:
    from hutch.image.catalog import Named
    from hutch.image.reference import Reference


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren push``."""
    parser.add_argument("image", metavar="IMAGE", help="an image of the store")
    parser.add_argument(
        "target", metavar="NAME[:TAG]", nargs="?", default="", help="to push it under another name"
    )
    parser.add_argument("-a", "--all-tags", action="store_true", help="every tag of the repository")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the name")
    registry_options(parser)


def push(arguments: Namespace, context: Context) -> int:
    """Uploads the image under its name, or under another."""
    from hutch.image.push import push as upload
    from hutch.image.stored_image import documents

    for image, target in wanted(arguments, context):
        manifest, _ = documents(context.store, image.record)
        with mendable(), context.reporter(quiet=arguments.quiet) as reporter:
            registry = context.connector(arguments, reporter)(target.registry, target.path)
            try:
                upload(context.store, manifest, target, registry, reporter)
            finally:
                registry.close()
        if arguments.quiet:
            print(target)
        else:
            size = len(manifest.raw)
            print(f"{target.selector}: digest: {manifest.digest} size: {size}")
    return 0


def wanted(arguments: Namespace, context: Context) -> "list[tuple[Named, Reference]]":
    """What to push, and where to. Raises UsageError, ImageError."""
    from hutch.image.catalog import Named, find
    from hutch.image.reference import LOCAL, Reference, resolve_remote

    settings = context.settings
    if arguments.all_tags:
        given = resolve_remote(arguments.image, settings.search, settings.aliases)
        if Reference.parse(arguments.image).tag or arguments.target:
            raise UsageError("--all-tags takes the name of a repository, and nothing else")
        found = []
        for name, manifest, _ in context.store.database.names():
            own = Reference.parse(name)
            record = context.store.database.image(manifest)
            if own.repository == given.repository and own.tag and record is not None:
                found.append((Named(record, name), own))
        if not found:
            raise ImageNotFound(arguments.image)
        return found
    image = find(context.store, settings, arguments.image)
    if arguments.target:
        target = resolve_remote(arguments.target, settings.search, settings.aliases)
        return [(image, target)]
    if not image.name or "@" in image.name:
        raise UsageError("an image without a tag needs the name to push it to")
    target = Reference.parse(image.name)
    if target.registry == LOCAL:
        raise UsageError(
            f"{image.name} is an image of this machine, it has no registry",
            hint=f"warren push {arguments.image} REGISTRY/{target.path}:{target.tag}",
        )
    return [(image, replace(target, digest=None))]


VERBS = {"push": Verb(declare, push)}
