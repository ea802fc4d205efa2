"""hutch delete."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.container import Container


def run(call: Call, log: Log) -> int:
    Container(call.arguments[0], call.options.get("root")).delete(
        force=call.has("force"), strict=bool(call.options.get("strict")), warn=log.warning
    )
    return 0
