"""hutch restore."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.verbs.checkpoint import images_of
from hutch.cli.verbs.create import rootless
from hutch.container.create import Request
from hutch.container.restore import restore
from hutch.container.signalfd import raise_on_signals
from hutch.container.store import Store, absolute
from hutch.errors import HutchError, UsageError
from hutch.plan.choices import Choices


def run(call: Call, log: Log) -> int:
    raise_on_signals()
    images = images_of(call)
    images.options["lsm_profile"] = call.text("lsm-profile")
    images.options["lsm_mount_context"] = call.text("lsm-mount-context")
    request = Request(
        call.arguments[0],
        absolute(call.text("bundle", ".")),
        Choices(no_pivot=call.has("no-pivot"), direct=True),
        rootless=rootless(call),
        systemd=bool(call.options.get("systemd-cgroup")),
        warn=log.warning,
    )
    if call.has("no-pivot"):
        means = "--no-pivot means nothing to restore: CRIU changes the root in its own way"
        log.warning(HutchError(means))
    if call.text("pid-file"):
        request.pid_file = absolute(call.text("pid-file"))
    detach = call.has("detach")
    terminal = None
    socket = call.text("console-socket")
    if socket:
        if not detach:
            raise UsageError(
                "cannot use console socket if runc will not detach or allocate tty",
                hint="give --detach, or leave --console-socket out",
            )
        from hutch.container.terminal import send_console

        path = absolute(socket)
        request.console_socket = path
        request.console = lambda master: send_console(path, master)
    elif not detach:
        from hutch.container.terminal import Terminal

        terminal = Terminal()
        request.console = terminal.receive
    return restore(
        Store(call.options.get("root")),
        request,
        images,
        detach=detach,
        subreaper=not call.has("no-subreaper"),
        terminal=terminal,
    )
