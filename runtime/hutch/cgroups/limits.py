"""Writes new limits to a cgroup that is in use."""

from hutch.cgroups.files import read_or
from hutch.cgroups.tree import put
from hutch.plan.resources import controllers_needed
from hutch.plan.resources_update import COMPARED, ordered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.resources import CgroupWrite


def update(cgroup: "Cgroup", writes: "Sequence[CgroupWrite]") -> None:
    """Writes new values, in an order that the kernel accepts with the present ones.

    Raises ConfigError, KernelError or HostError; the values written before the error stay.
    """
    if cgroup.mode == "v2" and "" in cgroup.directories:
        from hutch.cgroups.v2 import enable

        needed = controllers_needed(writes)
        enable(cgroup.directories[""], frozenset(needed), needed)
    current = {}
    for controller in {write.controller for write in writes}:
        directory = cgroup.directories.get("" if cgroup.mode == "v2" else controller)
        for file in COMPARED.get(controller, ()) if directory else ():
            content = read_or(f"{directory}/{file}")
            if content:
                current[file] = content
    for write in ordered(writes, current):
        put(cgroup, write)


def memory_usage(cgroup: "Cgroup") -> int:
    """The memory in use in bytes, for ``checkBeforeUpdate``; 0 if it cannot be read."""
    if cgroup.mode == "v2":
        path = cgroup.directories.get("", "") + "/memory.current"
    else:
        path = cgroup.directories.get("memory", "") + "/memory.usage_in_bytes"
    return int(read_or(path) or 0)
