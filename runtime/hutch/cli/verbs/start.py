"""hutch start."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.start import start
from hutch.container.store import Store


def run(call: Call, log: Log) -> int:
    start(Store(call.options.get("root")), call.arguments[0], log.warning)
    return 0
