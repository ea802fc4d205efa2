"""``linux.resources``, which is shaped after cgroup v1, in the files of cgroup v2.

See Documentation/admin-guide/cgroup-v2.rst. Where v2 has the value under another scale the formula
stands beside it; where it has no such thing at all a value that asks for something is refused
(runtime-spec config-linux.md, Unified: "If the conversion is not possible the runtime MUST generate
an error"), and one that asks for nothing (0, -1, false) is let pass.
"""

from math import ceil, log2

from hutch.errors import ConfigError
from hutch.plan.resources import (
    POINTER,
    CgroupWrite,
    cpuset_writes,
    device_number,
    hugepage_writes,
    pids_writes,
    rdma_writes,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from hutch.spec.config import BlockIo, Cpu, Memory, Network, Resources

    KernelLimit = Literal["kernel", "kernelTCP"]
    Realtime = Literal["realtimeRuntime", "realtimePeriod"]
    Throttle = Literal[
        "throttleReadBpsDevice",
        "throttleWriteBpsDevice",
        "throttleReadIOPSDevice",
        "throttleWriteIOPSDevice",
    ]

SHARES_MIN, SHARES_MAX = 2, 262144  # the kernel's bounds of cpu.shares on v1
WEIGHT_MAX = 10000

# Settings of v1's memory, each with the one value that v2 always has.
UNCHANGEABLE = (("swappiness", None), ("disableOOMKiller", False), ("useHierarchy", True))

# What has no counterpart.
KERNEL_LIMITS: "tuple[KernelLimit, ...]" = ("kernel", "kernelTCP")
REALTIME: "tuple[Realtime, ...]" = ("realtimeRuntime", "realtimePeriod")

THROTTLES: "tuple[tuple[Throttle, str], ...]" = (
    ("throttleReadBpsDevice", "rbps"),
    ("throttleWriteBpsDevice", "wbps"),
    ("throttleReadIOPSDevice", "riops"),
    ("throttleWriteIOPSDevice", "wiops"),
)


def compile_v2(resources: "Resources") -> "list[CgroupWrite]":
    """The writes for a v2 host, ``unified`` last so that it has the last word; ConfigError."""
    _refuse_network(resources.get("network", {}))
    return [
        *cpuset_writes(resources.get("cpu", {})),
        *_memory(resources.get("memory", {})),
        *_cpu(resources.get("cpu", {})),
        *pids_writes(resources.get("pids", {})),
        *_block_io(resources.get("blockIO", {})),
        *hugepage_writes(resources.get("hugepageLimits") or (), "max"),
        *rdma_writes(resources.get("rdma", {})),
        *_unified(resources.get("unified", {})),
    ]


def weight_of_shares(shares: int) -> int:
    """cpu.weight (1 to 10000) of cpu.shares (2 to 262144).

    weight = ceil(10 ^ ((l^2 + 125 l) / 612 - 7/34)) with l = log2(shares): a curve through the
    least, the default and the greatest value of both, 2 -> 1, 1024 -> 100 and 262144 -> 10000. The
    straight line that runtimes used before 2025 gave the default share of 1024 a weight of 39.
    """
    log = log2(min(max(shares, SHARES_MIN), SHARES_MAX))
    return min(ceil(10 ** ((log * log + 125 * log - 126) / 612)), WEIGHT_MAX)


def io_weight(weight: int) -> int:
    """io.weight (1 to 10000) of a blkio weight (10 to 1000): a straight line between the ends."""
    return 1 + (weight - 10) * 9999 // 990


def _absent(pointer: str, value: "object") -> ConfigError:
    return ConfigError(pointer, "has no counterpart on cgroup v2, which this host has", value=value)


def _memory(memory: "Memory") -> "list[CgroupWrite]":
    at = f"{POINTER}.memory"
    for kind in KERNEL_LIMITS:
        kernel = memory.get(kind, 0)
        if kernel > 0:
            raise _absent(f"{at}.{kind}", kernel)
    for key, usual in UNCHANGEABLE:
        setting = memory.get(key)
        if setting is not None and setting is not usual:
            raise _absent(f"{at}.{key}", setting)
    writes = []

    def write(key: str, file: str, value: int, optional: bool = False) -> None:
        shown = "max" if value == -1 else str(value)
        neutral = value == -1
        writes.append(
            CgroupWrite("memory", file, shown, f"{at}.{key}", optional=optional, neutral=neutral)
        )

    limit, swap = memory.get("limit") or None, memory.get("swap") or None
    if limit is not None:
        write("limit", "memory.max", limit)
    if reservation := memory.get("reservation"):
        write("reservation", "memory.low", reservation)
    if swap == -1:
        write("swap", "memory.swap.max", -1)
    elif swap is not None and limit is not None:
        # v1 limits memory and swap together, v2 swap alone. A kernel without swap has no such
        # file, and then none is what it gives.
        write("swap", "memory.swap.max", swap - limit, optional=swap == limit)
    return writes


def _cpu(cpu: "Cpu") -> "list[CgroupWrite]":
    at = f"{POINTER}.cpu"
    for kind in REALTIME:
        if time := cpu.get(kind):
            raise _absent(f"{at}.{kind}", time)
    writes = []
    if shares := cpu.get("shares"):
        weight = str(weight_of_shares(shares))
        writes.append(CgroupWrite("cpu", "cpu.weight", weight, f"{at}.shares"))
    quota, period, burst = cpu.get("quota") or None, cpu.get("period") or None, cpu.get("burst")
    if quota is not None or period is not None:
        # "QUOTA" alone leaves the period as it is.
        bandwidth = "max" if quota is None or quota == -1 else str(quota)
        if period is not None:
            bandwidth += f" {period}"
        key = "period" if quota is None else "quota"
        writes.append(
            CgroupWrite("cpu", "cpu.max", bandwidth, f"{at}.{key}", neutral=bandwidth == "max")
        )
    if burst is not None:
        writes.append(
            CgroupWrite("cpu", "cpu.max.burst", str(burst), f"{at}.burst", neutral=burst == 0)
        )
    idle = cpu.get("idle")
    if idle is not None:
        writes.append(CgroupWrite("cpu", "cpu.idle", str(idle), f"{at}.idle", neutral=idle == 0))
    return writes


def _block_io(block_io: "BlockIo") -> "list[CgroupWrite]":
    """BFQ's weights have the scale of v1; io.weight, of the cost model, has its own."""
    at = f"{POINTER}.blockIO"
    if leaf := block_io.get("leafWeight"):
        raise _absent(f"{at}.leafWeight", leaf)
    writes = []

    def weigh(device: str, weight: int, pointer: str) -> None:
        other = ("io.weight", f"{device} {io_weight(weight)}")
        value = f"{device} {weight}"
        writes.append(CgroupWrite("io", "io.bfq.weight", value, pointer, fallback=other))

    if weight := block_io.get("weight"):
        weigh("default", weight, f"{at}.weight")
    for i, entry in enumerate(block_io.get("weightDevice") or ()):
        here = f"{at}.weightDevice[{i}]"
        if leaf := entry.get("leafWeight"):
            raise _absent(f"{here}.leafWeight", leaf)
        weight = entry.get("weight")
        if not weight:
            raise ConfigError(here, "needs weight")
        weigh(device_number(entry), weight, f"{here}.weight")
    for key, limit in THROTTLES:
        for i, limited in enumerate(block_io.get(key) or ()):
            here = f"{at}.{key}[{i}]"
            # v1 takes 0 for "no limit", v2 has a word for it.
            rate = limited["rate"] or "max"
            value = f"{device_number(limited)} {limit}={rate}"
            writes.append(CgroupWrite("io", "io.max", value, here))
    return writes


def _refuse_network(network: "Network") -> None:
    for key in ("classID", "priorities"):
        if value := network.get(key):
            raise _absent(f"{POINTER}.network.{key}", value)


def _unified(unified: "dict[str, str]") -> "list[CgroupWrite]":
    """Each file as given, also one unknown here; several lines are several writes.

    (io.max and its like take one device at a time.)
    """
    writes = []
    for file, value in unified.items():
        pointer = f'{POINTER}.unified["{file}"]'
        controller = file.partition(".")[0]
        if controller == "cgroup":
            controller = ""
        writes += [
            CgroupWrite(controller, file, line, pointer) for line in value.split("\n") if line
        ]
    return writes
