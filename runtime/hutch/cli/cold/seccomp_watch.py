"""The supervisor of a container's system calls, for the command line: what it is asked for, and its
program."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.cold.seccomp.watch import Task, Watch
from hutch.container.store import absolute
from hutch.errors import HutchError

if TYPE_CHECKING:
    from hutch.container.cold.seccomp.supervise import Observer
    from hutch.spec.config import Seccomp


def explaining(call: Call, log: Log, profile: "Seccomp | None" = None) -> Watch:
    """For run --seccomp-explain; or to find out what another ``profile`` does not allow."""
    task: Task = {"kind": "explain", "by_rule": profile is None}
    if profile is not None:
        task["profile"] = profile
    return _watch(call, log, task)


def recording(call: Call, log: Log, file: str, before: "Seccomp | None") -> Watch:
    """For seccomp record."""
    task: Task = {"kind": "record", "file": absolute(file)}
    if before is not None:
        task["before"] = before
    return _watch(call, log, task)


def _watch(call: Call, log: Log, task: Task) -> Watch:
    task["log"] = absolute(log.path) if log.path else ""
    task["log_format"] = "json" if log.json else "text"
    return Watch(task, __name__, call.options.get("root"))


def main(words: Sequence[str]) -> None:
    """The supervisor. ``words`` are the container's directory, which ps(1) shows, and numbers of
    descriptors. An error ends it with exit status 1."""
    from hutch.container.cold.seccomp.supervise import supervise

    log = Log()
    try:
        supervise(words[1:], lambda task: _observer(task, log))
    except HutchError as error:
        log.error(error)
        raise SystemExit(1) from None


def _observer(task: Task, log: Log) -> "Observer":
    log.path, log.json = task["log"], task["log_format"] == "json"
    program = bytes.fromhex(task["program"])
    if task["kind"] == "explain":
        from hutch.container.cold.seccomp.explain import Explainer

        return Explainer(task["profile"], program, log.warning, task["by_rule"])
    from hutch.container.cold.seccomp.record import Recorder

    return Recorder(task["file"], task.get("before"), task.get("profile"), program)
