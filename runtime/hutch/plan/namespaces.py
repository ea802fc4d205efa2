"""linux.namespaces and the id mappings: which namespaces are new, which are joined, in what order.

Two rules of the kernel decide the order: joining a namespace takes CAP_SYS_ADMIN in the user
namespace that owns it, and a new namespace is owned by the user namespace of the process that makes
it (setns(2), user_namespaces(7)). So there are three cases:

1. No user namespace: clone3 starts hutch-init in the new namespaces; hutch-init joins the others.
2. A new user namespace, and no namespace is joined: clone3 makes all of them at once, and the
   kernel gives them to the new user namespace.
3. A user namespace, and some namespaces are joined: hutch-init starts in the caller's namespaces,
   joins, and then clones itself into the new ones. If the caller is root, it joins the user
   namespace last, because root may enter the others from outside; if not, it joins it first.

A new time namespace is made before all others but the user namespace. The process that makes it
stays outside. The runtime writes the offsets, which cannot change after a process is in the
namespace. Then hutch-init clones itself into it and into the other new ones (time_namespaces(7)).

Only a child can enter a pid namespace, so joining one always takes the clone of case 3. The new
cgroup namespace is made later, after the process has entered its cgroup, because that cgroup
becomes the root of the namespace.
"""

from hutch.plan import operations as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from hutch.plan.host import Host
    from hutch.plan.operations import Join, Operation
    from hutch.spec.config import Config, IdMapping, Linux, TimeOffset

    Clock = Literal["monotonic", "boottime"]

CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# The names of runtime-spec (config-linux.md, "Namespaces") and the kernel's flags.
TYPES = {
    "pid": CLONE_NEWPID,
    "network": CLONE_NEWNET,
    "mount": CLONE_NEWNS,
    "ipc": CLONE_NEWIPC,
    "uts": CLONE_NEWUTS,
    "user": CLONE_NEWUSER,
    "cgroup": CLONE_NEWCGROUP,
    "time": CLONE_NEWTIME,
}

# The clocks of a time namespace, in the order in which they are written.
CLOCKS: "tuple[Clock, ...]" = ("monotonic", "boottime")

FIRST_SLOT = 2

# The programs that write maps with ids that are not the caller's (Debian package uidmap).
MAP_PROGRAMS = {"uid_map": "newuidmap", "gid_map": "newgidmap"}


class Namespaces:
    """How hutch-init gets into the namespaces of linux.namespaces.

    ``new`` maps the type of each new namespace to its pointer, ``joined`` that of each joined one
    to (slot, pointer, path). ``spawn_flags`` are for the clone3 that starts hutch-init. ``entry``
    are the operations after that; ``inner`` are those that come after the id maps and the time
    offsets are written.
    """

    __slots__ = ("entry", "inner", "joined", "new", "spawn_flags")

    def __init__(self) -> None:
        self.new: dict[str, str] = {}
        self.joined: dict[str, tuple[int, str, str]] = {}
        self.spawn_flags = 0
        self.entry: list[Operation] = []
        self.inner: list[Operation] = []

    def has(self, kind: str) -> bool:
        """Whether the container makes or joins a namespace of this type."""
        return kind in self.new or kind in self.joined


def has_namespace(config: "Config", kind: str) -> bool:
    """Whether the container has a namespace of this type, new or joined, and not the runtime's."""
    namespaces = config.get("linux", {}).get("namespaces") or []
    return any(namespace["type"] == kind for namespace in namespaces)


def compile_namespaces(config: "Config", host: "Host") -> Namespaces:
    """The namespaces of a checked config."""
    result = Namespaces()
    listed = config.get("linux", {}).get("namespaces") or []
    for index, namespace in enumerate(listed):
        pointer = "linux.namespaces[" + str(index) + "]"
        kind = namespace["type"]
        path = namespace.get("path")
        if path:
            slot = FIRST_SLOT + len(result.joined)
            result.joined[kind] = (slot, pointer, path)
        else:
            result.new[kind] = pointer
    flags = 0
    for new in result.new:
        if new not in ("cgroup", "time"):
            flags |= TYPES[new]
    if "time" in result.new:
        result.inner = [op.clone(result.new["time"], flags & ~CLONE_NEWUSER)]
        flags &= CLONE_NEWUSER
    joins: list[Join] = [
        op.join(pointer + ".path", slot, TYPES[kind])
        for kind, (slot, pointer, _) in sorted(result.joined.items(), key=_join_order)
    ]
    if host.uid != 0:
        joins.sort(key=lambda join: join.flags != CLONE_NEWUSER)
    if "pid" in result.joined or (result.joined and result.has("user")):
        result.entry = [*joins, op.clone("linux.namespaces", flags)]
    else:
        result.spawn_flags = flags
        result.entry = [*joins]
    if "time" in result.new:
        result.entry.append(op.unshare(result.new["time"], CLONE_NEWTIME))
    return result


def _join_order(item: "tuple[str, tuple[int, str, str]]") -> int:
    """Sorts the user namespace last, because a process in it has no rights over the others, and the
    mount namespace directly before it."""
    return {"user": 2, "mount": 1}.get(item[0], 0)


def offset_lines(offsets: "Mapping[Clock, TimeOffset]") -> str:
    """What is written to /proc/PID/timens_offsets (time_namespaces(7)); "" for none."""
    return "".join(
        f"{clock} {offsets[clock].get('secs', 0)} {offsets[clock].get('nanosecs', 0)}\n"
        for clock in CLOCKS
        if clock in offsets
    )


def mapping_lines(mappings: "list[IdMapping]") -> str:
    """What is written to /proc/PID/uid_map or gid_map (user_namespaces(7))."""
    return "".join(
        f"{entry['containerID']} {entry['hostID']} {entry['size']}\n" for entry in mappings
    )


def is_own_alone(mappings: "list[IdMapping]", id: int) -> bool:
    """Whether only the caller's own id is mapped. Without root the kernel allows no other map, and
    this one for gids only if setgroups(2) is denied (user_namespaces(7))."""
    return len(mappings) == 1 and mappings[0]["hostID"] == id and mappings[0]["size"] == 1


def map_helpers(linux: "Linux", host: "Host") -> "tuple[str, ...]":
    """The maps ("uid_map", "gid_map") that only newuidmap(1) and newgidmap(1) can write for the
    caller."""
    if host.uid == 0:
        return ()
    found = []
    if not is_own_alone(linux.get("uidMappings") or [], host.uid):
        found.append("uid_map")
    if not is_own_alone(linux.get("gidMappings") or [], host.gid):
        found.append("gid_map")
    return tuple(found)


def are_groups_denied(linux: "Linux", host: "Host", in_user_namespace: bool) -> bool:
    """Whether the kernel denies setgroups(2) in the container's user namespace.

    It does so if it denies setgroups in the parent user namespace. Without root and without
    linux.gidMappings the answer is not known for a joined user namespace; then it is True.
    """
    if host.groups_denied:
        return True
    if not in_user_namespace:
        return False
    return host.uid != 0 and "gid_map" not in (
        map_helpers(linux, host) if linux.get("gidMappings") else ()
    )


def host_id(mappings: "list[IdMapping]", container_id: int) -> "int | None":
    """The host's id for an id of the container; None if it is not mapped."""
    for entry in mappings:
        offset = container_id - entry["containerID"]
        if 0 <= offset < entry["size"]:
            return entry["hostID"] + offset
    return None
