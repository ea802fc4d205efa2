"""``warren run --trace``: one timeline of warren, conmon, hutch and hutch-init, as trace events.

All use CLOCK_MONOTONIC. hutch writes its own trace (``hutch.container.trace``), which is joined to
warren's steps; conmon keeps no times, so its lane shows what lies between the others'.
"""

import json
import os
import time
from pathlib import Path

from hutch.container.store import open_for_writing

LANES = {"warren": 1, "conmon": 2, "hutch": 3, "hutch-init": 4}
OF_HUTCH = {1: LANES["hutch"], 2: LANES["hutch-init"]}  # the lanes of hutch's trace


class Timeline:
    """Collects steps; the file is opened at once, before a container runs (S-87)."""

    def __init__(self, path: str) -> None:
        """Raises KernelError if the file cannot be opened."""
        self._file = open_for_writing(path, os.O_TRUNC, "the trace")
        self._events: list[dict[str, object]] = [
            {"name": "thread_name", "ph": "M", "pid": 1, "tid": tid, "args": {"name": lane}}
            for lane, tid in LANES.items()
        ]
        self._step, self._since = "", 0
        self._supervised = 0
        self._add("warren", "start the interpreter", process_began(), time.monotonic_ns())

    def step(self, name: str) -> int:
        """Begins a step of warren, and ends the one before; "" only ends the one before. When, in
        nanoseconds."""
        now = time.monotonic_ns()
        if self._step:
            self._add("warren", self._step, self._since, now)
        self._step, self._since = name, now
        return now

    def created(self, began: int, trace: Path) -> None:
        """conmon, started then, has said that the container is made. ``trace`` is hutch's."""
        self._supervised = now = time.monotonic_ns()
        first, last = self._join(trace) or (now, now)
        self._add("conmon", "start, and start hutch create", began, first)
        self._add("conmon", "wait for hutch create", first, last)
        self._add("conmon", "tell warren", last, now)

    def _join(self, trace: Path) -> tuple[int, int] | None:
        """Adds the steps of hutch and hutch-init; when the first began and the last ended."""
        try:
            events = json.loads(trace.read_text())["traceEvents"]
        except (OSError, ValueError):
            return None  # of another runtime, or hutch was killed
        finally:
            trace.unlink(missing_ok=True)
        own = [{**event, "tid": OF_HUTCH[event["tid"]]} for event in events if event["ph"] == "X"]
        self._events += own
        if not own:
            return None
        first = min(event["ts"] for event in own)
        last = max(event["ts"] + event["dur"] for event in own)
        return round(first * 1000), round(last * 1000)

    def write(self) -> None:
        """Writes the file."""
        self.step("")
        if self._supervised:
            stay = "keep the container's output and wait for its end"
            self._add("conmon", stay, self._supervised, time.monotonic_ns())
        text = json.dumps({"displayTimeUnit": "ns", "traceEvents": self._events})
        with open(self._file, "w", encoding="utf-8") as file:
            file.write(text)

    def _add(self, lane: str, name: str, begin: int, end: int) -> None:
        self._events.append(
            {
                "name": name, "ph": "X", "pid": 1, "tid": LANES[lane], "ts": begin / 1000,
                "dur": max(end - begin, 0) / 1000, "args": {},
            }
        )  # fmt: skip


def process_began() -> int:
    """When this process was started, in nanoseconds of CLOCK_MONOTONIC; the kernel counts it in
    hundredths of a second since the boot (proc_pid_stat(5), starttime)."""
    text = Path("/proc/self/stat").read_text()
    ticks = int(text.rpartition(")")[2].split()[19])
    asleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    return ticks * (1_000_000_000 // os.sysconf("SC_CLK_TCK")) - asleep
