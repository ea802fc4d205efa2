"""Whether a cgroup is frozen. Every `state` needs this, so it is not part of freezer.py."""

from hutch.cgroups.files import read_or

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup

# Hierarchy -> the files that show whether a cgroup is frozen, and their content if it is not. A
# cgroup that is being frozen counts as frozen. On v2 two files are read: cgroup.events may say
# "frozen 0" for a moment while a process dies, and cgroup.freeze is 0 if only a cgroup above is
# frozen.
FROZEN = {
    "freezer": (("/freezer.state", "THAWED"),),
    "": (("/cgroup.freeze", "0"), ("/cgroup.events", "frozen 0")),
}


def is_frozen(cgroup: "Cgroup") -> bool:
    """Whether the container is frozen or is being frozen. False if it has no freezer."""
    for hierarchy in ("freezer", ""):
        if hierarchy in cgroup.directories:
            return is_frozen_at(cgroup.directories[hierarchy], hierarchy)
    return False


def is_frozen_at(path: str, hierarchy: str) -> bool:
    """Whether processes in ``path`` are or would be frozen; False if its files cannot be read."""
    for file, thawed in FROZEN[hierarchy]:
        content = read_or(path + file)
        if content and thawed not in content:
            return True
    return False
