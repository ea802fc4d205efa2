"""``warren pull``."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, platform_option, registry_options
from hutch.cli.warren.parser import Verb
from hutch.errors import UsageError, shown
from hutch.image.errors import RegistryError

if TYPE_CHECKING:
    from hutch.image.progress import Reporter
    from hutch.image.pull import Pulled
    from hutch.image.reference import Reference


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
    """Brings the image (or all its tags) into the store."""
    from hutch.image.transports import is_local

    with context.reporter(quiet=arguments.quiet) as reporter:
        if is_local(arguments.image):
            done = [pull_local(context, arguments.image, arguments.platform, reporter)]
        else:
            done = pull_remote(context, arguments, reporter)
        for _, pulled in done:
            if sentence := pulled.losses.sentence():
                reporter.warn(sentence)
    for name, pulled in done:
        if not arguments.quiet:
            fresh = "Downloaded newer image for" if pulled.fresh else "Image is up to date for"
            print(f"Digest: {pulled.top}")
            print(f"Status: {fresh} {name}")
        else:
            print(pulled.record.id)
    return 0


def pull_local(
    context: Context, place: str, platform_text: str, reporter: "Reporter"
) -> "tuple[str, Pulled]":
    """An image of a local place; its own name becomes its name in the store."""
    from hutch.image.pull import Puller
    from hutch.image.transports import image_names, open_local

    platform, explicit = context.platform(platform_text)
    source = open_local(place)
    try:
        puller = Puller(context.store, reporter, limits=context.settings.limits)
        names = image_names(place, source)
        pulled = puller.pull(source, platform, names, explicit=explicit)
    finally:
        source.close()
    return place, pulled


def pull_remote(
    context: Context, arguments: Namespace, reporter: "Reporter"
) -> "list[tuple[str, Pulled]]":
    """One image of a registry, or one for each tag of its repository."""
    from hutch.image.reference import TAG, Reference, resolve_remote

    settings = context.settings
    if arguments.all_tags and (given := Reference.parse(arguments.image)).tag + given.selector:
        raise UsageError("a tag cannot be used with --all-tags")
    reference = resolve_remote(arguments.image, settings.search, settings.aliases)
    if reference.repository != Reference.parse(arguments.image).repository:
        reporter.note(f"{arguments.image} is {reference}")
    if not arguments.all_tags:
        return [(str(reference), pull_one(context, arguments, reference, reporter))]
    registry = context.connector(arguments, reporter)(reference.registry, reference.path)
    context.stack.callback(registry.close)
    done = []
    for tag in registry.tags(reference.path):
        if not TAG.fullmatch(tag):
            raise RegistryError(f"{reference.registry}: {shown(tag)} is not a tag")
        one = replace(reference, tag=tag)
        reporter.note(f"Pulling {one}")
        done.append((str(one), pull_one(context, arguments, one, reporter)))
    return done


def pull_one(
    context: Context, arguments: Namespace, reference: "Reference", reporter: "Reporter"
) -> "Pulled":
    """One image of a registry into the store, under its complete name."""
    from hutch.image.catalog import digest_name
    from hutch.image.pull import Puller
    from hutch.image.registry.remote import RegistrySource

    platform, explicit = context.platform(arguments.platform)
    mirrors = context.settings.registry(reference.registry).mirrors
    source = RegistrySource(reference, mirrors, context.connector(arguments, reporter), reporter)
    # As with Docker a digest does not move the tag beside it: the tag may mean another image now.
    digest = reference.digest
    names = [digest_name(reference, str(digest)) if digest else str(reference)]
    try:
        puller = Puller(
            context.store,
            reporter,
            limits=context.settings.limits,
            parallel=context.settings.parallel,
        )
        return puller.pull(
            source, platform, names, explicit=explicit, repository=reference.repository
        )
    finally:
        source.close()


VERBS = {"pull": Verb(declare, pull)}
