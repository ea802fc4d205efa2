"""hutch list."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, complain, say
from hutch.container.container import Container
from hutch.errors import UsageError
from hutch.spec.json import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import PublicState

HEADER = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")


def run(call: Call, log: Log) -> int:
    form = call.text("format", "table")
    if form not in ("table", "json"):
        raise UsageError("invalid format option: " + form, hint="table or json")
    found = Container.states(
        call.options.get("root"), warn=lambda warning: complain(str(warning) + "\n")
    )
    if call.has("quiet"):
        say("".join([state["id"] + "\n" for state in found]))
    elif form == "json":
        say(encode(found or None) + "\n")
    else:
        say(table([HEADER, *[_row(state) for state in found]]))
    return 0


def _row(state: "PublicState") -> "tuple[str, ...]":
    return tuple([str(state[key]) for key in ("id", "pid", "status", "bundle", "created", "owner")])


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
