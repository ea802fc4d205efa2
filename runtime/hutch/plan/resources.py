"""``linux.resources`` to the files of a cgroup: what is to be written, in an order that works.

What is here is the same for v1 and v2. The v1 names are in resources_v1.py, the conversion to v2
with its formulas in resources_v2.py, and resources_compile.py chooses between them. Devices are not
here but in device_rules.py.

What cannot be expressed on this host is an error that names the field, never silence. A zero where
engines send zeros for "nothing asked" (``memory.kernel``, ``cpu.shares``, ``blockIO.weight`` ...)
leaves the kernel's value alone; ``pids.limit`` 0 is a limit, as the specification says.
"""

from hutch.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hutch.spec.config import (
        Cpu,
        HugepageLimit,
        Memory,
        Pids,
        Rdma,
        ThrottleDevice,
        WeightDevice,
    )

POINTER = "linux.resources"
INT64 = (1 << 63) - 1
UINT64 = (1 << 64) - 1
UINT32 = (1 << 32) - 1
INT32 = (1 << 31) - 1

# <linux/kdev_t.h>: 12 bits of major and 20 of minor number; the device controller of v1 would take
# 0xffffffff for "all".
MAJOR_MAX = (1 << 12) - 1
MINOR_MAX = (1 << 20) - 1

# PID_MAX_LIMIT of a 64-bit kernel: pids.max takes no larger number, and no larger one can matter.
PIDS_LIMIT_MAX = 4 * 1024 * 1024


class CgroupWrite:
    """One value for one file of a cgroup.

    ``controller`` tells the directory on v1, and what must be enabled on v2 ("" for the core);
    ``pointer`` the field that asks. ``fallback`` is the (file, value) to write where ``file`` does
    not exist. ``optional``: a missing file or controller is no error. ``neutral``: the value is
    what a new cgroup has anyway, so that only an update need write it (neutral implies optional).
    """

    __slots__ = ("controller", "fallback", "file", "neutral", "optional", "pointer", "value")

    def __init__(
        self,
        controller: str,
        file: str,
        value: str,
        pointer: str,
        *,
        fallback: "tuple[str, str] | None" = None,
        optional: bool = False,
        neutral: bool = False,
    ) -> None:
        self.controller = controller
        self.file = file
        self.value = value
        self.pointer = pointer
        self.fallback = fallback
        self.optional = optional or neutral
        self.neutral = neutral

    def __repr__(self) -> str:
        return f"CgroupWrite({self.file} = {self.value!r}, {self.pointer})"


def controllers_needed(writes: "Iterable[CgroupWrite]") -> "dict[str, str]":
    """The controllers without which the writes must fail, each with the field that asks first."""
    needed: dict[str, str] = {}
    for write in writes:
        if write.controller and not write.optional:
            needed.setdefault(write.controller, write.pointer)
    return needed


def number(values: "Mapping[str, object]", key: str, at: str, low: int, high: int) -> "int | None":
    """``values[key]`` if it is there, checked to be a whole number from ``low`` to ``high``."""
    value = values.get(key)
    if value is None:
        return None
    if type(value) is not int:
        raise ConfigError(f"{at}.{key}", "must be a whole number", value=value)
    if not low <= value <= high:
        raise ConfigError(f"{at}.{key}", f"must be from {low} to {high}", value=value)
    return value


def required(values: "Mapping[str, object]", key: str, at: str, low: int, high: int) -> int:
    """Like ``number`` for a field that must be there."""
    value = number(values, key, at, low, high)
    if value is None:
        raise ConfigError(f"{at}.{key}", "is required")
    return value


def text(values: "Mapping[str, object]", key: str, at: str) -> str:
    """``values[key]``, "" where absent; a line break or NUL in it is refused."""
    value = values.get(key)
    return "" if value is None else one_line(value, f"{at}.{key}")


def one_line(value: "object", pointer: str) -> str:
    """The value if it is a string that one write can carry."""
    if type(value) is not str:
        raise ConfigError(pointer, "must be a string", value=value)
    if "\n" in value or "\0" in value:
        raise ConfigError(pointer, "may have no line break and no NUL", value=value)
    return value


def device_number(entry: "ThrottleDevice | WeightDevice", at: str) -> str:
    """The "MAJOR:MINOR" of an entry of blockIO."""
    major = required(entry, "major", at, 0, MAJOR_MAX)
    return f"{major}:{required(entry, 'minor', at, 0, MINOR_MAX)}"


