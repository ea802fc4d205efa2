"""hutch state."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, say
from hutch.container.container import Container
from hutch.spec.json import pretty


def run(call: Call, log: Log) -> int:
    say(pretty(Container(call.arguments[0], call.options.get("root")).state))
    return 0
