"""hutch pause."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.container import Container


def run(call: Call, log: Log) -> int:
    Container(call.arguments[0], call.options.get("root")).pause()
    return 0
