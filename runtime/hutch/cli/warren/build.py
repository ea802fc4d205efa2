"""``warren build`` and ``warren builder prune``."""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from hutch.cli.warren.context import Context, platform_option, registry_options
from hutch.cli.warren.verb import Verb
from hutch.errors import UsageError, shown


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren build``."""
    parser.add_argument("context", metavar="FOLDER", help="the files that COPY can take")
    parser.add_argument(
        "-t", "--tag", action="append", default=[], metavar="NAME[:TAG]", help="its name"
    )
    parser.add_argument(
        "-f", "--file", default="", metavar="FILE", help="default: Dockerfile in the folder"
    )
    parser.add_argument(
        "--build-arg", action="append", default=[], metavar="NAME[=VALUE]",
        help="a value for ARG; without one, that of this environment",
    )  # fmt: skip
    parser.add_argument(
        "--label", action="append", default=[], metavar="KEY[=VALUE]", help="a label of the image"
    )
    parser.add_argument("--target", default="", metavar="STAGE", help="build only this stage")
    platform_option(parser)
    parser.add_argument(
        "--network", default="bridge", metavar="NETWORK",
        help="of RUN steps: bridge (of buildah), host or none",
    )  # fmt: skip
    parser.add_argument(
        "--add-host", action="append", default=[], metavar="HOST:IP", help="a line of /etc/hosts"
    )
    parser.add_argument("--no-cache", action="store_true", help="run every step again")
    parser.add_argument("--pull", action="store_true", help="pull the images that it begins with")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the image's id")
    parser.add_argument("--iidfile", default="", metavar="FILE", help="write the image's id there")
    registry_options(parser)


def build(arguments: Namespace, context: Context) -> int:
    """Builds, and says which image came of it."""
    from hutch.cli.warren.context import access
    from hutch.engine.building.build import Wanted
    from hutch.engine.building.build import build as make

    folder = Path(arguments.context)
    if not folder.is_dir():
        raise UsageError(f"{shown(arguments.context)} is no folder")
    given = {}
    for text in arguments.build_arg:
        name, equals, value = text.partition("=")
        if equals or name in os.environ:
            given[name] = value if equals else os.environ[name]
    wanted = Wanted(
        context=folder.absolute(),
        dockerfile=str(Path(arguments.file).absolute()) if arguments.file else "",
        names=arguments.tag,
        arguments=given,
        target=arguments.target,
        platform=arguments.platform,
        network=arguments.network,
        cache=not arguments.no_cache,
        pull=arguments.pull,
        flags=[f"--label={label}" for label in arguments.label]
        + [f"--add-host={host}" for host in arguments.add_host],
    )

    def show(data: bytes) -> None:
        if not arguments.quiet:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    with context.at_work(quiet=arguments.quiet, access=access(arguments)):
        image = make(context.engine, wanted, show)
    if arguments.iidfile:
        Path(arguments.iidfile).write_text(image.id)
    if arguments.quiet:
        print(image.id)
        return 0
    print(f"Successfully built {image.id.removeprefix('sha256:')[:12]}")
    for name in arguments.tag:
        print(f"Successfully tagged {name}")
    return 0


def declare_prune(parser: ArgumentParser) -> None:
    """The arguments of ``warren builder prune``."""
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")


def prune(arguments: Namespace, context: Context) -> int:
    """Removes the cache of builds."""
    from hutch.cli.warren.output import pruned
    from hutch.cli.warren.system import sure
    from hutch.engine.building.build import prune as remove

    if not arguments.force and not sure("the cache of all builds"):
        return 0 if sys.stdin.isatty() else 1
    pruned(freed=remove(context.engine))
    return 0


VERBS = {"build": Verb(declare, build), "builder prune": Verb(declare_prune, prune)}