def memory_limits(memory: "Memory", at: str) -> "tuple[int | None, int | None]":
    """``limit`` and ``swap`` (memory and swap together), None for "not asked"; -1 is no limit."""
    limit = number(memory, "limit", at, -1, INT64) or None
    swap = number(memory, "swap", at, -1, INT64) or None
    if swap is not None and swap > 0:
        if limit is None:
            raise ConfigError(
                f"{at}.swap",
                "counts memory and swap together and needs memory.limit",
                value=swap,
            )
        if limit == -1 or limit > swap:
            limited = "= " + str(limit) if limit > 0 else "= -1, which is no limit"
            raise ConfigError(
                f"{at}.swap",
                f"counts memory and swap together and may not be below memory.limit {limited}",
                value=swap,
            )
    return limit, swap


def cpu_bandwidth(cpu: "Cpu", at: str) -> "tuple[int | None, int | None, int | None]":
    """``quota``, ``period`` and ``burst`` in microseconds, None for "not asked"; quota -1 is none.

    The bounds are the kernel's: a period from 1 ms to 1 s, a quota of 1 ms or more
    (Documentation/scheduler/sched-bwc.rst), and a burst no larger than the quota.
    """
    quota = number(cpu, "quota", at, -1, INT64 // 1000) or None
    period = number(cpu, "period", at, 0, 1_000_000) or None
    burst = number(cpu, "burst", at, 0, INT64 // 1000)
    if quota is not None and 0 < quota < 1000:
        raise ConfigError(f"{at}.quota", "must be -1 or at least 1000 (us)", value=quota)
    if period is not None and period < 1000:
        raise ConfigError(f"{at}.period", "must be from 1000 to 1000000 (us)", value=period)
    if burst and quota is not None and 0 < quota < burst:
        raise ConfigError(f"{at}.burst", f"may not be larger than quota = {quota}", value=burst)
    return quota, period, burst


def weights(values: "Mapping[str, object]", key: str, at: str) -> "int | None":
    """A weight of blockIO, 10 to 1000 as cgroup v1 has it; None for "not asked" or 0."""
    value = number(values, key, at, 0, 1000)
    if value and value < 10:
        raise ConfigError(f"{at}.{key}", "must be from 10 to 1000", value=value)
    return value or None


def cpuset_writes(cpu: "Cpu") -> "list[CgroupWrite]":
    """``cpu.cpus`` and ``cpu.mems``; the kernel parses the lists."""
    at = f"{POINTER}.cpu"
    return [
        CgroupWrite("cpuset", f"cpuset.{key}", value, f"{at}.{key}")
        for key in ("cpus", "mems")
        if (value := text(cpu, key, at))
    ]


def pids_writes(pids: "Pids") -> "list[CgroupWrite]":
    """``pids.limit``: 0 is a limit, -1 is none."""
    limit = number(pids, "limit", f"{POINTER}.pids", -1, INT64)
    if limit is None:
        return []
    endless = limit == -1 or limit > PIDS_LIMIT_MAX
    value = "max" if endless else str(limit)
    return [CgroupWrite("pids", "pids.max", value, f"{POINTER}.pids.limit", neutral=endless)]


def hugepage_writes(entries: "Sequence[HugepageLimit]", suffix: str) -> "list[CgroupWrite]":
    """``hugepageLimits``: of usage, and of reservations where the kernel counts them (5.7), which
    then are what is hit first: pages that are in use were reserved, or count as reserved."""
    writes = []
    for i, entry in enumerate(entries):
        at = f"{POINTER}.hugepageLimits[{i}]"
        size = text(entry, "pageSize", at)
        digits, unit = size[:-2], size[-2:]
        if unit not in {"KB", "MB", "GB"} or not (digits.isascii() and digits.isdigit()):
            raise ConfigError(f"{at}.pageSize", "must look like 64KB, 2MB or 1GB", value=size)
        value = str(required(entry, "limit", at, 0, UINT64))
        reserved = f"hugetlb.{size}.rsvd.{suffix}"
        writes.append(CgroupWrite("hugetlb", f"hugetlb.{size}.{suffix}", value, at))
        writes.append(CgroupWrite("hugetlb", reserved, value, at, optional=True))
    return writes


def rdma_writes(rdma: "dict[str, Rdma]") -> "list[CgroupWrite]":
    """``rdma``: the file has the same name and form on v1 and v2."""
    writes = []
    for device, limits in rdma.items():
        at = f'{POINTER}.rdma["{device}"]'
        if not device or " " in one_line(device, f"{POINTER}.rdma"):
            raise ConfigError(f"{POINTER}.rdma", "must be the name of a device", value=device)
        handles = number(limits, "hcaHandles", at, 0, UINT32)
        objects = number(limits, "hcaObjects", at, 0, UINT32)
        if handles is None and objects is None:
            raise ConfigError(at, "needs hcaHandles or hcaObjects")
        value = device
        # The file takes numbers up to S32_MAX, which is also its "max".
        if handles is not None:
            value += f" hca_handle={min(handles, INT32)}"
        if objects is not None:
            value += f" hca_object={min(objects, INT32)}"
        writes.append(CgroupWrite("rdma", "rdma.max", value, at))
    return writes
