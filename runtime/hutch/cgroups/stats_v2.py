"""The statistics of a container from the files of cgroup v2, in the form of ``events --stats``.

That form is the one of v1. So the microseconds of v2 become nanoseconds, and memory and swap, which
v2 counts separately, are added. A limit of "max" becomes the largest number. Only v2 has pressure
(``psi``).
"""

from hutch.cgroups.files import flat, read_or
from hutch.cgroups.stats_form import as_list, frame, hugetlb_sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from hutch.cgroups.stats_form import BlockEntry, BlockIo, Cpu, Memory, Pressure, Statistics
    from hutch.plan.cgroup_paths import Cgroup

    Counted = Literal["ioServiceBytesRecursive", "ioServicedRecursive"]

NO_LIMIT = (1 << 64) - 1

# Key of io.stat -> key of the statistics, and the name of the operation in v1.
BLOCK_KEYS: "dict[str, tuple[Counted, str]]" = {
    "rbytes": ("ioServiceBytesRecursive", "Read"),
    "wbytes": ("ioServiceBytesRecursive", "Write"),
    "dbytes": ("ioServiceBytesRecursive", "Discard"),
    "rios": ("ioServicedRecursive", "Read"),
    "wios": ("ioServicedRecursive", "Write"),
    "dios": ("ioServicedRecursive", "Discard"),
}


def stats(cgroup: "Cgroup") -> "Statistics":
    """The statistics; values that cannot be read are left out."""
    result = frame()
    directory = cgroup.directories.get("")
    if directory is None:
        return result
    result["cpu"] = _cpu(directory)
    result["cpuset"] = {
        "cpus": as_list(read_or(directory + "/cpuset.cpus.effective")),
        "mems": as_list(read_or(directory + "/cpuset.mems.effective")),
    }
    result["memory"] = _memory(directory)
    limit = read_or(directory + "/pids.max").strip()
    result["pids"] = {
        "current": _number(directory + "/pids.current"),
        "limit": int(limit) if limit.isdigit() else 0,
    }
    result["blkio"] = _block_io(directory)
    result["hugetlb"] = {
        size: {
            "usage": _number(f"{directory}/hugetlb.{size}.current"),
            "failcnt": flat(read_or(f"{directory}/hugetlb.{size}.events")).get("max", 0),
        }
        for size in hugetlb_sizes(directory, ".current")
    }
    return result


def _number(path: str) -> int:
    content = read_or(path).strip()
    if content == "max":
        return NO_LIMIT
    return int(content or 0)


def _cpu(directory: str) -> "Cpu":
    values = flat(read_or(directory + "/cpu.stat"))
    result: Cpu = {
        "usage": {
            "total": values.get("usage_usec", 0) * 1000,
            "kernel": values.get("system_usec", 0) * 1000,
            "user": values.get("user_usec", 0) * 1000,
        },
        "throttling": {
            "periods": values.get("nr_periods", 0),
            "throttledPeriods": values.get("nr_throttled", 0),
            "throttledTime": values.get("throttled_usec", 0) * 1000,
        },
    }
    if pressure := _pressure(directory + "/cpu.pressure"):
        result["psi"] = pressure
    return result


def _memory(directory: str) -> "Memory":
    raw = flat(read_or(directory + "/memory.stat"))
    usage = _number(directory + "/memory.current")
    limit = _number(directory + "/memory.max")
    events = flat(read_or(directory + "/memory.events"))
    result: Memory = {
        "cache": raw.get("file", 0),
        "usage": {
            "limit": limit,
            "usage": usage,
            "max": _number(directory + "/memory.peak"),
            "failcnt": events.get("max", 0),
        },
    }
    swap = read_or(directory + "/memory.swap.current")
    if swap:
        swap_limit = _number(directory + "/memory.swap.max")
        result["swap"] = {
            "limit": NO_LIMIT if NO_LIMIT in {limit, swap_limit} else limit + swap_limit,
            "usage": usage + int(swap),
            "failcnt": flat(read_or(directory + "/memory.swap.events")).get("fail", 0),
        }
    result["raw"] = raw
    if pressure := _pressure(directory + "/memory.pressure"):
        result["psi"] = pressure
    return result


def _block_io(directory: str) -> "BlockIo":
    result: BlockIo = {}
    for line in read_or(directory + "/io.stat").splitlines():
        device, *values = line.split()
        major, _, minor = device.partition(":")
        for value in values:
            name, _, amount = value.partition("=")
            if name in BLOCK_KEYS and minor:
                key, operation = BLOCK_KEYS[name]
                entry: BlockEntry = {
                    "major": int(major),
                    "minor": int(minor),
                    "op": operation,
                    "value": int(amount),
                }
                result.setdefault(key, []).append(entry)
    if pressure := _pressure(directory + "/io.pressure"):
        result["psi"] = pressure
    return result


def _pressure(path: str) -> "Pressure":
    """The content of a .pressure file; {} if there is none."""
    result: Pressure = {}
    for line in read_or(path).splitlines():
        kind, *values = line.split()
        pairs = [value.partition("=") for value in values]
        result[kind] = {
            name: int(value) if name == "total" else float(value) for name, _, value in pairs
        }
    return result
