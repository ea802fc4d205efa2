"""The error if the kernel killed hutch-init because memory ran out."""

from hutch import cgroups
from hutch.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup

MEMORY = "linux.resources.memory.limit"
# What hutch-init has charged to the cgroup until the program begins, in bytes: 40 KiB with the
# default config, a little more with each mount.
NEED = 65536


def want_of_memory(cgroup: "Cgroup", limit: "int | None", whom: str) -> "ConfigError | None":
    """The error that the kernel killed ``whom`` because memory ran out; None if it did not.

    ``limit`` is linux.resources.memory.limit in bytes. If it is None, the memory of a cgroup above
    or of the machine has run out.
    """
    if not cgroups.oom_killed(cgroup):
        return None
    reason = "the kernel killed " + whom + " for want of memory"
    if limit is None:
        return ConfigError(MEMORY, "is not given, and " + reason)
    return ConfigError(MEMORY, reason, value=limit)
