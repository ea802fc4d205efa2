"""``warren bundle``: image → OCI bundle."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from .context import Context
from .parser import Verb


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren bundle``."""
    parser.add_argument("image", metavar="IMAGE", help="a name, or oci:PATH:NAME and the like")
    parser.add_argument("directory", metavar="DIR", type=Path, help="the bundle to make")
    parser.add_argument("--platform", default="", metavar="OS/ARCH[/VARIANT]")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def bundle(arguments: Namespace, context: Context) -> int:
    """Unpacks the image's layers to DIR/rootfs and writes DIR/config.json."""
    from ...image.bundle import make_bundle
    from ...image.local import open_local
    from ...image.platform import Platform
    from ...image.source import resolve

    platform = Platform.parse(arguments.platform) if arguments.platform else Platform.host()
    reporter = context.reporter(quiet=arguments.quiet)
    source = open_local(arguments.image)
    try:
        manifest, config, _ = resolve(source, platform)
        losses = make_bundle(source, manifest, config, arguments.directory, reporter=reporter)
    finally:
        source.close()
    if sentence := losses.sentence():
        reporter.warn(sentence)
    print(arguments.directory)
    return 0


VERBS = {"bundle": Verb(declare, bundle)}
