"""hutch state."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, say
from hutch.container.status import status_of
from hutch.container.store import Store
from hutch.spec.json import pretty


def run(call: Call, log: Log) -> int:
    entry = Store(call.options.get("root")).find(call.arguments[0])
    state = entry.load_state()
    say(pretty(state.public(status_of(state, entry.directory))))
    return 0
