"""GET /containers/ID/stats: what a container uses, in the shape of Docker's API."""

import os
import time
from collections.abc import Mapping

from hutch.api.call import Call
from hutch.api.fields import yes
from hutch.engine.containers import records as phases
from hutch.engine.containers.listing import rfc3339
from hutch.engine.containers.records import Record
from hutch.engine.containers.stats import Sample, number, part, sample

BLOCKS = {
    "io_service_bytes_recursive": "ioServiceBytesRecursive",
    "io_serviced_recursive": "ioServicedRecursive",
    "io_queue_recursive": "ioQueueRecursive",
    "io_service_time_recursive": "ioServiceTimeRecursive",
    "io_wait_time_recursive": "ioWaitTimeRecursive",
    "io_merged_recursive": "ioMergedRecursive",
    "io_time_recursive": "ioTimeRecursive",
    "sectors_recursive": "sectorsRecursive",
}
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
        "memory_stats": _memory(now) if now else {},
        "blkio_stats": _blocks(now),
    }
    if now and record.options.network not in ("none", "host"):
        found["networks"] = {name: link._asdict() for name, link in now.links.items()}
    return found


def _cpu(one: Sample | None, host: int) -> Mapping[str, object]:
    data = one.data if one else {}
    usage: dict[str, object] = {
        "total_usage": one.cpu if one else 0,
        "usage_in_kernelmode": number(data, "cpu", "usage", "kernel"),
        "usage_in_usermode": number(data, "cpu", "usage", "user"),
    }
    if each := part(data, "cpu", "usage").get("percpu"):  # of cgroup v1
        usage["percpu_usage"] = each
    found: dict[str, object] = {
        "cpu_usage": usage,
        "throttling_data": {
            "periods": number(data, "cpu", "throttling", "periods"),
            "throttled_periods": number(data, "cpu", "throttling", "throttledPeriods"),
            "throttled_time": number(data, "cpu", "throttling", "throttledTime"),
        },
    }
    if one is not None:
        found["system_cpu_usage"], found["online_cpus"] = host, os.cpu_count() or 1
    return found


def _memory(one: Sample) -> Mapping[str, object]:
    """The whole usage, as the kernel counts it: clients take off what can be given back."""
    found: dict[str, object] = {
        "usage": number(one.data, "memory", "usage", "usage"), "limit": one.limit,
        "stats": part(one.data, "memory", "raw"),
    }  # fmt: skip
    if most := number(one.data, "memory", "usage", "max"):
        found["max_usage"] = most
    return found


def _blocks(one: Sample | None) -> Mapping[str, object]:
    """Operations and bytes of each device. Clients read those of io_service_bytes_recursive."""
    data = part(one.data, "blkio") if one else {}
    return {docker: data.get(ours) or [] for docker, ours in BLOCKS.items()}
