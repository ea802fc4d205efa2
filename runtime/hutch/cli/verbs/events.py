"""hutch events."""

import posix

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.container import Container
from hutch.spec.json import encode
from hutch.spec.quantities import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.events import Event


def run(call: Call, log: Log) -> int:
    container = Container(call.arguments[0], call.options.get("root"))
    seconds = parse_duration(call.text("interval", "5s"), "--interval") / 1e9
    for event in _statistics(container) if call.has("stats") else container.events(seconds):
        try:
            posix.write(1, (encode(event) + "\n").encode())
        except BrokenPipeError:
            break  # nobody reads any more
    return 0


def _statistics(container: Container) -> "list[Event]":
    return [{"type": "stats", "id": container.id, "data": container.statistics()}]
