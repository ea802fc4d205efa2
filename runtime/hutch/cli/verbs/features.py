"""hutch features."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, say
from hutch.plan.features import features
from hutch.spec.json import pretty


def run(call: Call, log: Log) -> int:
    say(pretty(features()) + "\n")
    return 0
