"""``warren save``, ``load``, ``import``."""

import os
import secrets
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import IO

from ...errors import ImageError, UsageError, shown
from .context import Context, platform_option
from .parser import Verb


def declare_save(parser: ArgumentParser) -> None:
    """The arguments of ``warren save``."""
    parser.add_argument("images", metavar="IMAGE", nargs="+")
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="not standard output")
    parser.add_argument(
        "--format", default="archive",
        choices=["archive", "docker-archive", "oci-archive", "oci-dir"],
        help="archive is both docker-archive and oci-archive in one",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="as always")


def save(arguments: Namespace, context: Context) -> int:
    """Writes an archive that Docker, podman, skopeo and warren read, or a folder."""
    from ...image.catalog import find
    from ...image.save import save as write
    from ...image.save import write_layout

    images = [find(context.store, context.settings, image) for image in arguments.images]
    if arguments.format == "oci-dir":
        if not arguments.output:
            raise UsageError("--format oci-dir needs --output DIR")
        write_layout(context.store, images, Path(arguments.output))
    elif arguments.output:
        temporary = f"{arguments.output}.{secrets.token_hex(4)}"
        try:
            with open_file(temporary, "xb") as file:
                write(context.store, images, file)
            os.rename(temporary, arguments.output)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    elif sys.stdout.isatty():
        raise UsageError("an archive is nothing for a terminal", hint="-o FILE, or redirect it")
    else:
        write(context.store, images, sys.stdout.buffer)
    return 0


def open_file(path: str, mode: str) -> IO[bytes]:
    """A file that a person named. Raises ImageError."""
    try:
        return open(path, mode)
    except OSError as error:
        raise ImageError(f"{shown(path)}: {(error.strerror or '').lower()}") from None


def declare_load(parser: ArgumentParser) -> None:
    """The arguments of ``warren load``."""
    parser.add_argument("-i", "--input", default="", metavar="FILE", help="not standard input")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    platform_option(parser)


def load(arguments: Namespace, context: Context) -> int:
    """Brings every image of an archive (or of an OCI layout in a folder) into the store."""
    from ...image.archive import all_images
    from ...image.catalog import parse_name
    from ...image.layout import Layout, LayoutSource
    from ...image.pull import Puller

    reporter = context.reporter(quiet=arguments.quiet)
    platform, explicit = context.platform(arguments.platform)
    path = arguments.input or "/dev/stdin"
    if not arguments.input and sys.stdin.isatty():
        raise UsageError("an archive is wanted", hint="-i FILE, or redirect standard input")
    images: list[tuple[object, list[str]]]
    if os.path.isdir(path):
        layout = Layout(Path(path))
        images = [
            (LayoutSource.of(layout, entry), [name] if name else [])
            for name, entry in layout.names()
        ]
    else:
        images = [(source, source.names) for source in all_images(Path(path))]
    for source, own in images:
        names = [str(parse_name(name)) for name in own]
        puller = Puller(context.store, reporter, limits=context.settings.limits)
        pulled = puller.pull(source, platform, names, explicit=explicit)  # type: ignore[arg-type]
        if sentence := pulled.losses.sentence():
            reporter.warn(sentence)
        for line in names or [pulled.record.id]:
            print(f"Loaded image: {line}")
    return 0


def declare_import(parser: ArgumentParser) -> None:
    """The arguments of ``warren import``."""
    parser.add_argument("file", metavar="FILE|-", help="a tar archive, compressed or not")
    parser.add_argument("name", metavar="NAME[:TAG]", nargs="?", default="")
    parser.add_argument("-c", "--change", action="append", default=[], metavar="INSTRUCTION")
    parser.add_argument("-m", "--message", default="", help="a comment for its history")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    platform_option(parser)


def import_(arguments: Namespace, context: Context) -> int:
    """Makes an image of one layer; prints its id."""
    from ...image.catalog import parse_name
    from ...image.importing import ImportedSource, execution
    from ...image.pull import Puller

    config = execution(arguments.change)
    names = [str(parse_name(arguments.name))] if arguments.name else []
    platform, _ = context.platform(arguments.platform)
    scratch = context.store.work / f"import-{os.getpid()}-{secrets.token_hex(4)}"
    reporter = context.reporter(quiet=arguments.quiet)
    with sys.stdin.buffer if arguments.file == "-" else open_file(arguments.file, "rb") as file:
        source = ImportedSource(file, scratch, platform, config, arguments.message)
    try:
        puller = Puller(context.store, reporter, limits=context.settings.limits)
        pulled = puller.pull(source, platform, names)
    finally:
        source.close()
    if sentence := pulled.losses.sentence():
        reporter.warn(sentence)
    print(pulled.record.id)
    return 0


VERBS = {
    "save": Verb(declare_save, save),
    "load": Verb(declare_load, load),
    "import": Verb(declare_import, import_),
}
