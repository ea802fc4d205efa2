"""hutch explain."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, complain, say
from hutch.container.explain import plan_of_bundle
from hutch.container.store import absolute
from hutch.errors import UsageError
from hutch.plan.steps import as_table, steps
from hutch.spec.json import pretty


def run(call: Call, log: Log) -> int:
    form = call.text("format", "table")
    if form not in ("table", "json"):
        raise UsageError("invalid format option: " + form, hint="table or json")
    bundle = absolute(call.arguments[0] if call.arguments else ".")
    systemd = bool(call.options.get("systemd-cgroup"))
    plan = plan_of_bundle(bundle, call.text("id", "explained"), systemd)
    for warning in plan.warnings:
        complain("hutch: warning: " + str(warning) + "\n")
    rows = steps(plan)
    if form == "json":
        say(pretty([row.to_json() for row in rows]) + "\n")
    else:
        say(as_table(rows))
    return 0
