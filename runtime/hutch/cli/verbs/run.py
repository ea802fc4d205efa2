"""hutch run."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.verbs.create import request_of
from hutch.container.run import run as run_container
from hutch.container.signalfd import raise_on_signals
from hutch.container.store import Store
from hutch.errors import UsageError


def run(call: Call, log: Log) -> int:
    raise_on_signals()
    asked = request_of(call, log, direct=True)
    detach = call.has("detach")
    terminal = None
    if not detach:
        if asked.console is not None:
            raise UsageError(
                "cannot use console socket if runc will not detach or allocate tty",
                hint="give --detach, or leave --console-socket out",
            )
        from hutch.container.terminal import Terminal

        terminal = Terminal()
        asked.console = terminal.receive
    return run_container(
        Store(call.options.get("root")),
        asked,
        detach=detach,
        keep=call.has("keep"),
        subreaper=not call.has("no-subreaper"),
        terminal=terminal,
    )
