"""hutch kill."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.kill import kill
from hutch.container.store import Store
from hutch.spec.signal_names import signal_number


def run(call: Call, log: Log) -> int:
    signal = signal_number(call.arguments[1]) if len(call.arguments) > 1 else 15
    kill(Store(call.options.get("root")), call.arguments[0], signal, all=call.has("all"))
    return 0
