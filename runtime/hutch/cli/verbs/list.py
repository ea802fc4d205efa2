"""hutch list."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, complain, say
from hutch.container.listing import Listed, list_containers
from hutch.container.store import Store
from hutch.errors import UsageError
from hutch.spec.json import encode

HEADER = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")


def run(call: Call, log: Log) -> int:
    form = call.text("format", "table")
    if form not in ("table", "json"):
        raise UsageError("invalid format option: " + form, hint="table or json")
    found, damaged = list_containers(Store(call.options.get("root")))
    for message in damaged:
        complain(message + "\n")
    if call.has("quiet"):
        say("".join([container.id + "\n" for container in found]))
    elif form == "json":
        say(encode([container.shown for container in found] or None) + "\n")
    else:
        say(table([HEADER, *[_row(container) for container in found]]))
    return 0


def _row(container: Listed) -> "tuple[str, ...]":
    shown = container.shown
    return tuple([str(shown[key]) for key in ("id", "pid", "status", "bundle", "created", "owner")])


def table(rows: "list[tuple[str, ...]]") -> str:
    """The rows in columns as wide as their widest cell and three spaces, as runc's are."""
    widths = [max(len(row[column]) for row in rows) + 3 for column in range(len(rows[0]) - 1)]
    return "".join(
        [
            "".join([cell.ljust(width) for cell, width in zip(row, widths, strict=False)])
            + row[-1]
            + "\n"
            for row in rows
        ]
    )
