"""Whether a cgroup is frozen: what every `state` asks, apart from what freezes it."""

from hutch.cgroups.files import read_or

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup

# Hierarchy -> the files that tell whether a cgroup is frozen, and what they say if not. One on the
# way there counts as frozen; so does, on v2, one that was frozen and has a process that is dying
# (cgroup.events says no for a moment), or that only one above keeps frozen (cgroup.freeze says no).
FROZEN = {
    "freezer": (("/freezer.state", "THAWED"),),
    "": (("/cgroup.freeze", "0"), ("/cgroup.events", "frozen 0")),
}


def is_frozen(cgroup: "Cgroup") -> bool:
    """Whether the container is frozen, or on the way there. False where it has no freezer."""
    for hierarchy in ("freezer", ""):
        if hierarchy in cgroup.directories:
            return is_frozen_at(cgroup.directories[hierarchy], hierarchy)
    return False


def is_frozen_at(path: str, hierarchy: str) -> bool:
    """Whether processes in ``path`` are or would be frozen; False where that cannot be told."""
    for file, thawed in FROZEN[hierarchy]:
        content = read_or(path + file)
        if content and thawed not in content:
            return True
    return False
