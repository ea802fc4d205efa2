"""Where a container's cgroup is: ``linux.cgroupsPath`` and the host's layout to directories.

The rules are those that engines know (runtime-spec config-linux.md, Cgroups Path):

- an absolute path counts from the root of each hierarchy;
- on v1 a relative path, and the default ``/hutch/ID``, count from the caller's own cgroup in each
  hierarchy, so limits set on the caller hold for the container too;
- on v2 a relative path counts from the parent of the caller's own cgroup: the own one holds a
  process, the caller, and so may not hand controllers down (the kernel's "no internal processes"
  rule). The default is ``/hutch/ID`` from the root, or relative for a caller without root. It has
  a parent of its own, for there may be a cgroup of any name below the root already.

Every mounted hierarchy is joined, those without a controller (name=systemd, the cgroup2 tree of a
hybrid host) too: whatever looks a container's processes up finds all of them in any hierarchy.
"""

from hutch.errors import ConfigError, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NotRequired, Protocol, TypedDict

    from hutch.plan.host import CgroupLayout
    from hutch.spec.config import Linux, Mount

    Property = tuple[str, str, object]  # name, D-Bus signature, value

    class KeptUnit(TypedDict):
        """A Unit in the state file."""

        name: str
        slice: str
        user: bool

    class KeptCgroup(TypedDict):
        """A Cgroup in the state file."""

        mode: str
        directories: dict[str, str]
        made: list[str]
        rootless: NotRequired[bool | None]
        unit: NotRequired[KeptUnit]

    class Keeper(Protocol):
        """A process that keeps a scope until the container's own is in it."""

        def end(self) -> None: ...


POINTER = "linux.cgroupsPath"
PARENT = "/hutch"  # of containers without linux.cgroupsPath
NAME_MAX = 255


class Unit:
    """A scope: its names, whose manager has it, and ``properties`` (name, signature, value) that
    annotations ask for."""

    __slots__ = ("name", "properties", "slice", "user")

    def __init__(self, name: str, slice: str, user: bool, properties: "list[Property]") -> None:
        self.name = name
        self.slice = slice
        self.user = user
        self.properties = properties

    def to_json(self) -> "KeptUnit":
        """What the state file keeps: what later verbs need to find it."""
        return {"name": self.name, "slice": self.slice, "user": self.user}

    @classmethod
    def from_json(cls, value: "KeptUnit") -> "Unit":
        return cls(value["name"], value["slice"], value["user"], [])


class Cgroup:
    """A container's cgroup: one directory in each hierarchy.

    ``mode`` is the layout's. ``directories`` maps each hierarchy ("memory", "name=systemd", "" for
    cgroup2) to the absolute directory; controllers mounted together share one. ``made`` lists the
    directories that did not exist before this container, parents first: delete removes these and
    no others (runtime-spec runtime.md, Delete). ``rootless``: whether to do without what the caller
    may not use, where no limit needs it; None: if the caller is not root. ``unit`` is the scope
    that the directories belong to where systemd manages them, ``keeper`` the process that keeps the
    scope until the container's own is in it.
    """

    __slots__ = ("directories", "keeper", "made", "mode", "rootless", "unit")

    def __init__(
        self,
        mode: str,
        directories: "dict[str, str]",
        made: "list[str]",
        rootless: "bool | None" = None,
    ) -> None:
        self.mode = mode
        self.directories = directories
        self.made = made
        self.rootless = rootless
        self.unit: Unit | None = None
        self.keeper: Keeper | None = None

    def to_json(self) -> "KeptCgroup":
        """What the state file keeps; ``from_json`` takes it back."""
        value: KeptCgroup = {
            "mode": self.mode,
            "directories": self.directories,
            "made": self.made,
            "rootless": self.rootless,
        }
        return value if self.unit is None else {**value, "unit": self.unit.to_json()}

    @classmethod
    def from_json(cls, value: "KeptCgroup") -> "Cgroup":
        cgroup = cls(
            value["mode"], dict(value["directories"]), list(value["made"]), value.get("rootless")
        )
        if "unit" in value:
            cgroup.unit = Unit.from_json(value["unit"])
        return cgroup

    def copy(self) -> "Cgroup":
        """One that can be made, and changed by that, while this stays what was planned."""
        cgroup = Cgroup(self.mode, dict(self.directories), list(self.made), self.rootless)
        cgroup.unit = self.unit
        return cgroup

    def leaves(self) -> "list[str]":
        """The container's own directories, each once though controllers may share it."""
        return list(dict.fromkeys(self.directories.values()))


