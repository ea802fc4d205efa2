"""hutch create."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.create import Request, create
from hutch.container.store import Store, absolute
from hutch.errors import UsageError
from hutch.plan.compile import Choices


def run(call: Call, log: Log) -> int:
    create(Store(call.options.get("root")), request(call, log, direct=False))
    return 0


def request(call: Call, log: Log, *, direct: bool) -> Request:
    """What create and run ask for, from their flags."""
    result = Request(
        call.arguments[0],
        absolute(call.text("bundle", ".")),
        Choices(
            no_pivot=call.has("no-pivot"),
            new_keyring=not call.has("no-new-keyring"),
            preserved=preserved(call),
            direct=direct,
        ),
        warn=log.warning,
        debug=log.debug if log.debug_wanted else None,
    )
    if call.text("pid-file"):
        result.pid_file = absolute(call.text("pid-file"))
    socket = call.text("console-socket")
    if socket:
        from hutch.container.terminal import send_console

        path = absolute(socket)
        result.console = lambda master: send_console(path, master)
    return result


def preserved(call: Call) -> int:
    """--preserve-fds, after those that LISTEN_FDS announces to us (sd_listen_fds(3))."""
    count = call.number("preserve-fds")
    if count > 1000:
        raise UsageError("--preserve-fds: " + str(count) + " is too many", hint="at most 1000")
    return count
