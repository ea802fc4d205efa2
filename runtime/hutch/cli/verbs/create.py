"""hutch create."""

from hutch.cli.arguments import Call
from hutch.cli.descriptors import listening_descriptors, preserved
from hutch.cli.log import Log
from hutch.container.create import Request, create
from hutch.container.signals import raise_on_signals
from hutch.container.store import Store, absolute
from hutch.plan.compile import Choices


def run(call: Call, log: Log) -> int:
    raise_on_signals()
    create(Store(call.options.get("root")), request(call, log, direct=False))
    return 0


def request(call: Call, log: Log, *, direct: bool) -> Request:
    """What create and run ask for, from their flags."""
    listening = listening_descriptors()
    result = Request(
        call.arguments[0],
        absolute(call.text("bundle", ".")),
        Choices(
            no_pivot=call.has("no-pivot"),
            new_keyring=not call.has("no-new-keyring"),
            preserved=listening + preserved(call),
            listening=listening,
            direct=direct,
            strict=bool(call.options.get("strict")),
        ),
        warn=log.warning,
        debug=log.debug if log.debug_wanted else None,
        trace=call.trace,
    )
    if call.text("pid-file"):
        result.pid_file = absolute(call.text("pid-file"))
    socket = call.text("console-socket")
    if socket:
        from hutch.container.terminal import send_console

        path = absolute(socket)
        result.console = lambda master: send_console(path, master)
    return result
