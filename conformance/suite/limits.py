"""config-linux.md: the limits of linux.resources, read from the files of the container's cgroup."""

from typing import Any, NamedTuple

from conformance.suite import host
from conformance.suite.case import Case, expect, needs, same
from conformance.suite.documents import LINUX
from conformance.suite.table import MUST, SAYS, SHOULD

MIB = 1 << 20
IO_V2 = "io.max"


class Limit(NamedTuple):
    """A field of resources, and the file and its content for each cgroup version; "-" if there is
    none."""

    line: int
    field: str
    resources: dict[str, Any]
    controller: str
    v1: str
    v1_value: str
    v2: str
    v2_value: str
    what: str


def weight(shares: int) -> set[str]:
    """The possible values of cpu.weight for cpu.shares. The kernel's documentation has no formula,
    and runtimes have used two."""
    linear = 1 + (shares - 2) * 9999 // 262142
    from math import ceil, log2

    exponent = log2(shares)
    curved = ceil(10 ** ((exponent * exponent + 125 * exponent) / 612.0 - 7.0 / 34.0))
    return {str(linear), str(curved)}


MEMORY = {"limit": 64 * MIB}
LIMITS = (
    Limit(
        448, "memory.limit", {"memory": MEMORY}, "memory",
        "memory.limit_in_bytes", str(64 * MIB), "memory.max", str(64 * MIB), "use of memory",
    ),
    Limit(
        449, "memory.reservation", {"memory": {"reservation": 32 * MIB}}, "memory",
        "memory.soft_limit_in_bytes", str(32 * MIB), "memory.low", str(32 * MIB), "what is kept",
    ),
    Limit(
        450, "memory.swap", {"memory": {**MEMORY, "swap": 96 * MIB}}, "memory",
        "memory.memsw.limit_in_bytes", str(96 * MIB), "memory.swap.max", str(32 * MIB),
        "use of memory and swap together",
    ),
    Limit(
        453, "memory.kernelTCP", {"memory": {"kernelTCP": 16 * MIB}}, "memory",
        "memory.kmem.tcp.limit_in_bytes", str(16 * MIB), "-", "", "buffers of TCP",
    ),
    Limit(
        457, "memory.swappiness", {"memory": {"swappiness": 41}}, "memory",
        "memory.swappiness", "41", "-", "", "how readily it swaps",
    ),
    Limit(
        459, "memory.disableOOMKiller", {"memory": {**MEMORY, "disableOOMKiller": True}}, "memory",
        "memory.oom_control", "oom_kill_disable 1", "-", "", "what happens without memory",
    ),
    Limit(
        492, "cpu.shares", {"cpu": {"shares": 512}}, "cpu",
        "cpu.shares", "512", "cpu.weight", "", "its share of time",
    ),
    Limit(
        493, "cpu.quota", {"cpu": {"quota": 40000, "period": 80000}}, "cpu",
        "cpu.cfs_quota_us", "40000", "cpu.max", "40000 80000", "its time in a period",
    ),
    Limit(
        495, "cpu.burst", {"cpu": {"quota": 40000, "period": 80000, "burst": 20000}}, "cpu",
        "cpu.cfs_burst_us", "20000", "cpu.max.burst", "20000", "time saved up",
    ),
    Limit(
        497, "cpu.period", {"cpu": {"quota": 40000, "period": 80000}}, "cpu",
        "cpu.cfs_period_us", "80000", "cpu.max", "40000 80000", "the period",
    ),
    Limit(
        500, "cpu.cpus", {"cpu": {"cpus": "0"}}, "cpuset",
        "cpuset.cpus", "0", "cpuset.cpus", "0", "its CPUs",
    ),
    Limit(
        501, "cpu.mems", {"cpu": {"mems": "0"}}, "cpuset",
        "cpuset.mems", "0", "cpuset.mems", "0", "its memory nodes",
    ),
    Limit(
        502, "cpu.idle", {"cpu": {"idle": 1}}, "cpu",
        "cpu.idle", "1", "cpu.idle", "1", "whether only idle time is its own",
    ),
    Limit(
        669, "pids.limit", {"pids": {"limit": 123}}, "pids",
        "pids.max", "123", "pids.max", "123", "how many processes there can be",
    ),
    Limit(
        639, "network.classID", {"network": {"classID": 0x10001}}, "net_cls",
        "net_cls.classid", str(0x10001), "-", "", "the class of its packets",
    ),
)  # fmt: skip


