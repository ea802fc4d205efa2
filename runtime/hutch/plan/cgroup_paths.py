"""Where a container's cgroup is: ``linux.cgroupsPath`` and the host's layout to directories.

The rules are those that engines know (runtime-spec config-linux.md, Cgroups Path):

- an absolute path counts from the root of each hierarchy;
- on v1 a relative path, and the default ``/ID``, count from the caller's own cgroup in each
  hierarchy, so limits set on the caller hold for the container too;
- on v2 a relative path counts from the parent of the caller's own cgroup: the own one holds a
  process, the caller, and so may not hand controllers down (the kernel's "no internal processes"
  rule). The default is ``/ID`` from the root, or relative for a caller without root.

Every mounted hierarchy is joined, those without a controller (name=systemd, the cgroup2 tree of a
hybrid host) too: whatever looks a container's processes up finds all of them in any hierarchy.
"""

from hutch.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hutch.plan.host import CgroupLayout

POINTER = "linux.cgroupsPath"
NAME_MAX = 255


class Cgroup:
    """A container's cgroup: one directory in each hierarchy.

    ``mode`` is the layout's. ``directories`` maps each hierarchy ("memory", "name=systemd", "" for
    cgroup2) to the absolute directory; controllers mounted together share one. ``made`` lists the
    directories that did not exist before this container, parents first: delete removes these and
    no others (runtime-spec runtime.md, Delete).
    """

    __slots__ = ("directories", "made", "mode")

    def __init__(self, mode: str, directories: "dict[str, str]", made: "list[str]") -> None:
        self.mode = mode
        self.directories = directories
        self.made = made

    def to_json(self) -> "dict[str, Any]":
        """What the state file keeps; ``from_json`` takes it back."""
        return {"mode": self.mode, "directories": self.directories, "made": self.made}

    @classmethod
    def from_json(cls, value: "dict[str, Any]") -> "Cgroup":
        return cls(value["mode"], dict(value["directories"]), list(value["made"]))

    def leaves(self) -> "list[str]":
        """The container's own directories, each once though controllers may share it."""
        return list(dict.fromkeys(self.directories.values()))


def resolve(
    path: "str | None", id: str, layout: "CgroupLayout", *, rootless: bool = False
) -> Cgroup:
    """The cgroup of container ``id`` whose ``linux.cgroupsPath`` is ``path`` (None or "": default).

    Nothing is made, and ``made`` is empty. Raises ConfigError for a path that leaves the hierarchy,
    names its root, or has the form of the systemd driver.
    """
    if path:
        inner = _checked(path)
        absolute = path[0] == "/"
    else:
        inner = "/" + id
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


def beneath(cgroup: Cgroup, path: str, controllers: "tuple[str, ...]" = ()) -> Cgroup:
    """The sub-cgroup ``path`` of a container's cgroup, in all hierarchies or in those named.

    For ``exec --cgroup [CONTROLLER,...:]PATH``; "/" and "" are the container's cgroup itself.
    Raises ConfigError for a path that leaves it or a controller in which the container is not.
    """
    inner = "" if path.strip("/") == "" else _checked(path, "cgroup")
    known = cgroup.directories
    for controller in controllers:
        if controller not in known:
            raise ConfigError("cgroup", "the container is in no such hierarchy", value=controller)
    return Cgroup(cgroup.mode, {key: known[key] + inner for key in controllers or known}, [])


def _checked(path: str, pointer: str = POINTER) -> str:
    """The path in its plain form: "/a/b", no empty or "." components."""
    if "\0" in path or "\n" in path:
        raise ConfigError(pointer, "the name of a cgroup has no NUL or line break", value=path)
    first, _, rest = path.partition(":")
    if "/" not in path and rest.count(":") == 1 and (first == "" or first[-6:] == ".slice"):
        raise ConfigError(
            pointer,
            "is slice:prefix:name, the form of the systemd cgroup driver",
            value=path,
            hint="give --systemd-cgroup, or a path like /containers/name",
        )
    inner = ""
    for part in path.split("/"):
        if part in {"", "."}:
            continue
        if part == "..":
            raise ConfigError(pointer, 'may not contain ".."', value=path)
        if len(part.encode("utf-8", "surrogateescape")) > NAME_MAX:
            raise ConfigError(pointer, "has a component of more than 255 bytes", value=path)
        inner += "/" + part
    if not inner:
        raise ConfigError(pointer, "names no cgroup below the root of the hierarchy", value=path)
    return inner


def wants_ownership(linux: "dict[str, Any]", mounts: "list[dict[str, Any]]") -> bool:
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
