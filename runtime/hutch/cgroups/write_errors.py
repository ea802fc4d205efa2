"""Why the kernel refused to change a cgroup, and what the user can do.

Imported only after an error. The most frequent cause on v2 is a controller that a cgroup above has
not enabled for its children; the message names that cgroup and says how to enable the controller.
"""

import posix
from errno import EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENOSPC, EPERM, ERANGE, EROFS

from hutch.cgroups.files import read_or
from hutch.errors import HostError, HutchError, KernelError, errno_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.resources import CgroupWrite

DENIED = (EACCES, EPERM, EROFS)

# Why a file of an enabled controller does not exist: beginning of the file's name, hint.
ABSENT = (
    ("memory.memsw.", "the kernel does not count swap: boot with swapaccount=1"),
    ("memory.swap.", "the kernel does not count swap: boot with swapaccount=1"),
    ("memory.kmem.", "this kernel has no limit for kernel memory any more"),
    ("cpu.rt_", "the kernel is built without CONFIG_RT_GROUP_SCHED"),
    ("cpu.cfs_burst", "this needs Linux 5.14"),
    ("cpu.max.burst", "this needs Linux 5.14"),
    ("cpu.idle", "this needs Linux 5.15"),
    ("blkio.leaf_weight", "Linux 5.0 removed this, with the CFQ scheduler"),
    ("blkio.weight", "the kernel has no IO scheduler with weights: load the module bfq"),
    ("blkio.throttle", "the kernel is built without CONFIG_BLK_DEV_THROTTLING"),
    ("io.bfq.weight", "the kernel has no IO control with weights: load the module bfq"),
    ("io.max", "the kernel is built without CONFIG_BLK_DEV_THROTTLING"),
    ("hugetlb.", "the sizes of this host are in /sys/kernel/mm/hugepages"),
)

# Why the kernel refuses a value: beginning of the file's name, errno, hint.
REFUSED = (
    (
        "memory.limit_in_bytes",
        EBUSY,
        "the container uses more already and nothing can be reclaimed",
    ),
    ("memory.memsw", EBUSY, "the container uses more already and nothing can be reclaimed"),
    ("memory.limit_in_bytes", EINVAL, "it may not be above the limit of memory and swap"),
    ("memory.memsw", EINVAL, "it may not be below the limit of memory"),
    ("memory.use_hierarchy", EINVAL, "memory is always counted hierarchically since Linux 5.11"),
    ("cpu.rt_runtime", EINVAL, "the cgroups above must have enough real-time runtime left"),
    ("cpu.rt_period", EINVAL, "runtime / period may not be above that of the cgroup above"),
    ("cpu.cfs_", EINVAL, "quota / period may not be above that of the cgroup above"),
    ("cpu.max.burst", EINVAL, "a burst may not be above the quota"),
    ("cpu.max", EINVAL, "a quota may not be below the burst"),
    ("cpu.shares", EINVAL, "the cgroup is idle (cpu.idle 1): set cpu.idle to 0 as well"),
    ("cpu.weight", EINVAL, "the cgroup is idle (cpu.idle 1): set cpu.idle to 0 as well"),
    ("cpuset.", EINVAL, "the form is 0-3,7 and the numbers must exist on this host"),
    ("cpuset.", EACCES, "the cgroup above must have these CPUs or memory nodes too"),
    ("cpuset.", ENOSPC, "the processes of the cgroup would have no CPU or no memory node"),
    ("cpuset.", ERANGE, "a number is above the largest one of this kernel"),
    ("blkio.", ENODEV, "there is no such block device"),
    ("io.", ENODEV, "there is no such block device"),
    ("rdma.max", ENODEV, "there is no such RDMA device"),
    ("net_prio.", ENODEV, "there is no such network interface"),
    ("devices.allow", EPERM, "the cgroup above does not allow the device"),
)


