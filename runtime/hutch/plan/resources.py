"""``linux.resources`` to the files of a cgroup: what is to be written, in an order that works.

What is here is the same for v1 and v2. The v1 names are in resources_v1.py, the conversion to v2
with its formulas in resources_v2.py, and resources_compile.py chooses between them. Devices are not
here but in device_rules.py.

What cannot be expressed on this host is an error that names the field, never silence. A zero where
engines send zeros for "nothing asked" (``memory.kernel``, ``cpu.shares``, ``blockIO.weight`` ...)
leaves the kernel's value alone; ``pids.limit`` 0 is a limit, as the specification says.
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
    """``hugepageLimits``: of usage, and of reservations where the kernel counts them (5.7), which
    then are what is hit first: pages that are in use were reserved, or count as reserved."""
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
        # The file takes numbers up to S32_MAX, which is also its "max".
        if "hcaHandles" in limits:
            value += f" hca_handle={min(limits['hcaHandles'], INT32)}"
        if "hcaObjects" in limits:
            value += f" hca_object={min(limits['hcaObjects'], INT32)}"
        writes.append(CgroupWrite("rdma", "rdma.max", value, f'{POINTER}.rdma["{device}"]'))
    return writes
