"""hutch delete."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.delete import delete
from hutch.container.store import Store


def run(call: Call, log: Log) -> int:
    store = Store(call.options.get("root"))
    delete(
        store,
        call.arguments[0],
        force=call.has("force"),
        strict=bool(call.options.get("strict")),
        warn=log.warning,
    )
    return 0
