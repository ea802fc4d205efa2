"""hutch seccomp."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.front import use_interpreter


def run(call: Call, log: Log) -> int:
    use_interpreter()
    from hutch.cli.cold.seccomp import run

    return run(call, log)
