"""--trace: the time of every step, the runtime's and hutch-init's, as trace events.

An observer: the core tells it when a step begins and never asks it anything. hutch-init writes the
times of its operations into memory that it shares with us; both read the same clock. The result is
the trace-event format (JSON) that Perfetto and chrome://tracing open.
"""

import posix
from time import monotonic_ns

from hutch.container.store import open_for_writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.plan import Plan

RUNTIME, INIT = 1, 2
PAIR = 16  # bytes: when an operation began and ended, in nanoseconds


class Trace:
    """Collects steps; the file is opened at once, before any container code runs (S-87)."""

    __slots__ = ("_events", "_file", "_plan", "_since", "_step", "_times")

    def __init__(self, path: str) -> None:
        self._file = open_for_writing(path, posix.O_TRUNC, "the trace")
        self._events: list[dict[str, object]] = [_name(RUNTIME, "hutch"), _name(INIT, "hutch-init")]
        self._step = ""
        self._since = 0
        self._plan: Plan | None = None
        self._times = -1

    def step(self, name: str) -> None:
        """A step of the runtime begins, and the one before it ends; "" only ends it."""
        now = monotonic_ns()
        if self._step:
            self._events.append(_event(RUNTIME, self._step, self._since, now, {}))
        self._step, self._since = name, now

    def share(self, plan: "Plan") -> int:
        """A descriptor of the memory in which hutch-init notes the times of the plan."""
        self._plan = plan
        self._times = posix.memfd_create("times", posix.MFD_CLOEXEC)
        posix.ftruncate(self._times, PAIR * len(plan.operations))
        return self._times

    def write(self) -> None:
        """Writes the file: the runtime's steps and the operations that were carried out."""
        from hutch.plan.describe import describe
        from hutch.spec.json import encode

        self.step("")
        for index, operation in enumerate(self._plan.operations if self._plan else ()):
            pair = posix.pread(self._times, PAIR, PAIR * index)
            begin = int.from_bytes(pair[:8], "little")
            end = int.from_bytes(pair[8:], "little")
            if begin and end:
                call, does = describe(operation)
                more = {"from": operation.origin, "call": call}
                self._events.append(_event(INIT, does, begin, end, more))
        data = encode({"displayTimeUnit": "ns", "traceEvents": self._events}).encode()
        while data:
            data = data[posix.write(self._file, data) :]


def _name(thread: int, name: str) -> "dict[str, object]":
    return {"name": "thread_name", "ph": "M", "pid": 1, "tid": thread, "args": {"name": name}}


def _event(
    thread: int, name: str, begin: int, end: int, more: "dict[str, str]"
) -> "dict[str, object]":
    """A complete event; the format counts in microseconds."""
    return {
        "name": name,
        "ph": "X",
        "pid": 1,
        "tid": thread,
        "ts": begin / 1000,
        "dur": (end - begin) / 1000,
        "args": more,
    }
