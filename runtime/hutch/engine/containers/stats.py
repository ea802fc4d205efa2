"""What containers use: from their cgroups, by hutch's own counting (``hutch events --stats``)."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.errors import HutchError

if TYPE_CHECKING:
    from hutch.cgroups.stats_form import Statistics


class Traffic(NamedTuple):
    """The counters of a network device (proc_pid_net(5), dev)."""

    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_dropped: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a container: nanoseconds of CPU, bytes, processes."""

    at: float
    cpu: int
    memory: int
    limit: int
    read: int
    written: int
    received: int
    sent: int
    pids: int
    data: Mapping[str, object] = field(default_factory=dict)  # all that the runtime tells
    links: "dict[str, Traffic]" = field(default_factory=dict)


def sample(engine: Engine, record: Record) -> Sample | None:
    """What a running container uses now; None if it has just ended."""
    try:
        data = engine.runtime(record).statistics()
    except HutchError:
        return None
    usage = number(data, "memory", "usage", "usage")
    # As Docker: what the page cache could give back does not count.
    inactive = number(data, "memory", "raw", "total_inactive_file")
    inactive = inactive or number(data, "memory", "raw", "inactive_file")
    limit = number(data, "memory", "usage", "limit")
    total = host_memory()
    read, written = _blocks(data)
    links = traffic(record.pid)
    received = sum(one.rx_bytes for one in links.values())
    sent = sum(one.tx_bytes for one in links.values())
    return Sample(
        time.monotonic(), number(data, "cpu", "usage", "total"), max(usage - inactive, 0),
        limit if 0 < limit < total else total, read, written, received, sent,
        number(data, "pids", "current"), data, links,
    )  # fmt: skip


def cpu_percent(before: Sample, after: Sample) -> float:
    """Share of one CPU between two looks, in percent."""
    seconds = after.at - before.at
    return 100.0 * (after.cpu - before.cpu) / 1e9 / seconds if seconds > 0 else 0.0


def host_memory() -> int:
    """Bytes of memory of the host."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def part(data: Mapping[str, object], *path: str) -> dict[str, object]:
    """A part of the statistics; another runtime may leave it out."""
    here: object = data
    for key in path:
        here = here.get(key) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def number(data: Mapping[str, object], *path: str) -> int:
    value = part(data, *path[:-1]).get(path[-1], 0)
    return int(value) if isinstance(value, int | float) else 0


def _blocks(data: "Statistics") -> tuple[int, int]:
    """Bytes read from and written to block devices."""
    read = written = 0
    for entry in data.get("blkio", {}).get("ioServiceBytesRecursive") or []:
        if entry.get("op", "").lower() == "read":
            read += int(entry.get("value", 0))
        elif entry.get("op", "").lower() == "write":
            written += int(entry.get("value", 0))
    return read, written


def traffic(pid: int) -> dict[str, Traffic]:
    """What went through each device of a process's network, but the loopback device."""
    found = {}
    try:
        with open(f"/proc/{pid}/net/dev", encoding="ascii") as file:
            lines = file.read().splitlines()[2:]
    except OSError:
        return {}
    for line in lines:
        name, _, rest = line.partition(":")
        fields = list(map(int, rest.split()))
        if name.strip() != "lo":
            found[name.strip()] = Traffic(*fields[:4], *fields[8:12])
    return found
