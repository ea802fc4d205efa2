"""``warren search``."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from hutch.cli.warren.context import Context, access, format_option, registry_options
from hutch.cli.warren.hints import complain
from hutch.cli.warren.output import show
from hutch.cli.warren.parser import Verb
from hutch.errors import UsageError, shown
from hutch.image.errors import RegistryError

COLUMNS = [("NAME", "Name")]
TAG_COLUMNS = [("NAME", "Name"), ("TAG", "Tag")]


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren search``."""
    parser.add_argument(
        "term", metavar="[REGISTRY/]TERM", help="part of a repository's name; REGISTRY/ lists all"
    )
    parser.add_argument(
        "--limit", type=count, default=25, metavar="N", help="at most N lines (default 25)"
    )
    parser.add_argument("--no-trunc", action="store_true", help="nothing is cut short")
    parser.add_argument("--list-tags", action="store_true", help="the tags of the repository TERM")
    format_option(parser)
    registry_options(parser)


def count(text: str) -> int:
    """A number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{shown(text)} is not a number of at least 1")
    return int(text)


def search(arguments: Namespace, context: Context) -> int:
    """Prints the repositories of the registry's catalogue whose name contains TERM."""
    from hutch.images import connect

    first, slash, rest = arguments.term.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    hosts = [first] if named else context.settings.search
    term = rest if named else arguments.term
    if not hosts:
        raise UsageError("no registry is configured to search", hint="REGISTRY/TERM")
    rows: list[dict[str, str]] = []
    status = 0
    for host in hosts:
        registry = connect(host.partition("/")[0], "", context.settings, access(arguments))
        try:
            if arguments.list_tags:
                tags = registry.tags(term)
                rows += [{"Name": f"{host}/{term}", "Tag": tag} for tag in tags]
            else:
                names = [name for name in registry.catalogue() if term in name]
                rows += [{"Name": f"{host}/{name}"} for name in names]
        except RegistryError as error:
            if len(hosts) == 1:
                raise
            complain(error, context.named_root)  # the others may still answer
            status = 1
        finally:
            registry.close()
    columns = TAG_COLUMNS if arguments.list_tags else COLUMNS
    show(rows[: arguments.limit], columns, arguments.format)
    return status


VERBS = {"search": Verb(declare, search)}
