"""hutch create."""

import posix

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.preserve_fds import listening_descriptors, preserved
from hutch.container.container import Container
from hutch.container.signalfd import raise_on_signals
from hutch.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.request import Options


def run(call: Call, log: Log) -> int:
    raise_on_signals()
    bundle = call.text("bundle", ".")
    Container.create(
        call.arguments[0], bundle, root=call.options.get("root"), **options_of(call, log)
    )
    return 0


def options_of(call: Call, log: Log) -> "Options":
    """The options from the flags that create, run and explain share. Raises UsageError."""
    return {
        "pid_file": call.text("pid-file"),
        "pidfd_socket": call.text("pidfd-socket"),
        "console_socket": call.text("console-socket"),
        "preserve_fds": preserved(call),
        "listen_fds": listening_descriptors(),
        "no_pivot": call.has("no-pivot"),
        "no_new_keyring": call.has("no-new-keyring"),
        "systemd_cgroup": bool(call.options.get("systemd-cgroup")),
        "rootless": rootless(call),
        "strict": bool(call.options.get("strict")),
        # The caller waits for the message that the program is ready (sd_notify(3)).
        "notify": bool(posix.environ.get(b"NOTIFY_SOCKET")),
        "warn": log.warning,
        "debug": log.debug if log.debug_wanted else None,
        "trace": call.trace,
    }


def rootless(call: Call) -> "bool | None":
    """The value of --rootless; None for "auto". Raises UsageError."""
    value = call.options.get("rootless", "auto")
    if value not in ("true", "false", "auto"):
        raise UsageError("invalid rootless: " + value, hint="true, false or auto")
    return None if value == "auto" else value == "true"
