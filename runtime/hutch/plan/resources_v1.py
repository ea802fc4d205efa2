"""``linux.resources`` as writes to the files of cgroup v1.

See Documentation/admin-guide/cgroup-v1 of the kernel. Within a controller the writes have the order
that a new cgroup needs: memory before memory and swap, period before quota, quota before burst,
shares before idle. An update may need another order: resources_update.py.
"""

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

    Throttle = Literal[
        "throttleReadBpsDevice",
        "throttleWriteBpsDevice",
        "throttleReadIOPSDevice",
        "throttleWriteIOPSDevice",
    ]

THROTTLES: "tuple[tuple[Throttle, str], ...]" = (
    ("throttleReadBpsDevice", "blkio.throttle.read_bps_device"),
    ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device"),
    ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device"),
    ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device"),
)


def compile_v1(resources: "Resources") -> "list[CgroupWrite]":
    """The writes for a v1 or hybrid host; raises ConfigError."""
    if resources.get("unified"):
        raise ConfigError(
            f"{POINTER}.unified",
            "needs cgroup v2, and this host has cgroup v1",
            hint="boot with systemd.unified_cgroup_hierarchy=1, or use the v1 fields",
        )
    return [
        *cpuset_writes(resources.get("cpu", {})),
        *_memory(resources.get("memory", {})),
        *_cpu(resources.get("cpu", {})),
        *pids_writes(resources.get("pids", {})),
        *_block_io(resources.get("blockIO", {})),
        *hugepage_writes(resources.get("hugepageLimits") or (), "limit_in_bytes"),
        *_network(resources.get("network", {})),
        *rdma_writes(resources.get("rdma", {})),
    ]


def _memory(memory: "Memory") -> "list[CgroupWrite]":
    at = f"{POINTER}.memory"
    writes = []

    def write(key: str, file: str, value: "int | None", neutral: "int | None" = -1) -> None:
        if value is not None:
            writes.append(
                CgroupWrite("memory", file, str(value), f"{at}.{key}", neutral=value == neutral)
            )

    limit, swap = memory.get("limit") or None, memory.get("swap") or None
    hierarchy = memory.get("useHierarchy")
    if hierarchy is not None:
        # Since Linux 5.11 it is always on: the kernel accepts a 1 and refuses a 0.
        write("useHierarchy", "memory.use_hierarchy", int(hierarchy), neutral=None)
    write("limit", "memory.limit_in_bytes", limit)
    reservation = memory.get("reservation") or None
    write("reservation", "memory.soft_limit_in_bytes", reservation)
    kernel = memory.get("kernel") or None
    write("kernel", "memory.kmem.limit_in_bytes", kernel)
    kernel_tcp = memory.get("kernelTCP") or None
    write("kernelTCP", "memory.kmem.tcp.limit_in_bytes", kernel_tcp)
    write("swap", "memory.memsw.limit_in_bytes", swap)
    swappiness = memory.get("swappiness")
    write("swappiness", "memory.swappiness", swappiness)
    oom = memory.get("disableOOMKiller")
    if oom is not None:
        write("disableOOMKiller", "memory.oom_control", int(oom), neutral=0)
    return writes


def _cpu(cpu: "Cpu") -> "list[CgroupWrite]":
    at = f"{POINTER}.cpu"
    writes = []

    def write(key: str, file: str, value: "int | None", neutral: "int | None" = None) -> None:
        if value is not None:
            writes.append(
                CgroupWrite("cpu", file, str(value), f"{at}.{key}", neutral=value == neutral)
            )

    write("shares", "cpu.shares", cpu.get("shares") or None)
    write("period", "cpu.cfs_period_us", cpu.get("period") or None)
    write("quota", "cpu.cfs_quota_us", cpu.get("quota") or None, neutral=-1)
    write("burst", "cpu.cfs_burst_us", cpu.get("burst"), neutral=0)
    write("realtimePeriod", "cpu.rt_period_us", cpu.get("realtimePeriod") or None)
    runtime = cpu.get("realtimeRuntime")
    write("realtimeRuntime", "cpu.rt_runtime_us", runtime, neutral=0)
    write("idle", "cpu.idle", cpu.get("idle"), neutral=0)
    return writes


def _block_io(block_io: "BlockIo") -> "list[CgroupWrite]":
    """Weights are files of an IO scheduler: of CFQ before Linux 5.0, of BFQ since then."""
    at = f"{POINTER}.blockIO"
    writes = []

    def write(file: str, value: str, pointer: str, bfq: str = "") -> None:
        fallback = (bfq, value) if bfq else None
        writes.append(CgroupWrite("blkio", file, value, pointer, fallback=fallback))

    if weight := block_io.get("weight"):
        write("blkio.weight", str(weight), f"{at}.weight", "blkio.bfq.weight")
    if leaf := block_io.get("leafWeight"):
        write("blkio.leaf_weight", str(leaf), f"{at}.leafWeight")
    for i, entry in enumerate(block_io.get("weightDevice") or ()):
        here = f"{at}.weightDevice[{i}]"
        device = device_number(entry)
        if weight := entry.get("weight"):
            value = f"{device} {weight}"
            write("blkio.weight_device", value, f"{here}.weight", "blkio.bfq.weight_device")
        if leaf := entry.get("leafWeight"):
            write("blkio.leaf_weight_device", f"{device} {leaf}", f"{here}.leafWeight")
    for key, file in THROTTLES:
        for i, limited in enumerate(block_io.get(key) or ()):
            here = f"{at}.{key}[{i}]"
            rate = limited["rate"]
            write(file, f"{device_number(limited)} {rate}", here)
    return writes


def _network(network: "Network") -> "list[CgroupWrite]":
    at = f"{POINTER}.network"
    writes = []
    if class_id := network.get("classID"):
        writes.append(CgroupWrite("net_cls", "net_cls.classid", str(class_id), f"{at}.classID"))
    for i, entry in enumerate(network.get("priorities") or ()):
        value = f"{entry['name']} {entry['priority']}"
        here = f"{at}.priorities[{i}]"
        writes.append(CgroupWrite("net_prio", "net_prio.ifpriomap", value, here))
    return writes
