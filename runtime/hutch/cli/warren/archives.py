"""``warren save``, ``load``, ``import``."""

import os
import secrets
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hutch.cli.warren.context import Context, mendable, platform_option
from hutch.cli.warren.parser import Verb
from hutch.errors import KernelError, UsageError, shown

if TYPE_CHECKING:
    from hutch.image.source import Source


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
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, as always")


def save(arguments: Namespace, context: Context) -> int:
    """Writes an archive that Docker, podman, skopeo and warren read, or a folder."""
    from hutch.image.catalog import find
    from hutch.image.save import replacing, write_layout
    from hutch.image.save import save as write

    output = arguments.output
    if arguments.format == "oci-dir" and not output:
        raise UsageError("--format oci-dir needs --output DIR")
    if not output and sys.stdout.isatty():
        raise UsageError("an archive is nothing for a terminal", hint="-o FILE, or redirect it")
    images = [find(context.store, context.settings, image) for image in arguments.images]
    with mendable():
        if not output:
            write(context.store, images, sys.stdout.buffer)
            return 0
        try:
            if arguments.format == "oci-dir":
                write_layout(context.store, images, Path(output))
            else:
                with replacing(Path(output)) as file:
                    write(context.store, images, file)
        except OSError as error:
            raise KernelError(f"write {shown(output)}", "write", error.errno) from None
    return 0


def declare_load(parser: ArgumentParser) -> None:
    """The arguments of ``warren load``."""
    parser.add_argument(
        "-i", "--input", default="", metavar="FILE", help="a file, not standard input"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    platform_option(parser)


def load(arguments: Namespace, context: Context) -> int:
    """Brings every image of an archive (or of an OCI layout in a folder) into the store."""
    from hutch.image.archive import all_images
    from hutch.image.catalog import parse_name
    from hutch.image.layout import Layout, LayoutSource
    from hutch.image.pull import Puller

    platform, explicit = context.platform(arguments.platform)
    path = arguments.input or "/dev/stdin"
    if not arguments.input and sys.stdin.isatty():
        raise UsageError("an archive is wanted", hint="-i FILE, or redirect standard input")
    images: list[tuple[Source, list[str]]]
    if os.path.isdir(path):
        layout = Layout(Path(path))
        images = [
            (LayoutSource.of(layout, entry), [name] if name else [])
            for name, entry in layout.names()
        ]
    else:
        images = [(source, source.names) for source in all_images(Path(path))]
    loaded = []
    with context.reporter(quiet=arguments.quiet) as reporter:
        for source, own in images:
            names = [str(parse_name(name)) for name in own]
            puller = Puller(context.store, reporter, limits=context.settings.limits)
            pulled = puller.pull(source, platform, names, explicit=explicit)
            if sentence := pulled.losses.sentence():
                reporter.warn(sentence)
            loaded += names or [pulled.record.id]
    for line in loaded:
        print(f"Loaded image: {line}")
    return 0


def declare_import(parser: ArgumentParser) -> None:
    """The arguments of ``warren import``."""
    parser.add_argument("file", metavar="FILE|-", help="a tar archive, compressed or not")
    parser.add_argument(
        "name", metavar="NAME[:TAG]", nargs="?", default="", help="a name to give it"
    )
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
    """Makes an image of one layer; prints its id."""
    from hutch.image.catalog import parse_name
    from hutch.image.importing import ImportedSource, execution
    from hutch.image.layout import open_file
    from hutch.image.pull import Puller

    config = execution(arguments.change)
    names = [str(parse_name(arguments.name))] if arguments.name else []
    platform, _ = context.platform(arguments.platform)
    scratch = context.store.work / f"import-{os.getpid()}-{secrets.token_hex(4)}"
    file: IO[bytes] = sys.stdin.buffer
    if arguments.file != "-":
        file = os.fdopen(open_file(Path(arguments.file), pipes=True), "rb")
    with file:
        source = ImportedSource(file, scratch, platform, config, arguments.message)
    try:
        with context.reporter(quiet=arguments.quiet) as reporter:
            puller = Puller(context.store, reporter, limits=context.settings.limits)
            pulled = puller.pull(source, platform, names)
            if sentence := pulled.losses.sentence():
                reporter.warn(sentence)
    finally:
        source.close()
    print(pulled.record.id)
    return 0


VERBS = {
    "save": Verb(declare_save, save),
    "load": Verb(declare_load, load),
    "import": Verb(declare_import, import_),
}
