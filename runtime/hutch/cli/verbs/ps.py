"""hutch ps."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, say
from hutch.container.container import Container
from hutch.errors import UsageError
from hutch.spec.json import encode


def run(call: Call, log: Log) -> int:
    form = call.text("format", "table")
    if form not in ("table", "json"):
        raise UsageError("invalid format option: " + form, hint="table or json")
    if form == "table":
        from hutch.front import use_interpreter

        use_interpreter()
    pids = Container(call.arguments[0], call.options.get("root")).processes()
    if form == "json":
        say(encode(pids) + "\n")
    else:
        from hutch.container.cold.tools import process_table

        say(process_table(pids, call.arguments[1:] or ["-ef"]))
    return 0
