"""The systemd scope of a container: ``linux.cgroupsPath`` as slice:prefix:name.

systemd makes the cgroup. Its path follows from the names: slice a-b.slice is in a.slice, and the
scope prefix-name.scope is in its slice (systemd.slice(5), systemd.scope(5)).
"""

from hutch.errors import ConfigError, HostError, UsageError
from hutch.plan.cgroup_paths import POINTER, Cgroup
from hutch.plan.scope import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.host import CgroupLayout

PREFIX = "hutch"
ROOT_SLICE = "-.slice"
# systemd.unit(5)
NAME_MAX = 255
CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@",
)


class Manager:
    """A systemd manager. ``user``: the caller's own manager, not the system's. ``root`` is the path
    of its cgroup in each hierarchy ("" for the system's manager)."""

    __slots__ = ("root", "user")

    def __init__(self, user: bool, root: str) -> None:
        self.user = user
        self.root = root


def resolve_unit(
    path: "str | None",
    id: str,
    layout: "CgroupLayout",
    manager: Manager,
    annotations: "dict[str, str]",
) -> Cgroup:
    """The cgroup that systemd will make for container ``id``. This makes nothing.

    Raises ConfigError for a path of another form, for names that are no valid unit names, and for
    annotations with a property that is not allowed; HostError for a user's manager without cgroup
    v2; UsageError for a container id that makes no valid unit name.
    """
    if manager.user and layout.mode != "v2":
        raise HostError(
            "a user's systemd manages no cgroup of version 1",
            pointer=POINTER,
            hint="boot with systemd.unified_cgroup_hierarchy=1, or leave --systemd-cgroup out",
        )
    slice, name = _names(path, id, manager.user)
    inner = manager.root.rstrip("/") + _slice_path(slice) + "/" + name
    directories = {hierarchy: mount + inner for hierarchy, mount in layout.hierarchies.items()}
    if layout.unified:
        directories[""] = layout.unified + inner
    cgroup = Cgroup(layout.mode, directories, [])
    properties = []
    if annotations:
        from hutch.plan.systemd_annotations import properties_of

        properties = properties_of(annotations)
    cgroup.unit = Unit(name, slice, manager.user, properties)
    return cgroup


def _names(path: "str | None", id: str, user: bool) -> "tuple[str, str]":
    """The names of the slice and of the scope."""
    slice, prefix, name = "", PREFIX, id
    if path:
        parts = path.split(":")
        if len(parts) != 3 or "/" in path:
            raise ConfigError(
                POINTER,
                "must have the form slice:prefix:name for --systemd-cgroup",
                value=path,
                hint='such as "system.slice:hutch:NAME", or leave it out',
            )
        slice, prefix, name = parts
    slice = slice or ("user.slice" if user else "system.slice")
    name = name or id
    scope = (prefix + "-" if prefix else "") + name + ".scope"
    if not _is_unit_name(scope):
        reason = f"names the unit {scope}, which systemd does not take"
        hint = "up to 255 ASCII letters, digits and : - _ . \\ @ may stand in its name"
        if not path:
            raise UsageError(f"the container ID {id} {reason}", hint=hint)
        raise ConfigError(POINTER, reason, value=path, hint=hint)
    return slice, scope


def _is_unit_name(name: str) -> bool:
    return len(name) <= NAME_MAX and CHARACTERS.issuperset(name)


def _slice_path(slice: str) -> str:
    """ "/a.slice/a-b.slice" of a-b.slice."""
    if slice == ROOT_SLICE:
        return ""
    base = slice.removesuffix(".slice")
    parts = base.split("-")
    if base == slice or not _is_unit_name(slice) or not all(parts):
        raise ConfigError(
            POINTER,
            "names no slice that systemd knows",
            value=slice,
            hint="such as system.slice, or machine-containers.slice in machine.slice",
        )
    return "".join([f"/{'-'.join(parts[: i + 1])}.slice" for i in range(len(parts))])