def failed_write(
    cgroup: "Cgroup", directory: str, write: "CgroupWrite", error: OSError
) -> HutchError:
    """The error of a write that failed with ``error`` in ``directory``."""
    number = error.errno or 0
    if number == ENOENT:
        if cgroup.mode == "v2" and write.controller:
            withheld = withheld_controller(directory, write.controller, write.pointer)
            if withheld is not None:
                return withheld
        names = write.file if write.fallback is None else f"{write.file} or {write.fallback[0]}"
        return HostError(
            f"{directory} has no file {names}",
            pointer=write.pointer,
            hint=next((hint for start, hint in ABSENT if write.file.startswith(start)), ""),
        )
    hints = [h for start, e, h in REFUSED if e == number and write.file.startswith(start)]
    hint = hints[0] if hints else ""
    if number in DENIED and not hint:
        hint = "the cgroup is not delegated to this user" if posix.geteuid() else "it is read-only"
    return KernelError(
        f'write "{write.value}" to {directory}/{write.file}',
        "write",
        number,
        pointer=write.pointer,
        hint=hint,
    )


def missing_hierarchy(write: "CgroupWrite") -> HostError:
    """The error of a write for a controller whose hierarchy has no cgroup of the container."""
    return HostError(
        f"the container has no cgroup of the controller {write.controller}",
        pointer=write.pointer,
        hint=f"needed for {write.file}: mount the controller, and let this user make cgroups there",
    )


def withheld_controller(directory: str, controller: str, pointer: str) -> "HostError | None":
    """The error that a cgroup above ``directory`` has not enabled a controller; None if all have
    (v2)."""
    above = directory.rpartition("/")[0]
    withholding = ""  # the highest cgroup that has not enabled the controller
    while controller not in read_or(above + "/cgroup.subtree_control").split():
        withholding = above
        if controller in read_or(above + "/cgroup.controllers").split():
            break
        above = above.rpartition("/")[0]
        if not read_or(above + "/cgroup.controllers"):
            return HostError(
                f"this host has no cgroup controller {controller}",
                pointer=pointer,
                hint=f"see {withholding}/cgroup.controllers",
            )
    if not withholding:
        return None
    return HostError(
        f"the cgroup controller {controller} is not available in {directory}: "
        f"{withholding}/cgroup.subtree_control does not enable it",
        pointer=pointer,
        hint=how_to_enable(withholding, controller),
    )


def failed_enabling(directory: str, controller: str, pointer: str, error: OSError) -> HostError:
    """The error of enabling a controller for the children of ``directory`` (v2)."""
    number = error.errno or 0
    if number == EBUSY:
        return HostError(
            f"{directory} cannot enable the cgroup controller {controller} for its children, "
            "because it has processes (cgroup-v2.rst, No Internal Process Constraint)",
            pointer=pointer,
            hint="set linux.cgroupsPath to a place whose parents have no processes of their own",
        )
    if number == ENOENT:
        withheld = withheld_controller(directory, controller, pointer)
        if withheld is not None:
            return withheld
    return HostError(
        f"{directory} cannot enable the cgroup controller {controller} for its children: write to "
        f"cgroup.subtree_control: {errno_text(number)}",
        pointer=pointer,
        hint=how_to_enable(directory, controller),
    )


def how_to_enable(directory: str, controller: str) -> str:
    """What the user can do to enable a controller for the children of ``directory``."""
    for name in reversed(directory.split("/")):
        if name.endswith((".service", ".scope", ".slice")):
            return f"systemd: Delegate={controller} in the unit {name}"
    return f"as root: echo +{controller} > {directory}/cgroup.subtree_control"


def hint_for_making(path: str, number: int) -> str:
    """What the user can do after a failed mkdir of a cgroup."""
    if number in DENIED:
        if posix.geteuid():
            return (
                "a caller without root needs a delegated cgroup: systemd-run --user --scope "
                "-p Delegate=yes COMMAND, or --systemd-cgroup"
            )
        return "/sys/fs/cgroup is read-only here, as in a container without privileges"
    if number == ENOSPC:
        return "a cgroup above has reached its cgroup.max.depth or cgroup.max.descendants"
    return ""


def hint_for_joining(number: int) -> str:
    """The possible cause of a failed write to cgroup.procs."""
    if number == EBUSY:
        return "the cgroup has enabled controllers for its children, so it may have no processes"
    if number == ENOSPC:
        return "its cpuset.cpus or cpuset.mems is empty"
    if number == EINVAL:
        return "a real-time process needs cpu.realtimeRuntime; a threaded cgroup takes no process"
    if number in DENIED:
        return (
            "this user must be allowed to write to cgroup.procs of both cgroups and of their parent"
        )
    return ""
