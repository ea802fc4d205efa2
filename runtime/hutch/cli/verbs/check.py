"""hutch check."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, say
from hutch.errors import UsageError
from hutch.front import use_interpreter
from hutch.spec.json import pretty

FORMATS = ("text", "json", "sarif")


def run(call: Call, log: Log) -> int:
    form = call.text("format", "text")
    if form not in FORMATS:
        raise UsageError("invalid format option: " + form, hint="text, json or sarif")
    use_interpreter()
    if call.has("host"):
        return _host(call, form)
    if call.arguments and call.has("bundle"):
        raise UsageError("the bundle is given twice", hint="leave --bundle out")
    bundle = call.arguments[0] if call.arguments else call.text("bundle", ".")
    return _bundle(call, log, bundle, form)


def _bundle(call: Call, log: Log, bundle: str, form: str) -> int:
    import posix

    from hutch.cli.cold.check_output import as_json, as_sarif, as_text
    from hutch.cli.verbs.create import options_of
    from hutch.container.cold.check import check_bundle
    from hutch.container.request import request_of

    asked = request_of("checked", bundle, options_of(call, log), root=call.options.get("root"))
    asked.console = posix.close  # as an engine would take the terminal
    found = check_bundle(asked)
    path = bundle.rstrip("/") + "/config.json" if bundle not in ("", ".") else "config.json"
    if form == "text":
        say(as_text(found, path))
    else:
        say(pretty(as_json(found, path) if form == "json" else as_sarif(found, path)) + "\n")
    return 1 if any(one.severity == "error" for one in found) else 0


def _host(call: Call, form: str) -> int:
    if call.arguments or call.has("bundle"):
        raise UsageError("--host takes no bundle", hint="check the bundle without --host")
    if form == "sarif":
        raise UsageError("--host has no format sarif", hint="text or json")
    from hutch.cli.cold.host_output import as_json, as_text
    from hutch.container.cold.host_report import host_report

    report = host_report()
    say(as_text(report) if form == "text" else pretty(as_json(report)) + "\n")
    return 0 if report.is_able() else 1
