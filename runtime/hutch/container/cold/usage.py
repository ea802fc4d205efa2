"""What containers use at a moment, and between two moments: cpu, memory, processes, block I/O."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, TypedDict

from hutch import cgroups
from hutch.container import status
from hutch.container.store import Store
from hutch.errors import HutchError

if TYPE_CHECKING:
    from hutch.cgroups.stats_form import Statistics

# Limits from this one on are none: v2 gives the largest number, v1 the largest count of pages.
NO_LIMIT = 1 << 62


@dataclass(frozen=True)
class Look:
    """A container at the time ``at`` (seconds of CLOCK_MONOTONIC). ``cpu``: nanoseconds since its
    start; sizes in bytes. A value is None if nothing counts it, a limit if there is none."""

    id: str
    status: str
    pid: int
    created: str
    at: float
    cpu: int | None = None
    memory: int | None = None
    memory_limit: int | None = None
    pids: int | None = None
    pids_limit: int | None = None
    read: int | None = None
    written: int | None = None


class Counts(TypedDict):
    """The values of a Look that the cgroup counts."""

    cpu: int | None
    memory: int | None
    memory_limit: int | None
    pids: int | None
    pids_limit: int | None
    read: int | None
    written: int | None


@dataclass(frozen=True)
class Use:
    """A container's last look, and what it used between two looks: ``cpu`` in percent of one CPU,
    ``read`` and ``written`` in bytes a second (None: not known, or not known yet)."""

    now: Look
    cpu: float | None
    read: float | None
    written: float | None

    @property
    def memory_share(self) -> float | None:
        """Percent of its memory limit."""
        if self.now.memory is None or not self.now.memory_limit:
            return None
        return 100 * self.now.memory / self.now.memory_limit


def look(store: Store, id: str = "", *, all: bool = False) -> list[Look]:
    """The containers that are created, running or paused, with ``all`` the others too; or only
    the container ``id``, whatever its status.

    A container that is gone, and one whose state cannot be read, is left out.
    """
    found = []
    for each in [id] if id else store.ids():
        with suppress(HutchError):
            found.append(_look(store, each))
    if id or all:
        return found
    return [one for one in found if one.status not in (status.STOPPED, status.CREATING)]


def between(before: Sequence[Look], now: Sequence[Look]) -> list[Use]:
    """What each container of ``now`` used since ``before``."""
    known = {(one.id, one.created): one for one in before}
    return [_use(known.get((one.id, one.created)), one) for one in now]


def memory_used(data: "Statistics") -> int | None:
    """Bytes of memory, without the page cache that can be given back at any time."""
    usage = data["memory"].get("usage", {}).get("usage")
    if usage is None:
        return None
    raw = data["memory"].get("raw", {})
    return max(0, usage - (raw.get("total_inactive_file") or raw.get("inactive_file") or 0))


def block_bytes(data: "Statistics") -> tuple[int, int] | None:
    """Bytes that were read from and written to block devices; None if there was no such I/O."""
    entries = data["blkio"].get("ioServiceBytesRecursive")
    if entries is None:
        return None
    read = sum(each["value"] for each in entries if each["op"] == "Read")
    return read, sum(each["value"] for each in entries if each["op"] == "Write")


def counts(data: "Statistics") -> Counts:
    """The values of a Look, from the statistics of a cgroup."""
    # Nothing is counted before the first transfer.
    read, written = block_bytes(data) or (0, 0)
    return {
        "cpu": data["cpu"].get("usage", {}).get("total"),
        "memory": memory_used(data),
        "memory_limit": _limit(data["memory"].get("usage", {}).get("limit")),
        "pids": data["pids"].get("current"),
        "pids_limit": _limit(data["pids"].get("limit")),
        "read": read,
        "written": written,
    }


def _look(store: Store, id: str) -> Look:
    entry = store.find(id)
    state = entry.load_state()
    now = status.status_of(state, entry.directory)
    if now in (status.STOPPED, status.CREATING):
        return Look(id, now, 0, state.created, monotonic())
    bare = Look(id, now, state.pid, state.created, monotonic())
    cgroup = state.cgroup()
    if cgroup is None:
        return bare
    return replace(bare, **counts(cgroups.stats(cgroup)))


def _limit(value: int | None) -> int | None:
    return value if value and value < NO_LIMIT else None


def _use(before: Look | None, now: Look) -> Use:
    seconds = now.at - before.at if before else 0.0
    if before is None or seconds <= 0:
        return Use(now, None, None, None)
    cpu = _rate(before.cpu, now.cpu, seconds)
    return Use(
        now,
        None if cpu is None else cpu / 1e7,
        _rate(before.read, now.read, seconds),
        _rate(before.written, now.written, seconds),
    )


def _rate(before: int | None, now: int | None, seconds: float) -> float | None:
    if before is None or now is None:
        return None
    return max(0, now - before) / seconds
