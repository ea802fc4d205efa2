"""hutch kill."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.container import Container


def run(call: Call, log: Log) -> int:
    signal = call.arguments[1] if len(call.arguments) > 1 else "TERM"
    Container(call.arguments[0], call.options.get("root")).kill(signal, all=call.has("all"))
    return 0
