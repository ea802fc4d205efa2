"""The times that ``--trace`` has recorded, and to which step of a plan each belongs."""

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from hutch.container.trace import INIT, RUNTIME
from hutch.errors import HutchError
from hutch.plan import steps

# What run does after the container was made: not part of the picture.
AFTER = ("wait for the program", "delete the container")
MOST = 1 << 26  # bytes of a trace


class Span(NamedTuple):
    """What was done from ``begin`` on, for ``length``: microseconds, 0 is the first one's begin."""

    name: str
    begin: float
    length: float
    origin: str
    call: str


class Times(NamedTuple):
    """The spans of the runtime and those of hutch-init, in order; ``end`` is the last one's."""

    runtime: list[Span]
    init: list[Span]

    @property
    def end(self) -> float:
        return max(span.begin + span.length for span in (*self.runtime, *self.init))


def read_times(path: str) -> Times:
    """Reads a file that ``--trace`` of create or run has written. Raises HutchError."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST + 1)
    except OSError as error:
        raise HutchError(f"read the trace {path}: {str(error.strerror).lower()}") from None
    try:
        events = json.loads(data)["traceEvents"] if len(data) <= MOST else []
        spans = [
            (
                int(each["tid"]),
                Span(
                    str(each["name"]), float(each["ts"]), float(each["dur"]),
                    str(each["args"].get("from", "")), str(each["args"].get("call", "")),
                ),
            )
            for each in events
            if each["ph"] == "X" and each["name"] not in AFTER
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        spans = []
    lanes = [sorted((s for t, s in spans if t == lane), key=_begin) for lane in (RUNTIME, INIT)]
    if not lanes[1] or not all(0 <= s.begin < 1e15 and 0 <= s.length < 1e12 for _, s in spans):
        raise HutchError(
            f"{path} is not the trace of a container that was made",
            hint="hutch --trace FILE create, or run, writes one",
        )
    first = min(span.begin for span in (*lanes[0], *lanes[1]))
    moved = [[s._replace(begin=s.begin - first) for s in lane] for lane in lanes]
    return Times(*moved)


def of_steps(times: Times, rows: Sequence[steps.Step]) -> dict[int, Span]:
    """The span of each step, by its index. Ids and paths may differ, so steps are compared by
    their fields and calls; a step that the trace does not have is left out."""
    places = [index for index, row in enumerate(rows) if row.lane == steps.INIT]
    one = [(rows[index].pointer, rows[index].call) for index in places]
    other = [(span.origin, span.call) for span in times.init]
    found = {}
    for begin, start, size in SequenceMatcher(a=one, b=other, autojunk=False).get_matching_blocks():
        for offset in range(size):
            found[places[begin + offset]] = times.init[start + offset]
    return found


def _begin(span: Span) -> float:
    return span.begin
