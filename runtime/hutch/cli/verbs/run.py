"""hutch run."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.verbs.create import options_of
from hutch.container.container import Container
from hutch.container.signalfd import raise_on_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.cold.seccomp.watch import Watch


def run(call: Call, log: Log) -> int:
    if not call.has("seccomp-explain"):
        return run_watched(call, log, None)
    from hutch.front import use_interpreter

    use_interpreter()
    from hutch.cli.cold.seccomp_watch import explaining

    watch = explaining(call, log)
    code = run_watched(call, log, watch)
    if not call.has("detach"):
        watch.report()
    return code


def run_watched(call: Call, log: Log, watch: "Watch | None") -> int:
    """Runs the container that the last argument names, with a supervisor of its system calls if
    ``watch`` is one; returns the exit code."""
    raise_on_signals()
    options = options_of(call, log)
    if watch is not None:
        options["watch"] = watch
    return Container.run(
        call.arguments[-1],
        call.text("bundle", "."),
        root=call.options.get("root"),
        detach=call.has("detach"),
        keep=call.has("keep"),
        subreaper=not call.has("no-subreaper"),
        **options,
    )
