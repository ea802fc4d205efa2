"""The statistics of a container from the files of cgroup v1, in the form of ``events --stats``.

Times are in nanoseconds, sizes in bytes. If a controller is not mounted, or a file does not exist,
its values are left out.
"""

from hutch.cgroups.files import flat, read_or
from hutch.cgroups.stats_form import as_list, block_entries, frame, hugetlb_sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.cgroups.stats_form import (
        BlockIo,
        Cpuset,
        Limited,
        Memory,
        Statistics,
        Throttling,
        Usage,
    )
    from hutch.plan.cgroup_paths import Cgroup

NANOSECONDS_A_TICK = 10_000_000  # cpuacct.stat counts in USER_HZ, which is 100 per second

# Keys of the statistics, and files "cpuset." + the key.
CPUSET_FLAGS = (
    "cpu_exclusive",
    "mem_hardwall",
    "mem_exclusive",
    "memory_migrate",
    "memory_spread_page",
    "memory_spread_slab",
    "memory_pressure",
    "sched_load_balance",
    "sched_relax_domain_level",
)

# Key of the statistics -> the file of the scheduler BFQ, and the file of throttling ("" for none).
BLOCK_FILES = (
    ("ioServiceBytesRecursive", "bfq.io_service_bytes_recursive", "throttle.io_service_bytes"),
    ("ioServicedRecursive", "bfq.io_serviced_recursive", "throttle.io_serviced"),
    ("ioQueueRecursive", "bfq.io_queued_recursive", ""),
    ("ioServiceTimeRecursive", "bfq.io_service_time_recursive", ""),
    ("ioWaitTimeRecursive", "bfq.io_wait_time_recursive", ""),
    ("ioMergedRecursive", "bfq.io_merged_recursive", ""),
    ("ioTimeRecursive", "bfq.time_recursive", ""),
    ("sectorsRecursive", "bfq.sectors_recursive", ""),
)

# Key of the statistics -> the beginning of its files' names, after "memory.".
MEMORY_KINDS = (
    ("usage", ""),
    ("swap", "memsw."),
    ("kernel", "kmem."),
    ("kernelTCP", "kmem.tcp."),
)


def stats(cgroup: "Cgroup") -> "Statistics":
    """The statistics; values that cannot be read are left out."""
    result = frame()
    found = cgroup.directories
    result["cpu"] = {
        "usage": _cpu_usage(found["cpuacct"]) if "cpuacct" in found else {},
        "throttling": _throttling(found["cpu"]) if "cpu" in found else {},
    }
    if "cpuset" in found:
        result["cpuset"] = _cpuset(found["cpuset"])
    if "memory" in found:
        result["memory"] = _memory(found["memory"])
    if "pids" in found:
        limit = read_or(found["pids"] + "/pids.max").strip()
        result["pids"] = {
            "current": _number(found["pids"] + "/pids.current"),
            "limit": int(limit) if limit.isdigit() else 0,
        }
    if "blkio" in found:
        result["blkio"] = _block_io(found["blkio"])
    if "hugetlb" in found:
        result["hugetlb"] = _hugetlb(found["hugetlb"])
    return result


def _number(path: str) -> int:
    return int(read_or(path, "0") or 0)


def _cpu_usage(directory: str) -> "Usage":
    ticks = flat(read_or(directory + "/cpuacct.stat"))
    table = [line.split() for line in read_or(directory + "/cpuacct.usage_all").splitlines()[1:]]
    return {
        "total": _number(directory + "/cpuacct.usage"),
        "percpu": [int(word) for word in read_or(directory + "/cpuacct.usage_percpu").split()],
        "percpu_kernel": [int(row[2]) for row in table],
        "percpu_user": [int(row[1]) for row in table],
        "kernel": ticks.get("system", 0) * NANOSECONDS_A_TICK,
        "user": ticks.get("user", 0) * NANOSECONDS_A_TICK,
    }


def _throttling(directory: str) -> "Throttling":
    values = flat(read_or(directory + "/cpu.stat"))
    return {
        "periods": values.get("nr_periods", 0),
        "throttledPeriods": values.get("nr_throttled", 0),
        "throttledTime": values.get("throttled_time", 0),
    }


def _cpuset(directory: str) -> "Cpuset":
    result: Cpuset = {
        "cpus": as_list(read_or(directory + "/cpuset.cpus")),
        "mems": as_list(read_or(directory + "/cpuset.mems")),
    }
    for flag in CPUSET_FLAGS:
        result[flag] = _number(f"{directory}/cpuset.{flag}")  # type: ignore[literal-required]
    return result


def _memory(directory: str) -> "Memory":
    raw = flat(read_or(directory + "/memory.stat"))
    result: Memory = {"cache": raw.get("cache", 0)}
    for key, kind in MEMORY_KINDS:
        limit = read_or(f"{directory}/memory.{kind}limit_in_bytes")
        if limit:
            result[key] = {  # type: ignore[literal-required]
                "limit": int(limit),
                "usage": _number(f"{directory}/memory.{kind}usage_in_bytes"),
                "max": _number(f"{directory}/memory.{kind}max_usage_in_bytes"),
                "failcnt": _number(f"{directory}/memory.{kind}failcnt"),
            }
    result["raw"] = raw
    return result


def _block_io(directory: str) -> "BlockIo":
    result: BlockIo = {}
    for key, bfq, throttle in BLOCK_FILES:
        entries = block_entries(read_or(f"{directory}/blkio.{bfq}"))
        if not entries and throttle:
            entries = block_entries(read_or(f"{directory}/blkio.{throttle}_recursive"))
        if entries:
            result[key] = entries  # type: ignore[literal-required]
    return result


def _hugetlb(directory: str) -> "dict[str, Limited]":
    return {
        size: {
            "usage": _number(f"{directory}/hugetlb.{size}.usage_in_bytes"),
            "max": _number(f"{directory}/hugetlb.{size}.max_usage_in_bytes"),
            "failcnt": _number(f"{directory}/hugetlb.{size}.failcnt"),
        }
        for size in hugetlb_sizes(directory, ".failcnt")
    }
