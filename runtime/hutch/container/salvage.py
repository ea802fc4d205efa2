"""Finds what is left of a container whose state is damaged, for `delete --force`.

Fields of the state file that have the right form are used. The others are found from the files
beside it: config.json names the cgroup or systemd's scope, and the plan names the root file system.
A process belongs to the container only if it is in that cgroup and has that root (security.md
S-51).
"""

import posix

from hutch.container import status
from hutch.container.state import CGROUP_FIELDS, FIELDS, State
from hutch.container.store import read_file
from hutch.errors import HutchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.store import Entry
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.spec.json import Json


def salvage(entry: "Entry") -> "State | None":
    """The parts of the state that can be found; None if nothing of the container is left."""
    state = _readable(entry)
    rootfs = _kept_rootfs(entry) or state.rootfs
    state.rootfs = rootfs
    if state.kept_cgroup is None:
        cgroup = _planned_cgroup(entry)
        if cgroup is not None:
            # Nothing says which directories were there before the container. So only the last one
            # of each hierarchy is removed, and only if it is empty.
            cgroup.made = cgroup.leaves()
            state.kept_cgroup = cgroup.to_json()
    if not state.host_mount and not _has_mount_namespace(entry):
        state.host_mount = _mount_below(rootfs)
    if not status.is_alive(state):
        state.pid = _first_process(state.cgroup(), rootfs)
        state.start_time = status.start_time(state.pid) if state.pid else 0
    found = state.pid or state.kept_cgroup is not None or state.host_mount
    return state if found else None


def _readable(entry: "Entry") -> State:
    """The fields of state.json that have the right form; the others have their default values."""
    value: Json = None
    try:
        from hutch.spec.json import decode

        value = decode(entry.read("state.json"), "state.json")
    except HutchError:
        pass
    fields = value if isinstance(value, dict) else {}
    empty: dict[type, object] = {str: "", int: 0, bool: False, dict: None}
    state = State()
    for attribute, key, kind, missing in FIELDS:
        found = fields.get(key)
        default = empty[kind] if missing is ... else missing
        setattr(state, attribute, found if type(found) is kind else default)
    state.id = entry.id
    state.status = status.CREATED
    kept = state.kept_cgroup
    if kept is not None and not all(isinstance(kept.get(key), kind) for key, kind in CGROUP_FIELDS):
        state.kept_cgroup = None
    return state


def _planned_cgroup(entry: "Entry") -> "Cgroup | None":
    """The directories that exist of the cgroup that create has planned: one of the container's own,
    or a scope, if systemd runs here."""
    if cgroup := _existing(entry, systemd=False):
        return cgroup
    if not _is_directory("/run/systemd/system"):  # sd_booted(3)
        return None
    from hutch.front import use_interpreter

    use_interpreter()  # D-Bus needs a library
    return _existing(entry, systemd=True)


def _existing(entry: "Entry", *, systemd: bool) -> "Cgroup | None":
    from hutch.container.host import read_host
    from hutch.container.planned_cgroup import cgroup_for

    try:
        cgroup = cgroup_for(entry.load_config(), read_host(), entry.id, systemd, None)
    except (HutchError, AssertionError, AttributeError):
        return None
    cgroup.directories = {
        hierarchy: path for hierarchy, path in cgroup.directories.items() if _is_directory(path)
    }
    return cgroup if cgroup.directories else None


def _kept_rootfs(entry: "Entry") -> str:
    from hutch.container.kept_plan import kept_operations

    try:
        operations = kept_operations(entry)
    except HutchError:
        return ""
    for operation in operations:
        if operation.name == "open_root":
            return operation.path
    return ""


def _has_mount_namespace(entry: "Entry") -> bool:
    try:
        namespaces = entry.load_config().get("linux", {}).get("namespaces") or []
    except (HutchError, AssertionError, AttributeError):
        return True
    return any(namespace.get("type") == "mount" for namespace in namespaces)


def _mount_below(rootfs: str) -> int:
    """The id of the mount that held the rootfs before the container bound it on itself; 0 if there
    is no such bind. A mount with the root "/" does not count as one: it may be an ordinary mount
    of a file system that somebody else has made."""
    here = []
    for line in read_file("/proc/self/mountinfo").decode(errors="replace").splitlines():
        _, parent, _, root, place = line.split(" ")[:5]
        if place == rootfs:
            here.append((int(parent), root))
    if len(here) > 1 or (here and here[0][1] != "/"):
        return here[-1][0]
    return 0


def _first_process(cgroup: "Cgroup | None", rootfs: str) -> int:
    """The oldest process that is in the cgroup and has this root; 0 if there is none."""
    if cgroup is None or not rootfs:
        return 0
    from hutch.cgroups import processes

    try:
        root = posix.stat(rootfs)
    except OSError:
        return 0
    own = []
    for pid in processes(cgroup):
        try:
            found = posix.stat(f"/proc/{pid}/root")
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (root.st_dev, root.st_ino):
            own.append(pid)
    return min(own, key=status.start_time, default=0)


def _is_directory(path: str) -> bool:
    try:
        return bool(posix.stat(path).st_mode & 0o040000)
    except OSError:
        return False
