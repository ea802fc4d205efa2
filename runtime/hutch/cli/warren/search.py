"""``warren search``."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, access, format_option, registry_options
from hutch.cli.warren.hints import complain
from hutch.cli.warren.output import show
from hutch.cli.warren.verb import Verb
from hutch.errors import UsageError, shown
from hutch.image.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.image.registry.search import Found

COLUMNS = [
    ("NAME", "Name"),
    ("DESCRIPTION", "Description"),
    ("STARS", "StarCount"),
    ("OFFICIAL", "IsOfficial"),
]
TAG_COLUMNS = [("NAME", "Name"), ("TAG", "Tag")]
DESCRIPTION = 45  # the longest, unless --no-trunc is given


def declare(parser: ArgumentParser) -> None:
    """The arguments of ``warren search``."""
    parser.add_argument(
        "term", metavar="[REGISTRY/]TERM", help="part of a repository's name; REGISTRY/ lists all"
    )
    parser.add_argument(
        "--limit", type=count, default=25, metavar="N", help="at most N lines (default 25)"
    )
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten anything")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE",
        help="stars=N, is-official=BOOL, is-automated=BOOL",
    )  # fmt: skip
    parser.add_argument("--list-tags", action="store_true", help="the tags of the repository TERM")
    format_option(parser)
    registry_options(parser)


def count(text: str) -> int:
    """A number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{shown(text)} is not a number of at least 1")
    return int(text)


def parse_filter(text: str) -> "Callable[[Found], bool]":
    """A condition on what was found. Raises UsageError."""
    from hutch.cli.warren.verb import TRUTH

    key, _, value = text.partition("=")
    if key == "stars" and value.isdecimal():
        return lambda found: found.stars >= int(value)
    if key == "is-official" and value in TRUTH:
        return lambda found: found.official == TRUTH[value]
    if key == "is-automated" and value in TRUTH:
        return lambda found: found.automated == TRUTH[value]
    raise UsageError(
        f"invalid filter {shown(text)}", hint="stars=N, is-official=BOOL, is-automated=BOOL"
    )


def row(host: str, found: "Found", *, whole: bool) -> dict[str, object]:
    """The fields of a repository."""
    text = " ".join(found.description.split())
    if not whole and len(text) > DESCRIPTION:
        text = text[: DESCRIPTION - 1] + "…"
    return {
        "Name": f"{host}/{found.name}",
        "Description": text,
        "StarCount": found.stars,
        "IsOfficial": "[OK]" if found.official else "",
        "IsAutomated": "[OK]" if found.automated else "",
    }


def search(arguments: Namespace, context: Context) -> int:
    """Prints the repositories of registries of whose names TERM is a part."""
    from hutch.image.registry.search import search as repositories
    from hutch.images import connect

    first, slash, rest = arguments.term.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    hosts = [first] if named else context.settings.search
    term = rest if named else arguments.term
    if not hosts:
        raise UsageError("no registry is configured to search", hint="REGISTRY/TERM")
    filters = [parse_filter(text) for text in arguments.filter]
    rows: list[dict[str, object]] = []
    status = 0
    for host in hosts:
        registry = connect(host.partition("/")[0], "", context.settings, access(arguments))
        try:
            if arguments.list_tags:
                tags = registry.tags(term)
                rows += [{"Name": f"{host}/{term}", "Tag": tag} for tag in tags]
            else:
                found = repositories(registry, term, arguments.limit)
                kept = [one for one in found if all(keep(one) for keep in filters)]
                rows += [row(host, one, whole=arguments.no_trunc) for one in kept]
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
