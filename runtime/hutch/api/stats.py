"""GET /containers/ID/stats: what a container uses, in the shape of Docker's API."""

import os
import time
from collections.abc import Mapping

from hutch.api.call import Call
from hutch.api.fields import yes
from hutch.engine.containers import records as phases
from hutch.engine.containers.listing import rfc3339
from hutch.engine.containers.records import Record
from hutch.engine.containers.stats import Sample, sample

ZERO = "0001-01-01T00:00:00Z"


def stats(call: Call) -> None:
    """GET /containers/ID/stats?stream=&one-shot=: a document a second; with ``stream=0`` one, after
    a second look, and with ``one-shot`` at once."""
    record = call.container()
    stream = yes(call.query, "stream", True)
    call.exchange.begin("application/json")
    before: Sample | None = None
    host = 0
    if not stream and not yes(call.query, "one-shot") and record.phase == phases.RUNNING:
        before, host = sample(call.engine, record), host_ticks()
        time.sleep(1)
    while True:
        now = sample(call.engine, record) if record.phase == phases.RUNNING else None
        ticks = host_ticks()
        call.exchange.line(document(record, before, host, now, ticks))
        before, host = now, ticks
        if not stream or call.exchange.client_left():
            break
        time.sleep(1)
        current = call.engine.records.get(record.id)
        if current is None:
            break
        record = current
    call.exchange.end()


def host_ticks() -> int:
    """Nanoseconds of processor time that all of the host has used or idled away (proc_stat(5))."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = file.readline().split()[1:8]
    return sum(map(int, fields)) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def document(
    record: Record, before: Sample | None, host_before: int, now: Sample | None, host: int
) -> dict[str, object]:
    """The document for two looks; of a container that does not run all is zero."""
    found: dict[str, object] = {
        "id": record.id,
        "name": "/" + record.name,
        "read": rfc3339(time.time()) if now else ZERO,
        "preread": rfc3339(time.time() - (now.at - before.at)) if now and before else ZERO,
        "num_procs": 0,
        "os_type": "linux",
        "storage_stats": {},
        "pids_stats": {"current": now.pids} if now else {},
        "cpu_stats": _cpu(now, host),
        "precpu_stats": _cpu(before, host_before),
        "memory_stats": {"usage": now.memory, "limit": now.limit, "stats": {}} if now else {},
        "blkio_stats": {"io_service_bytes_recursive": _blocks(now) if now else None},
    }
    if now and record.options.network not in ("none", "host"):
        found["networks"] = {"eth0": _network(now)}
    return found


def _cpu(one: Sample | None, host: int) -> Mapping[str, object]:
    usage: dict[str, object] = {
        "total_usage": one.cpu if one else 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0,
    }  # fmt: skip
    found: dict[str, object] = {
        "cpu_usage": usage,
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }
    if one is not None:
        found["system_cpu_usage"], found["online_cpus"] = host, os.cpu_count() or 1
    return found


def _blocks(one: Sample) -> list[dict[str, object]]:
    return [
        {"major": 0, "minor": 0, "op": "read", "value": one.read},
        {"major": 0, "minor": 0, "op": "write", "value": one.written},
    ]


def _network(one: Sample) -> dict[str, int]:
    return {
        "rx_bytes": one.received, "rx_packets": 0, "rx_errors": 0, "rx_dropped": 0,
        "tx_bytes": one.sent, "tx_packets": 0, "tx_errors": 0, "tx_dropped": 0,
    }  # fmt: skip
