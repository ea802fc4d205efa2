"""hutch pause."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.pause import pause
from hutch.container.store import Store


def run(call: Call, log: Log) -> int:
    pause(Store(call.options.get("root")), call.arguments[0])
    return 0
