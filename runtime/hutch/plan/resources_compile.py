"""``linux.resources`` as writes for this host's cgroup version and controllers."""

from hutch.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.host import CgroupLayout
    from hutch.plan.resources import CgroupWrite
    from hutch.spec.config import Resources


def compile(resources: "Resources | None", layout: "CgroupLayout") -> "list[CgroupWrite]":
    """The writes that carry out ``linux.resources`` (None: not set) in a new cgroup on this host.

    Raises ConfigError for a value that is wrong or has no meaning on this cgroup version, HostError
    if the host lacks a controller.
    """
    if not resources:
        return []
    if layout.mode == "v2":
        from hutch.plan.resources_v2 import compile_v2

        writes = compile_v2(resources)
    else:
        from hutch.plan.resources_v1 import compile_v1

        writes = compile_v1(resources)
    return [write for write in writes if _possible(write, layout)]


def _possible(write: "CgroupWrite", layout: "CgroupLayout") -> bool:
    if not write.controller or write.controller in layout.controllers:
        return True
    if write.optional:
        return False
    if layout.mode == "v2":
        hint = "see /sys/fs/cgroup/cgroup.controllers; a mounted v1 hierarchy takes one away"
    else:
        hint = f"mount -t cgroup -o {write.controller} none /sys/fs/cgroup/{write.controller}"
    raise HostError(
        f"this host has no cgroup controller {write.controller}", pointer=write.pointer, hint=hint
    )
