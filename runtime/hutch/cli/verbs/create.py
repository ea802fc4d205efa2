"""hutch create."""

import posix

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.create import Request, create
from hutch.container.signals import raise_on_signals
from hutch.container.store import Store, absolute
from hutch.errors import UsageError
from hutch.plan.compile import Choices

PRESERVED_MAX = 1000


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


def listening_descriptors() -> int:
    """How many descriptors from 3 on LISTEN_FDS announces to this very process
    (sd_listen_fds(3)); --preserve-fds counts from behind them."""
    if posix.environ.get(b"LISTEN_PID", b"") != str(posix.getpid()).encode():
        return 0
    text = posix.environ.get(b"LISTEN_FDS", b"")
    return min(int(text), PRESERVED_MAX) if text.isdigit() else 0


def preserved(call: Call) -> int:
    """--preserve-fds."""
    count = call.number("preserve-fds")
    if count > PRESERVED_MAX:
        raise UsageError(
            "--preserve-fds: " + str(count) + " is too many", hint=f"at most {PRESERVED_MAX}"
        )
    return count
