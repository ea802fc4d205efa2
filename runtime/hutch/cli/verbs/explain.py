"""hutch explain."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, complain, say
from hutch.cli.verbs.create import options_of
from hutch.container.explain import planned, request_for
from hutch.errors import UsageError
from hutch.plan.steps import as_table, steps
from hutch.spec.json import pretty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.request import Request


def run(call: Call, log: Log) -> int:
    form = call.text("format", "table")
    if form not in ("table", "json"):
        raise UsageError("invalid format option: " + form, hint="table or json")
    if call.arguments and call.has("bundle"):
        raise UsageError("the bundle is given twice", hint="leave --bundle out")
    if call.has("times") and not call.has("html"):
        raise UsageError("--times needs --html", hint="the page shows the times")
    if call.has("html"):
        return _page(call, log)
    if len(call.arguments) > 1:
        return _compare(call, log, form)
    asked = _request(call, log, call.arguments[0] if call.arguments else call.text("bundle", "."))
    rows = steps(planned(asked), pid_file=asked.pid_file, pidfd_socket=asked.pidfd_socket)
    if form == "json":
        say(pretty([row.to_json() for row in rows]) + "\n")
    else:
        say(as_table(rows))
    return 0


def _request(call: Call, log: Log, name: str) -> "Request":
    options = options_of(call, log)
    options["warn"] = lambda warning: complain("hutch: warning: " + str(warning) + "\n")
    return request_for(name, call.text("id", "explained"), call.options.get("root"), options)


def _page(call: Call, log: Log) -> int:
    from hutch.front import use_interpreter

    if len(call.arguments) > 1 or call.has("format"):
        raise UsageError("--html shows one bundle, and is a format")
    use_interpreter()
    from hutch.cli.cold.explain_html.command import write_page

    name = call.arguments[0] if call.arguments else call.text("bundle", ".")
    write_page(_request(call, log, name), call.text("html"), call.text("times"))
    return 0


def _compare(call: Call, log: Log, form: str) -> int:
    from hutch.front import use_interpreter

    use_interpreter()
    from hutch.container.cold.compare import as_json, as_text, compare

    before, after = [_request(call, log, name) for name in call.arguments]
    for asked, other in ((before, after), (after, before)):
        asked.warn = lambda _: None
        # A bundle is made as the container was that it is compared with: only configs differ.
        if asked.config is None and other.config is not None:
            asked.id, asked.choices = other.id, other.choices
            asked.systemd, asked.rootless = other.systemd, other.rootless
    found = compare(before, after)
    say(as_text(found) if form == "table" else pretty(as_json(found)) + "\n")
    return 0
