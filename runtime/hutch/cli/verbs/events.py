"""hutch events."""

import posix

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.events import events, statistics
from hutch.container.store import Store
from hutch.spec.json import encode
from hutch.spec.quantities import parse_duration


def run(call: Call, log: Log) -> int:
    store = Store(call.options.get("root"))
    id = call.arguments[0]
    interval = parse_duration(call.text("interval", "5s"), "--interval")
    shown = [statistics(store, id)] if call.has("stats") else events(store, id, interval)
    for event in shown:
        try:
            posix.write(1, (encode(event) + "\n").encode())
        except BrokenPipeError:
            break  # nobody reads any more
    return 0
