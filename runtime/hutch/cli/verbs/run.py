"""hutch run."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.verbs.create import options_of
from hutch.container.container import Container
from hutch.container.signalfd import raise_on_signals


def run(call: Call, log: Log) -> int:
    raise_on_signals()
    return Container.run(
        call.arguments[0],
        call.text("bundle", "."),
        root=call.options.get("root"),
        detach=call.has("detach"),
        keep=call.has("keep"),
        subreaper=not call.has("no-subreaper"),
        **options_of(call, log),
    )
