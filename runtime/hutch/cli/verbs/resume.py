"""hutch resume."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.pause import resume
from hutch.container.store import Store


def run(call: Call, log: Log) -> int:
    resume(Store(call.options.get("root")), call.arguments[0])
    return 0
