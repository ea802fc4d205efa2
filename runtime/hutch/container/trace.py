"""--trace: the time of every step of the runtime and of hutch-init, as trace events.

Nothing depends on the trace: other code only tells it when a step begins. hutch-init writes the
times of its operations to memory that it shares with the runtime; both use CLOCK_MONOTONIC. The
file has the trace-event format (JSON), which Perfetto and chrome://tracing can open.
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
        """Begins a step of the runtime, and ends the one before; "" only ends the one before."""
        now = monotonic_ns()
        if self._step:
            self._events.append(_event(RUNTIME, self._step, self._since, now, {}))
        self._step, self._since = name, now

    def share(self, plan: "Plan") -> int:
        """A descriptor of the memory to which hutch-init writes the times of the plan's
        operations."""
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
    """A complete event (ph "X"). ``begin`` and ``end`` are nanoseconds; the format has
    microseconds."""
    return {
        "name": name,
        "ph": "X",
        "pid": 1,
        "tid": thread,
        "ts": begin / 1000,
        "dur": (end - begin) / 1000,
        "args": more,
    }
