"""Cgroup v1 and hybrid hosts: each controller has a hierarchy of its own.

The cgroup2 tree of a hybrid host has no controllers, but its core files work: ``cgroup.kill`` and
CLONE_INTO_CGROUP (clone(2)) are used there if the kernel has them.
"""

import posix

from hutch.cgroups.files import read_file, write_file
from hutch.cgroups.tree import make, put
from hutch.errors import KernelError
from hutch.plan.resources import controllers_needed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.host import CgroupLayout
    from hutch.plan.resources import CgroupWrite


def create(cgroup: "Cgroup", layout: "CgroupLayout", writes: "Sequence[CgroupWrite]") -> None:
    """Makes what ``prepare`` found missing and writes the limits."""
    make(cgroup, controllers_needed(writes))
    if "cpuset" in cgroup.directories:
        _inherit_cpuset(cgroup.directories["cpuset"], layout.hierarchies["cpuset"])
    fresh = set(cgroup.made)
    for write in writes:
        if not write.neutral or cgroup.directories.get(write.controller) not in fresh:
            put(cgroup, write)


def _inherit_cpuset(directory: str, root: str) -> None:
    """Gives a new cpuset its parent's CPUs and memory nodes: an empty cpuset takes no process.

    Parents that are empty get theirs first, up to the hierarchy's ``root``.
    """
    for file in ("/cpuset.cpus", "/cpuset.mems"):
        try:
            _inherit(directory, root, file)
        except OSError as error:
            raise KernelError(
                f"hand {file[1:]} down to {directory}", "write", error.errno or 0
            ) from None


def _inherit(directory: str, root: str, file: str) -> str:
    value = read_file(directory + file).strip()
    if value or directory == root:
        return value
    value = _inherit(directory.rpartition("/")[0], root, file)
    write_file(directory + file, value)
    return value


def join(cgroup: "Cgroup", pid: int) -> None:
    """Moves a process into every hierarchy. The first write may sleep for an RCU grace period."""
    for leaf in cgroup.leaves():
        write_pid(leaf, pid)


def write_pid(directory: str, pid: int) -> None:
    """Moves a process to the cgroup ``directory``. Raises KernelError."""
    try:
        write_file(directory + "/cgroup.procs", str(pid))
    except OSError as error:
        from hutch.cgroups.write_errors import hint_for_joining

        raise KernelError(
            f"move process {pid} to the cgroup {directory}",
            "write",
            error.errno or 0,
            pointer="linux.cgroupsPath",
            hint=hint_for_joining(error.errno or 0),
        ) from None


def join_descriptors(cgroup: "Cgroup") -> "list[int]":
    """Descriptors through which a process with one thread joins: it writes "0" to each of them.

    A thread that moves itself through ``tasks`` needs no global lock (Linux 5.6). This takes about
    10 microseconds for each hierarchy. Moving another process through cgroup.procs first waits for
    an RCU grace period, 4 to 10 ms. The cgroup2 tree of a hybrid host is left out: processes are
    started there with CLONE_INTO_CGROUP (clone3(2)).
    """
    leaves = dict.fromkeys(leaf for name, leaf in cgroup.directories.items() if name)
    descriptors: list[int] = []
    for leaf in leaves:
        try:
            descriptors.append(posix.open(leaf + "/tasks", posix.O_WRONLY | posix.O_CLOEXEC))
        except OSError as error:
            for fd in descriptors:
                posix.close(fd)
            raise KernelError(f"join the cgroup {leaf}", "open", error.errno or 0) from None
    return descriptors
