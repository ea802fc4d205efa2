"""``warren inspect`` and ``warren history``."""

import json
from argparse import ArgumentParser, Namespace

from hutch.cli.warren.context import Context, format_option
from hutch.cli.warren.each import each
from hutch.cli.warren.output import ago, clean, human_size, render, show, template
from hutch.cli.warren.verb import Verb
from hutch.did_you_mean import suggestion
from hutch.errors import NotFound
from hutch.image.errors import ImageNotFound

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
    parser.add_argument("names", metavar="OBJECT", nargs="+", help="a name or an id")
    parser.add_argument(
        "--type", default="", choices=["container", "image", "network", "volume"],
        metavar="KIND", help="container, image, network or volume; any if not given",
    )  # fmt: skip
    parser.add_argument("-s", "--size", action="store_true", help="with what they wrote")
    format_option(parser, "-f")


def declare_container(parser: ArgumentParser) -> None:
    """The arguments of ``warren container inspect``."""
    parser.add_argument("names", metavar="CONTAINER", nargs="+", help="a name or an id")
    parser.add_argument("-s", "--size", action="store_true", help="with what they wrote")
    parser.set_defaults(type="container")
    format_option(parser, "-f")


def declare_image(parser: ArgumentParser) -> None:
    """The arguments of ``warren image inspect``."""
    parser.add_argument("names", metavar="IMAGE", nargs="+", help="a name or an id")
    parser.set_defaults(type="image", size=False)
    format_option(parser, "-f")


def inspect(arguments: Namespace, context: Context) -> int:
    """A JSON list with an object for each container, image, network or volume; with --format a
    line for each. 1 if any failed."""
    form = template(arguments.format) if arguments.format not in ("", "json") else None
    described: list[dict[str, object]] = []

    def act(name: str) -> None:
        described.append(describe(context, name, arguments.type, sized=arguments.size))

    status = each(arguments.names, context, act)
    if not arguments.format:
        print(json.dumps(described, indent=4))
    for document in described if arguments.format else []:
        print(clean(render(form, document)) if form else json.dumps(document))
    return status


def describe(context: Context, name: str, kind: str, *, sized: bool) -> dict[str, object]:
    """The container, network, image or volume of this name, whichever is found first."""
    from hutch.engine.containers.describe import inspect as of_container
    from hutch.engine.containers.describe import inspect_volume
    from hutch.engine.containers.finish import refresh
    from hutch.engine.containers.sizes import sizes

    engine = context.engine
    if kind in ("container", ""):
        try:
            record = refresh(engine, engine.records.find(name))
        except NotFound:
            if kind:
                raise
        else:
            found: dict[str, object] = of_container(engine, record)
            if sized:
                found["SizeRw"], found["SizeRootFs"] = sizes(engine, record)
            return found
    if kind == "network" or (not kind and engine.networks.get(name)):
        from hutch.engine.network.describe import inspect_network
        from hutch.engine.network.manage import find_bridge

        return {**inspect_network(engine, find_bridge(engine, name))}
    if kind in ("image", ""):
        try:
            return context.store.find(name).inspect()
        except ImageNotFound as error:
            if kind:
                raise
            known = {volume.name for volume in engine.volumes.all()}
            if name not in known:
                containers = {record.name for record in engine.records.all()}
                hint = suggestion(name, known | containers, error.hint)
                raise NotFound(f"No such object: {name}", hint=hint) from None
    return inspect_volume(engine, engine.volumes.get(name))


def declare_history(parser: ArgumentParser) -> None:
    """The arguments of ``warren history``."""
    parser.add_argument("image", metavar="IMAGE", help="a name or an id")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only ids")
    parser.add_argument("--no-trunc", action="store_true", help="do not shorten anything")
    parser.add_argument("-H", "--human", action="store_true", default=True, help="no effect")
    format_option(parser)


def history(arguments: Namespace, context: Context) -> int:
    """Prints one line per step, the newest first."""
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
    "container inspect": Verb(declare_container, inspect),
    "image inspect": Verb(declare_image, inspect),
    "history": Verb(declare_history, history),
}