def show(case: Case, limit: Limit) -> None:
    """Creates a container and compares the file with the limit."""
    case.resources.update(limit.resources)
    found = case.limit(limit.controller, limit.v1, limit.v2)
    wanted = limit.v2_value if host.unified() else limit.v1_value
    if limit.v2 == "cpu.weight" and host.unified():
        expect(found in weight(512), f"cpu.weight is {found}")
        return
    name = limit.v2 if host.unified() else limit.v1
    expect(
        wanted in found if " " in wanted else wanted == found, f"{name} is {found}, not {wanted}"
    )


def add(limit: Limit) -> None:
    """The row of a limit."""
    text = f"{limit.field} sets {limit.what} in the container's cgroup"
    LINUX.shown(SAYS, text, limit.line)(lambda case: show(case, limit))


for each in LIMITS:
    add(each)

LINUX.argued(
    SHOULD,
    "memory.kernel limits the kernel's memory (not recommended)",
    452,
    why="since Linux 5.16 the file does not change when it is written (and v2 has no such file)",
)


@LINUX.shown(
    SHOULD, "kernelTCP (not recommended) is not ignored: it is set on v1, and an error on v2", 453
)
def kernel_tcp(case: Case) -> None:
    case.resources["memory"] = {"kernelTCP": 16 * MIB}
    if host.unified():
        case.refused()
        return
    found = case.limit("memory", "memory.kmem.tcp.limit_in_bytes", "-")
    same(found, str(16 * MIB), "memory.kmem.tcp.limit_in_bytes")


@LINUX.shown(MUST, "with checkBeforeUpdate a limit below the present use is refused", 466)
def check_before_update(case: Case) -> None:
    needs("memory" in host.controllers(), "the memory controller is not mounted")
    case.resources["memory"] = {"limit": 64 * MIB, "checkBeforeUpdate": True}
    case.sleeps()
    change = case.bundle / "change.json"
    change.write_text('{"memory": {"limit": 4096, "checkBeforeUpdate": true}}')
    done = case.call("update", "--resources", str(change), case.id, check=False)
    expect(done.returncode != 0, "a limit of 4096 bytes is accepted for a running program")
    same(case.state()["status"], "running", "the status after it")


def contradiction(case: Case, quota: int, burst: int) -> None:
    needs("cpu" in host.controllers(), "the cpu controller is not mounted")
    case.resources["cpu"] = {"quota": quota, "period": 100000, "burst": burst}
    if case.create(check=False):
        place = case.cgroup_of("cpu")
        name = "cpu.max.burst" if host.unified() else "cpu.cfs_burst_us"
        needs((place / name).exists(), f"this kernel has no {name}")
        expect(int((place / name).read_text()) <= quota, "the burst is larger than the quota")


@LINUX.shown(MUST, "a container never gets a burst larger than the quota", 494, 496)
def burst_over_quota(case: Case) -> None:
    contradiction(case, 20000, 50000)


def throttle(case: Case, field: str, v1: str, v2: str) -> None:
    """One of the four per-device limits."""
    device = host.disk()
    needs(device, "there is no block device")
    assert device
    major, minor = device
    case.resources["blockIO"] = {field: [{"major": major, "minor": minor, "rate": 1048576}]}
    name = "io" if host.unified() else "blkio"
    found = case.limit(name, f"blkio.throttle.{v1}", IO_V2)
    wanted = f"{v2}=1048576" if host.unified() else f"{major}:{minor} 1048576"
    expect(wanted in found, f"the rules are {found!r}, not {wanted}")


def add_throttle(field: str, v1: str, v2: str, *lines: int) -> None:
    """The row of a per-device limit."""
    text = f"blockIO.{field} limits a device, by its numbers and a rate"
    LINUX.shown(MUST, text, *lines)(lambda case: throttle(case, field, v1, v2))


add_throttle("throttleReadBpsDevice", "read_bps_device", "rbps", 540, 542, 544)
add_throttle("throttleWriteBpsDevice", "write_bps_device", "wbps", 540, 542, 544)
add_throttle("throttleReadIOPSDevice", "read_iops_device", "riops", 546, 548, 550)
add_throttle("throttleWriteIOPSDevice", "write_iops_device", "wiops", 546, 548, 550)


@LINUX.shown(
    MUST, "an entry of blockIO without numbers or rate is an error", 533, 542, 544, 548, 550
)
def block_fields(case: Case) -> None:
    whole = {"major": 7, "minor": 0, "rate": 1048576}
    for name in ("throttleReadBpsDevice", "throttleWriteIOPSDevice"):
        for field in whole:
            case.resources["blockIO"] = {name: [{k: whole[k] for k in whole if k != field}]}
            case.refused()


