"""hutch create."""

import posix

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.preserve_fds import listening_descriptors, preserved
from hutch.container.create import Request, create
from hutch.container.signalfd import raise_on_signals
from hutch.container.store import Store, absolute
from hutch.errors import UsageError
from hutch.plan.choices import Choices


def run(call: Call, log: Log) -> int:
    raise_on_signals()
    create(Store(call.options.get("root")), request_of(call, log, direct=False))
    return 0


def request_of(call: Call, log: Log, *, direct: bool) -> Request:
    """What create and run ask for, from their flags."""
    return request(call, log, call.arguments[0], call.text("bundle", "."), direct=direct)


def request(call: Call, log: Log, id: str, bundle: str, *, direct: bool) -> Request:
    """The same for the container ``id`` of a ``bundle``."""
    listening = listening_descriptors()
    result = Request(
        id,
        absolute(bundle),
        Choices(
            no_pivot=call.has("no-pivot"),
            new_keyring=not call.has("no-new-keyring"),
            preserved=listening + preserved(call),
            listening=listening,
            direct=direct,
            strict=bool(call.options.get("strict")),
            notify=notify_directory(call, id),
        ),
        rootless=rootless(call),
        systemd=bool(call.options.get("systemd-cgroup")),
        warn=log.warning,
        debug=log.debug if log.debug_wanted else None,
        trace=call.trace,
    )
    if call.text("pid-file"):
        result.pid_file = absolute(call.text("pid-file"))
    if call.text("pidfd-socket"):
        result.pidfd_socket = absolute(call.text("pidfd-socket"))
    socket = call.text("console-socket")
    if socket:
        from hutch.container.terminal import send_console

        path = absolute(socket)
        result.console_socket = path
        result.console = lambda master: send_console(path, master)
    return result


def rootless(call: Call) -> "bool | None":
    """--rootless; None where the caller's ids decide."""
    value = call.options.get("rootless", "auto")
    if value not in ("true", "false", "auto"):
        raise UsageError("invalid rootless: " + value, hint="true, false or auto")
    return None if value == "auto" else value == "true"


def notify_directory(call: Call, id: str) -> str:
    """Where the container's socket for sd_notify(3) will be, if our caller waits for its word."""
    if not posix.environ.get(b"NOTIFY_SOCKET"):
        return ""
    return Store(call.options.get("root")).directory(id) + "/notify"
