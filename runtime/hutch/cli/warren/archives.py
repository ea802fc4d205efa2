"""``warren save``, ``load``, ``import``."""

import sys
from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context, platform_option
from hutch.cli.warren.verb import Verb
from hutch.errors import UsageError


def declare_save(parser: ArgumentParser) -> None:
    """The arguments of ``warren save``."""
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a name or an id")
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="a file, not standard output"
    )
    parser.add_argument(
        "--format", default="archive",
        choices=["archive", "docker-archive", "oci-archive", "oci-dir"],
        help="archive is both docker-archive and oci-archive in one",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="no effect: save is quiet")


def save(arguments: Namespace, context: Context) -> int:
    """Writes an archive that Docker, podman, skopeo and warren read, or a folder."""
    output, store = arguments.output, context.store
    if arguments.format == "oci-dir" and not output:
        raise UsageError("--format oci-dir needs --output DIR")
    if not output and sys.stdout.isatty():
        raise UsageError(
            "an archive cannot be written to a terminal", hint="-o FILE, or redirect it"
        )
    if not output:
        store.save(arguments.images, sys.stdout.buffer)
    elif arguments.format == "oci-dir":
        store.save_layout(arguments.images, output)
    else:
        store.save_to(arguments.images, output)
    return 0


def declare_load(parser: ArgumentParser) -> None:
    """The arguments of ``warren load``."""
    parser.add_argument(
        "-i", "--input", default="", metavar="FILE", help="a file, not standard input"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    platform_option(parser)


def load(arguments: Namespace, context: Context) -> int:
    """Adds every image of an archive (or of an OCI layout in a folder) to the store."""
    from hutch.image.reference import Reference

    path = arguments.input or "/dev/stdin"
    if not arguments.input and sys.stdin.isatty():
        raise UsageError("no archive was given", hint="-i FILE, or redirect standard input")
    with context.at_work(quiet=arguments.quiet) as store:
        loaded = store.load(path, platform=arguments.platform)
    for pulled in loaded:
        for name in pulled.names:
            reference = Reference.parse(name)
            print(f"Loaded image: {reference.familiar}:{reference.tag}")
        if not pulled.names:
            print(f"Loaded image ID: {pulled.image.id}")
    return 0


def declare_import(parser: ArgumentParser) -> None:
    """The arguments of ``warren import``."""
    parser.add_argument("file", metavar="FILE|URL|-", help="a tar archive, compressed or not")
    parser.add_argument("name", metavar="NAME[:TAG]", nargs="?", default="", help="its new name")
    parser.add_argument(
        "-c", "--change", action="append", default=[], metavar="INSTRUCTION",
        help="as in a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR ...",
    )  # fmt: skip
    parser.add_argument(
        "-m", "--message", default="", metavar="TEXT", help="a comment for its history"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    platform_option(parser)


def import_(arguments: Namespace, context: Context) -> int:
    """Makes an image with one layer from an archive, and prints its id."""
    with context.at_work(quiet=arguments.quiet) as store:
        image = store.import_archive(
            sys.stdin.buffer if arguments.file == "-" else arguments.file,
            arguments.name,
            changes=arguments.change,
            message=arguments.message,
            platform=arguments.platform,
        )
    print(image.id)
    return 0


VERBS = {
    "save": Verb(declare_save, save),
    "load": Verb(declare_load, load),
    "import": Verb(declare_import, import_),
}
