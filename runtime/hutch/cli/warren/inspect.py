"""``warren inspect`` and ``warren history``."""

import json
from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.hints import complain
from hutch.cli.warren.output import ago, clean, human_size, render, show, template
from hutch.cli.warren.parser import Verb
from hutch.errors import HutchError

COLUMNS = [
    ("IMAGE", "ID"),
    ("CREATED", "CreatedSince"),
    ("CREATED BY", "CreatedBy"),
    ("SIZE", "Size"),
    ("COMMENT", "Comment"),
]
CREATED_BY = 45


def declare_inspect(parser: ArgumentParser) -> None:
    """The arguments of ``warren inspect``."""
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a name or an id")
    format_option(parser, "-f")


def inspect(arguments: Namespace, context: Context) -> int:
    """A JSON list with an object for each image; with --format a line for each. 1 if any failed."""
    form = template(arguments.format) if arguments.format not in ("", "json") else None
    described, status = [], 0
    for image in arguments.images:
        try:
            described.append(context.store.find(image).inspect())
        except HutchError as error:
            complain(error, context.named_root)
            status = 1
    if not arguments.format:
        print(json.dumps(described, indent=4))
    for document in described if arguments.format else []:
        print(clean(render(form, document)) if form else json.dumps(document))
    return status


def declare_history(parser: ArgumentParser) -> None:
    """The arguments of ``warren history``."""
    parser.add_argument("image", metavar="IMAGE", help="a name or an id")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only ids")
    parser.add_argument("--no-trunc", action="store_true", help="whole commands and ids")
    parser.add_argument("-H", "--human", action="store_true", default=True, help="as always")
    format_option(parser)


def history(arguments: Namespace, context: Context) -> int:
    """One line a step, newest first."""
    rows = []
    for step in context.store.find(arguments.image).history():
        by, identifier = step["CreatedBy"], step["ID"]
        if not arguments.no_trunc:
            by = by if len(by) <= CREATED_BY else by[: CREATED_BY - 1] + "…"
            identifier = identifier.removeprefix("sha256:")[:12]
        since = ago(step["Created"])
        size = human_size(step["Size"])
        rows.append(
            {**step, "ID": identifier, "CreatedBy": by, "Size": size, "CreatedSince": since}
        )
    if arguments.quiet:
        for line in rows:
            print(line["ID"])
    else:
        show(rows, COLUMNS, arguments.format)
    return 0


VERBS = {
    "inspect": Verb(declare_inspect, inspect),
    "history": Verb(declare_history, history),
}
