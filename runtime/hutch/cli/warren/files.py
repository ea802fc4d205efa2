"""``warren cp``, ``export`` and ``commit``: what is in containers."""

import sys
from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context
from hutch.cli.warren.verb import Verb
from hutch.errors import KernelError, UsageError


def declare_cp(parser: ArgumentParser) -> None:
    """The arguments of ``warren cp``."""
    parser.add_argument(
        "source", metavar="SOURCE", help="CONTAINER:PATH, PATH, or - for a tar stream"
    )
    parser.add_argument("target", metavar="TARGET", help="PATH, CONTAINER:PATH, or -")
    parser.add_argument("-a", "--archive", action="store_true", help="keep owners")
    parser.add_argument("-L", "--follow-link", action="store_true", help="follow a link in SOURCE")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing, as always")


def place(text: str) -> tuple[str, str]:
    """A container and a path in it; "" and a path of the host."""
    container, parted, path = text.partition(":")
    if not parted or text.startswith(("/", ".")):
        return "", text
    return container, path or "/"


def cp(arguments: Namespace, context: Context) -> int:
    """Copies files between a container and the host."""
    from hutch.engine.containers import copy

    engine = context.engine
    source, path = place(arguments.source)
    target, into = place(arguments.target)
    if bool(source) == bool(target):
        raise UsageError("one of SOURCE and TARGET is in a container, the other is not")
    keep = {"owners": arguments.archive, "follow": arguments.follow_link}
    if source:
        record = engine.records.find(source)
        if into == "-":
            if sys.stdout.isatty():
                raise UsageError("a terminal cannot take a tar stream: redirect the output")
            copy.archive_out(engine, record, path, sys.stdout.buffer, follow=arguments.follow_link)
        else:
            copy.copy_out(engine, record, path, into, **keep)
        return 0
    record = engine.records.find(target)
    if path == "-":
        copy.archive_in(engine, record, into, sys.stdin.buffer, owners=arguments.archive)
    else:
        copy.copy_in(engine, record, path, into, **keep)
    return 0


def declare_export(parser: ArgumentParser) -> None:
    """The arguments of ``warren export``."""
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="a file, not standard output"
    )


def export(arguments: Namespace, context: Context) -> int:
    """Writes a container's root file system as a tar archive."""
    from hutch.engine.containers.copy import export as write

    engine = context.engine
    record = engine.records.find(arguments.container)
    if not arguments.output:
        if sys.stdout.isatty():
            raise UsageError("a terminal cannot take an archive: use -o or redirect the output")
        write(engine, record, sys.stdout.buffer)
        return 0
    try:
        output = open(arguments.output, "wb")  # noqa: SIM115
    except OSError as error:
        raise KernelError(f"write {arguments.output}", "open", error.errno) from None
    with output:
        write(engine, record, output)
    return 0


def declare_commit(parser: ArgumentParser) -> None:
    """The arguments of ``warren commit``."""
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")
    parser.add_argument(
        "name", metavar="NAME[:TAG]", nargs="?", default="", help="the image's name"
    )
    parser.add_argument("-a", "--author", default="", metavar="WHO", help="the author")
    parser.add_argument(
        "-c", "--change", action="append", default=[], metavar="INSTRUCTION",
        help="as in a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR ...",
    )  # fmt: skip
    parser.add_argument(
        "-m", "--message", default="", metavar="TEXT", help="a comment for its history"
    )
    parser.add_argument(
        "--no-pause", action="store_true", help="do not freeze the container meanwhile"
    )


def commit(arguments: Namespace, context: Context) -> int:
    """Makes an image of a container's changes; prints its id."""
    from hutch.engine.containers.commit import commit as make
    from hutch.engine.containers.finish import refresh

    engine = context.engine
    record = refresh(engine, engine.records.find(arguments.container))
    print(
        make(
            engine, record, arguments.name, changes=arguments.change, message=arguments.message,
            author=arguments.author, freeze=not arguments.no_pause,
        )
    )  # fmt: skip
    return 0


VERBS = {
    "cp": Verb(declare_cp, cp),
    "export": Verb(declare_export, export),
    "commit": Verb(declare_commit, commit),
}
