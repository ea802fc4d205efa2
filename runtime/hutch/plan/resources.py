"""``linux.resources`` as writes to the files of a cgroup, in an order that the kernel accepts.

This module has what is the same for v1 and v2. resources_v1.py has the names of v1, resources_v2.py
the conversion to v2 with its formulas, and resources_compile.py chooses between them. Devices are
in device_rules.py.

A value that this host cannot carry out is an error that names the field. Engines send 0 in some
fields for "not set" (``memory.kernel``, ``cpu.shares``, ``blockIO.weight`` ...): it leaves the
kernel's value unchanged. ``pids.limit`` 0 is a limit, as the specification says.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hutch.spec.config import (
        Cpu,
        HugepageLimit,
        Pids,
        Rdma,
        ThrottleDevice,
        WeightDevice,
    )

POINTER = "linux.resources"
INT32 = (1 << 31) - 1

# PID_MAX_LIMIT of a 64-bit kernel: pids.max takes no larger number.
PIDS_LIMIT_MAX = 4 * 1024 * 1024


class CgroupWrite:
    """One value for one file of a cgroup.

    ``controller`` decides the directory on v1, and must be enabled on v2 ("": a file of every
    cgroup). ``pointer`` is the field that asks for the write. ``fallback`` is the (file, value) to
    write if ``file`` does not exist. ``optional``: a missing file or controller is no error.
    ``neutral``: a new cgroup has this value already, so only an update must write it. A neutral
    write is optional too.
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
    """The controllers that the writes need: {controller: the first field that asks for it}."""
    needed: dict[str, str] = {}
    for write in writes:
        if write.controller and not write.optional:
            needed.setdefault(write.controller, write.pointer)
    return needed


def device_number(entry: "ThrottleDevice | WeightDevice") -> str:
    """The "MAJOR:MINOR" of an entry of blockIO."""
    return f"{entry['major']}:{entry['minor']}"


def cpuset_writes(cpu: "Cpu") -> "list[CgroupWrite]":
    """``cpu.cpus`` and ``cpu.mems``; the kernel parses the lists."""
    return [
        CgroupWrite("cpuset", f"cpuset.{key}", value, f"{POINTER}.cpu.{key}")
        for key, value in (("cpus", cpu.get("cpus")), ("mems", cpu.get("mems")))
        if value
    ]


def pids_writes(pids: "Pids") -> "list[CgroupWrite]":
    """``pids.limit``: 0 is a limit, -1 is none."""
    limit = pids.get("limit")
    if limit is None:
        return []
    endless = limit == -1 or limit > PIDS_LIMIT_MAX
    value = "max" if endless else str(limit)
    return [CgroupWrite("pids", "pids.max", value, f"{POINTER}.pids.limit", neutral=endless)]


def hugepage_writes(entries: "Sequence[HugepageLimit]", suffix: str) -> "list[CgroupWrite]":
    """``hugepageLimits``: the limits of usage, and of reservations on a kernel that counts them
    (Linux 5.7). There a container reaches the limit of reservations first, because pages in use
    count as reserved."""
    writes = []
    for i, entry in enumerate(entries):
        at = f"{POINTER}.hugepageLimits[{i}]"
        size, value = entry["pageSize"], str(entry["limit"])
        reserved = f"hugetlb.{size}.rsvd.{suffix}"
        writes.append(CgroupWrite("hugetlb", f"hugetlb.{size}.{suffix}", value, at))
        writes.append(CgroupWrite("hugetlb", reserved, value, at, optional=True))
    return writes


def rdma_writes(rdma: "dict[str, Rdma]") -> "list[CgroupWrite]":
    """``rdma``: the file has the same name and form on v1 and v2."""
    writes = []
    for device, limits in rdma.items():
        value = device
        # The file takes numbers up to S32_MAX; that number means "max" to the kernel.
        if "hcaHandles" in limits:
            value += f" hca_handle={min(limits['hcaHandles'], INT32)}"
        if "hcaObjects" in limits:
            value += f" hca_object={min(limits['hcaObjects'], INT32)}"
        writes.append(CgroupWrite("rdma", "rdma.max", value, f'{POINTER}.rdma["{device}"]'))
    return writes
