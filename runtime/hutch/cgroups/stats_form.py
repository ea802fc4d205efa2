"""The types of the statistics, which are the same for v1 and v2, and parsers for their files."""

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    # {"some": {"avg10": 0.5, ...}, "full": ...}; only v2 has it.
    Pressure = dict[str, dict[str, float]]

    class Usage(TypedDict, total=False):
        """CPU time in nanoseconds; only v1 has it for each CPU."""

        total: int
        kernel: int
        user: int
        percpu: list[int]
        percpu_kernel: list[int]
        percpu_user: list[int]

    class Throttling(TypedDict, total=False):
        """How many periods of the quota there were, and in how many the container was throttled;
        the throttled time in nanoseconds."""

        periods: int
        throttledPeriods: int
        throttledTime: int

    class Cpu(TypedDict, total=False):
        """The controllers cpu and cpuacct."""

        usage: Usage
        throttling: Throttling
        psi: Pressure

    class Cpuset(TypedDict, total=False):
        """The effective CPUs and memory nodes; the other keys are files of v1 with these names."""

        cpus: list[int]
        mems: list[int]
        cpu_exclusive: int
        mem_hardwall: int
        mem_exclusive: int
        memory_migrate: int
        memory_spread_page: int
        memory_spread_slab: int
        memory_pressure: int
        sched_load_balance: int
        sched_relax_domain_level: int

    class Limited(TypedDict, total=False):
        """A limit, the present and the largest usage, in bytes; ``failcnt``: how often the limit
        was reached."""

        limit: int
        usage: int
        max: int
        failcnt: int

    class Memory(TypedDict, total=False):
        """The controller memory. ``raw`` is the content of memory.stat."""

        cache: int
        usage: Limited
        swap: Limited
        kernel: Limited
        kernelTCP: Limited
        raw: dict[str, int]
        psi: Pressure

    class Pids(TypedDict, total=False):
        """The controller pids. A limit of 0 means that there is none."""

        current: int
        limit: int

    class BlockEntry(TypedDict):
        """A count for one device and one kind of operation ("" for all operations)."""

        major: int
        minor: int
        op: str
        value: int

    class BlockIo(TypedDict, total=False):
        """The controller blkio (v1) or io (v2)."""

        ioServiceBytesRecursive: list[BlockEntry]
        ioServicedRecursive: list[BlockEntry]
        ioQueueRecursive: list[BlockEntry]
        ioServiceTimeRecursive: list[BlockEntry]
        ioWaitTimeRecursive: list[BlockEntry]
        ioMergedRecursive: list[BlockEntry]
        ioTimeRecursive: list[BlockEntry]
        sectorsRecursive: list[BlockEntry]
        psi: Pressure

    class Statistics(TypedDict):
        """The ``data`` of ``events --stats``."""

        cpu: Cpu
        cpuset: Cpuset
        memory: Memory
        pids: Pids
        blkio: BlockIo
        hugetlb: dict[str, Limited]
        intel_rdt: dict[str, object]
        network_interfaces: None


def frame() -> "Statistics":
    """An empty ``data`` of ``events --stats``. The values of the last two keys do not come from the
    cgroup."""
    return {
        "cpu": {"usage": {}, "throttling": {}},
        "cpuset": {},
        "memory": {},
        "pids": {},
        "blkio": {},
        "hugetlb": {},
        "intel_rdt": {},
        "network_interfaces": None,
    }


def as_list(ranges: str) -> "list[int]":
    """ "0-2,7" as [0, 1, 2, 7] (cpuset(7), List format)."""
    result: list[int] = []
    for part in ranges.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            result += range(int(first), int(last or first) + 1)
    return result


def block_entries(content: str) -> "list[BlockEntry]":
    """Parses a blkio file, with lines like "8:0 Read 4096" or "8:0 4096". The line with the total
    of all devices is skipped."""
    entries: list[BlockEntry] = []
    for line in content.splitlines():
        words = line.split()
        major, colon, minor = words[0].partition(":")
        if colon:
            operation = words[1] if len(words) > 2 else ""
            entries.append(
                {
                    "major": int(major),
                    "minor": int(minor),
                    "op": operation,
                    "value": int(words[-1]),
                }
            )
    return entries


def hugetlb_sizes(directory: str, suffix: str) -> "list[str]":
    """The page sizes ("2MB", "1GB") for which ``directory`` has a hugetlb file."""
    try:
        names = posix.listdir(directory)
    except OSError:
        return []
    ends = (".rsvd" + suffix, suffix)
    return sorted(
        name[8 : -len(suffix)]
        for name in names
        if name[:8] == "hugetlb." and name.endswith(suffix) and not name.endswith(ends[0])
    )