@LINUX.shown(MUST, "a weightDevice without weight and leafWeight is an error", 538)
def weight_device(case: Case) -> None:
    case.resources["blockIO"] = {"weightDevice": [{"major": 7, "minor": 0}]}
    case.refused()


@LINUX.shown(MUST, "hugepageLimits set a limit for a page size", 608, 614)
def huge_pages(case: Case) -> None:
    sizes = host.page_sizes()
    needs(sizes, "this kernel has no huge pages")
    size = sizes[0]
    case.resources["hugepageLimits"] = [{"pageSize": size, "limit": 1 << 30}]
    needs("hugetlb" in host.controllers(), "the hugetlb controller is not mounted")
    case.create()
    place = case.cgroup_of("hugetlb")
    suffix = "max" if host.unified() else "limit_in_bytes"
    values = {
        name: (place / name).read_text().strip()
        for name in (f"hugetlb.{size}.rsvd.{suffix}", f"hugetlb.{size}.{suffix}")
        if (place / name).exists()
    }
    # By the first that there is: of reservations, where the kernel counts them.
    same(next(iter(values.values())), str(1 << 30), f"the limit of reservations ({values})")


@LINUX.shown(
    MUST, "a hugepageLimits entry that is incomplete, or for an unknown size, is an error", 608, 614
)
def huge_page_fields(case: Case) -> None:
    for entry in ({"limit": 0}, {"pageSize": "2MB"}, {"pageSize": "3MB", "limit": 0}):
        case.resources["hugepageLimits"] = [entry]
        case.refused()


@LINUX.shown(MUST, "network.priorities set the priorities of interfaces", 641, 642)
def network_priorities(case: Case) -> None:
    case.resources["network"] = {"priorities": [{"name": "lo", "priority": 3}]}
    found = case.limit("net_prio", "net_prio.ifpriomap", "-")
    expect("lo 3" in found, f"the map is {found!r}")


@LINUX.shown(MUST, "a network priority without name or priority is an error", 641, 642)
def network_fields(case: Case) -> None:
    for entry in ({"priority": 3}, {"name": "lo"}):
        case.resources["network"] = {"priorities": [entry]}
        case.refused()


@LINUX.shown(SHOULD, "a pids.limit of 0 is a limit of 0", 671)
def pids_zero(case: Case) -> None:
    case.resources["pids"] = {"limit": 0}
    same(case.limit("pids", "pids.max", "pids.max"), "0", "pids.max")


@LINUX.shown(SAYS, "pids.limit is enforced: there cannot be more processes", 669)
def pids_hold(case: Case) -> None:
    needs("pids" in host.controllers(), "the pids controller is not mounted")
    case.resources["pids"] = {"limit": 12}
    seen = case.deed("children:40")
    expect(0 < seen["made"] < 12, f"{seen['made']} children could be made")


@LINUX.shown(MUST, "an entry of rdma without hcaHandles and hcaObjects is an error", 692)
def rdma_fields(case: Case) -> None:
    case.resources["rdma"] = {"mlx5_1": {}}
    case.refused()


def unified(case: Case, **files: str) -> None:
    needs(host.unified(), "cgroup v2 is not what this host has")
    case.resources["unified"] = {name.replace("__", "."): text for name, text in files.items()}


@LINUX.shown(MUST, "the controllers that unified needs are enabled", 717)
def unified_controllers(case: Case) -> None:
    unified(case, pids__max="77", memory__high="67108864")
    case.create()
    place = case.cgroup_of("pids")
    same((place / "pids.max").read_text().strip(), "77", "pids.max")
    same((place / "memory.high").read_text().strip(), "67108864", "memory.high")


@LINUX.shown(MUST, "files of unified are written even if the runtime does not know them", 719)
def unified_unknown(case: Case) -> None:
    unified(case, cgroup__max__depth="7")
    case.create()
    same((case.cgroup_of("pids") / "cgroup.max.depth").read_text().strip(), "7", "cgroup.max.depth")


@LINUX.shown(MUST, "unified for a missing controller is an error", 721)
def unified_absent(case: Case) -> None:
    unified(case, rabbit__max="7")
    case.refused()


@LINUX.shown(MUST, "a limit of v1 that has no equivalent on v2 is an error on v2", 734)
def no_conversion(case: Case) -> None:
    needs(host.unified(), "cgroup v2 is not what this host has")
    for memory in ({"swappiness": 41}, {"limit": 64 * MIB, "disableOOMKiller": True}):
        case.resources["memory"] = memory
        case.refused()
    del case.resources["memory"]
    case.resources["network"] = {"classID": 7}
    case.refused()
