"""hutch completion."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log, say
from hutch.errors import UsageError


def run(call: Call, log: Log) -> int:
    from hutch.cli.completion import script

    shell = call.arguments[0]
    if shell not in ("bash", "zsh", "fish"):
        raise UsageError("no completion for " + repr(shell), hint="bash, zsh or fish")
    say(script(shell))
    return 0
