"""``linux.resources``, which has the fields of cgroup v1, as writes to the files of cgroup v2.

See Documentation/admin-guide/cgroup-v2.rst. If v2 has another scale for a value, the function that
converts it has the formula. If v2 has nothing like it, a value that sets something is an error
(runtime-spec config-linux.md, Unified: "If the conversion is not possible the runtime MUST generate
an error"), and a value that means "not set" (0, -1, false) is ignored.
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

# Fields that have no counterpart on v2.
KERNEL_LIMITS: "tuple[KernelLimit, ...]" = ("kernel", "kernelTCP")
REALTIME: "tuple[Realtime, ...]" = ("realtimeRuntime", "realtimePeriod")

THROTTLES: "tuple[tuple[Throttle, str], ...]" = (
    ("throttleReadBpsDevice", "rbps"),
    ("throttleWriteBpsDevice", "wbps"),
    ("throttleReadIOPSDevice", "riops"),
    ("throttleWriteIOPSDevice", "wiops"),
)


def compile_v2(resources: "Resources") -> "list[CgroupWrite]":
    """The writes for a v2 host. Those of ``unified`` are last, so that they override the others.

    Raises ConfigError for a value that v2 cannot carry out.
    """
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
    """The cpu.weight (1 to 10000) for a value of cpu.shares (2 to 262144).

    weight = ceil(10 ^ ((l^2 + 125 l) / 612 - 7/34)) with l = log2(shares). The formula maps the
    smallest, the default and the largest value of shares to those of weight: 2 to 1, 1024 to 100,
    262144 to 10000. The linear formula that runtimes used before 2025 gave the default of 1024
    shares a weight of 39.
    """
    log = log2(min(max(shares, SHARES_MIN), SHARES_MAX))
    return min(ceil(10 ** ((log * log + 125 * log - 126) / 612)), WEIGHT_MAX)


def io_weight(weight: int) -> int:
    """The io.weight (1 to 10000) for a weight of blkio (10 to 1000), by a linear formula."""
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
        # v1 limits memory and swap together, v2 swap alone. A kernel without swap lacks the file;
        # then a limit of 0 holds anyway.
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
    """The weights of BFQ have the scale of v1; io.weight (of the io.cost model) has another."""
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
            # "No limit" is 0 on v1, "max" on v2.
            rate = limited["rate"] or "max"
            value = f"{device_number(limited)} {limit}={rate}"
            writes.append(CgroupWrite("io", "io.max", value, here))
    return writes


def _refuse_network(network: "Network") -> None:
    for key in ("classID", "priorities"):
        if value := network.get(key):
            raise _absent(f"{POINTER}.network.{key}", value)


def _unified(unified: "dict[str, str]") -> "list[CgroupWrite]":
    """The writes to the files of linux.resources.unified, which need not be known here.

    A value of several lines is several writes, because files such as io.max take one device at each
    write.
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
