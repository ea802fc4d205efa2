"""hutch explain."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, complain, say
from hutch.cli.verbs.create import options_of
from hutch.container.explain import planned
from hutch.container.request import request_of
from hutch.errors import UsageError
from hutch.plan.steps import as_table, steps
from hutch.spec.json import pretty


def run(call: Call, log: Log) -> int:
    form = call.text("format", "table")
    if form not in ("table", "json"):
        raise UsageError("invalid format option: " + form, hint="table or json")
    if call.arguments and call.has("bundle"):
        raise UsageError("the bundle is given twice", hint="leave --bundle out")
    bundle = call.arguments[0] if call.arguments else call.text("bundle", ".")
    asked = request_of(
        call.text("id", "explained"), bundle, options_of(call, log), root=call.options.get("root")
    )
    asked.warn = lambda warning: complain("hutch: warning: " + str(warning) + "\n")
    rows = steps(planned(asked), pid_file=asked.pid_file, pidfd_socket=asked.pidfd_socket)
    if form == "json":
        say(pretty([row.to_json() for row in rows]) + "\n")
    else:
        say(as_table(rows))
    return 0
