"""The directories of a container's cgroup, from ``linux.cgroupsPath`` and the host's layout.

The rules are those that engines expect (runtime-spec config-linux.md, Cgroups Path):

- an absolute path starts at the root of each hierarchy;
- on v1 a relative path, and the default ``/hutch/ID``, start at the caller's own cgroup in each
  hierarchy, so that the limits of the caller hold for the container too;
- on v2 a relative path starts at the parent of the caller's own cgroup. The own cgroup holds a
  process, the caller, and so cannot enable controllers for its children (cgroups(7), the "no
  internal processes" rule). The default is ``/hutch/ID`` from the root, or relative for a caller
  without root. ``/hutch`` avoids conflicts with other cgroups below the root.

The container gets a cgroup in every mounted hierarchy, also in those without a controller
(name=systemd, the cgroup2 tree of a hybrid host). So other programs find all processes of the
container in any hierarchy.
"""

from hutch.errors import ConfigError, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NotRequired, Protocol, TypedDict

    from hutch.plan.host import CgroupLayout
    from hutch.plan.scope import KeptUnit, Unit
    from hutch.spec.config import Linux, Mount

    class KeptCgroup(TypedDict):
        """A Cgroup in the state file."""

        mode: str
        directories: dict[str, str]
        made: list[str]
        rootless: NotRequired[bool | None]
        unit: NotRequired[KeptUnit]

    class Keeper(Protocol):
        """A process that keeps a scope alive until the container's first process is in it."""

        def end(self) -> None: ...


POINTER = "linux.cgroupsPath"
PARENT = "/hutch"  # of containers without linux.cgroupsPath
NAME_MAX = 255


class Cgroup:
    """A container's cgroup: one directory in each hierarchy.

    ``mode`` is the layout's. ``directories`` maps each hierarchy ("memory", "name=systemd", "" for
    cgroup2) to the absolute directory; controllers mounted together share one. ``made`` lists the
    directories that did not exist before this container, parents first: delete removes these and
    no others (runtime-spec runtime.md, Delete). ``rootless``: whether to leave out a hierarchy that
    the caller may not use, if no limit needs it (None: only if the caller is not root). If systemd
    manages the directories, ``unit`` is their scope, and ``keeper`` the process that keeps the
    scope alive until the container's first process is in it.
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
        """The cgroup as the state file keeps it; ``from_json`` reads it."""
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
            from hutch.plan.scope import Unit

            cgroup.unit = Unit.from_json(value["unit"])
        return cgroup

    def copy(self) -> "Cgroup":
        """A copy that changes when the cgroup is created, while this one stays as planned."""
        cgroup = Cgroup(self.mode, dict(self.directories), list(self.made), self.rootless)
        cgroup.unit = self.unit
        return cgroup

    def leaves(self) -> "list[str]":
        """The container's own directories, each once, even if controllers share it."""
        return list(dict.fromkeys(self.directories.values()))


def resolve(
    path: "str | None", id: str, layout: "CgroupLayout", *, rootless: bool = False
) -> Cgroup:
    """The cgroup of container ``id`` whose ``linux.cgroupsPath`` is ``path`` (None or "": default).

    This creates no directory, so ``made`` is empty. slice:prefix:name, the form of the systemd
    driver, is a relative path here: engines may use that form though the runtime was not told to
    use systemd. Raises ConfigError for a path that leaves the hierarchy or names its root.
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
    """The sub-cgroup of a container's cgroup that ``exec --cgroup`` names, for a process to enter.

    Each of ``places`` is a path, or CONTROLLER[,CONTROLLER...]:PATH for some hierarchies of v1
    only. In the hierarchies that none of them names, the process enters the container's own cgroup.
    Raises UsageError for a path that leaves the container's cgroup (S-35), and for a controller in
    whose hierarchy the container has no cgroup.
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
    """The reason why ``path`` is not a valid name of a cgroup; "" if it is valid."""
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
    """Whether the container's user must own its cgroup (config-linux.md, Cgroup ownership).

    That is so if the container gets a new cgroup namespace and a writable mount of its cgroup. The
    caller must check too that the host has cgroup v2: a v1 cgroup cannot be delegated safely.
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