def resolve(
    path: "str | None", id: str, layout: "CgroupLayout", *, rootless: bool = False
) -> Cgroup:
    """The cgroup of container ``id`` whose ``linux.cgroupsPath`` is ``path`` (None or "": default).

    Nothing is made, and ``made`` is empty. slice:prefix:name, the form of the systemd driver, is a
    relative path here, as engines expect that were set up for systemd where the runtime is not.
    Raises ConfigError for a path that leaves the hierarchy or names its root.
    """
    if path:
        inner = _plain(path)
        reason = _unfit(path) or ("" if inner else "names no cgroup below the root")
        if reason:
            raise ConfigError(POINTER, reason, value=path)
        absolute = path[0] == "/"
    else:
        inner = PARENT + "/" + id
        absolute = layout.mode == "v2" and not rootless
    directories = {}
    if layout.mode != "v2":
        for hierarchy, mount in layout.hierarchies.items():
            own = "" if absolute else layout.own.get(hierarchy, "/").rstrip("/")
            directories[hierarchy] = mount + own + inner
    if layout.unified:
        own = "" if absolute else layout.own.get("", "/").rstrip("/")
        if layout.mode == "v2":
            own = own.rpartition("/")[0]
        directories[""] = layout.unified + own + inner
    return Cgroup(layout.mode, directories, [])


def below(cgroup: Cgroup, places: "Sequence[str]") -> Cgroup:
    """The sub-cgroup of a container's cgroup that ``exec --cgroup`` names, for joining.

    Each place is a path, or CONTROLLER[,CONTROLLER...]:PATH for some hierarchies of v1 only; where
    none is named the process goes into the container's own cgroup. Raises UsageError for a path
    that leaves it (S-35), or for a controller in whose hierarchy the container is not.
    """
    known = cgroup.directories
    directories = dict(known)
    for place in places:
        controllers, colon, path = place.rpartition(":")
        if reason := _unfit(path):
            raise UsageError(f"--cgroup {shown(place)} {reason}")
        for controller in controllers.split(",") if colon else known:
            if controller not in known or (colon and not controller):
                raise UsageError(f"--cgroup {shown(place)}: the container has no such controller")
            directories[controller] = known[controller] + _plain(path)
    result = Cgroup(cgroup.mode, directories, [], cgroup.rootless)
    result.unit = cgroup.unit
    return result


def _unfit(path: str) -> str:
    """Why the path can name no cgroup, "" if it can."""
    if "\0" in path or "\n" in path:
        return "has a NUL or a line break"
    for part in path.split("/"):
        if part == "..":
            return 'may not contain ".."'
        if len(part.encode("utf-8", "surrogateescape")) > NAME_MAX:
            return "has a component of more than 255 bytes"
    return ""


def _plain(path: str) -> str:
    """ "/a/b" without empty and "." components; "" where nothing is left."""
    return "".join(["/" + part for part in path.split("/") if part not in {"", "."}])


def wants_ownership(linux: "Linux", mounts: "list[Mount]") -> bool:
    """Whether the container's user is to own its cgroup (config-linux.md, Cgroup ownership).

    It is so where the container gets a new cgroup namespace and its cgroup mounted writable; the
    host must be on v2 besides, for a v1 cgroup cannot be delegated safely.
    """
    fresh = any(
        namespace.get("type") == "cgroup" and not namespace.get("path")
        for namespace in linux.get("namespaces") or ()
    )
    return fresh and any(
        mount.get("source") == "cgroup"
        and mount.get("destination", "").rstrip("/") == "/sys/fs/cgroup"
        and "ro" not in (mount.get("options") or ())
        for mount in mounts
    )
