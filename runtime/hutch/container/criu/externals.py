"""What a container uses that belongs to the host, and that CRIU must be told about.

Files and directories that were bound into it come from the host: they get a name at the checkpoint,
and what that name stands for is said at the restore. The plan knows them all, so both sides ask it.
So do standard streams that are pipes of whoever started the container, and namespaces that it has
joined by path.
"""

import posix

from hutch.errors import KernelError, UsageError
from hutch.kernel.beneath import open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.plan.host import CgroupLayout
    from hutch.plan.operations import Operation
    from hutch.spec.config import Config

STREAMS = "descriptors.json"
NULL = "/dev/null"
TERMINAL = "tty["
S_IFMT, S_IFCHR = 0o170000, 0o020000
# Namespaces that CRIU can leave out of the images, and its name for them (criu(8), --external).
JOINABLE = {"network": "net", "pid": "pid"}


def bound(operations: "Sequence[Operation]") -> "list[tuple[str, str, bool]]":
    """The binds of a kept plan (kept_plan.py): (target in the container, source on the host,
    whether the bind is recursive)."""
    found = []
    for operation in operations:
        if operation.name == "bind":
            found.append((operation.target, str(operation.source), bool(operation.recursive)))
        elif operation.name == "mask":
            found.append((operation.path, NULL, False))
        elif operation.name == "device" and operation.bind:
            found.append((operation.path, str(operation.host), False))
    return found


def mounts_to_save(operations: "Sequence[Operation]", pid: int) -> "list[dict[str, str]]":
    """For each mount of the running container that comes from the host: its mount point and name.

    The name is the target in the config; the mount point differs from it if the target has led
    through symbolic links. Mounts that are gone or that the container has made are left out.
    """
    try:
        root = posix.open(f"/proc/{pid}/root", posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
    except OSError as error:
        raise KernelError("open the container's root", "open", error.errno) from None
    found: dict[str, str] = {}
    try:
        points = mount_points(f"/proc/{pid}/mountinfo")
        for target, source, recursive in bound(operations):
            place = _mount_point(root, target, points)
            if not place or (source == NULL and not _is_device(root, target)):
                continue
            found[place] = target
            if recursive:
                for point in points.values():
                    if point.startswith(place + "/") and point not in found:
                        found[point] = target + point[len(place) :]
    finally:
        posix.close(root)
    return [{"key": place, "val": name} for place, name in found.items()]


def mounts_to_restore(operations: "Sequence[Operation]") -> "list[dict[str, str]]":
    """For each name: the path on the host."""
    points = mount_points("/proc/self/mountinfo").values()
    found: dict[str, str] = {}
    for target, source, recursive in bound(operations):
        found[target] = source
        if recursive:
            for point in points:
                if point.startswith(source + "/"):
                    found.setdefault(target + point[len(source) :], point)
    return [{"key": name, "val": source} for name, source in found.items()]


def mount_points(mountinfo: str) -> "dict[int, str]":
    """The mount points by mount id (proc(5), mountinfo)."""
    from hutch.container.store import read_file

    points = {}
    for line in read_file(mountinfo).split(b"\n"):
        fields = line.split(b" ")
        if len(fields) > 4:
            points[int(fields[0])] = _unescaped(fields[4])
    return points


def _unescaped(path: bytes) -> str:
    first, *rest = path.split(b"\\")
    for part in rest:
        first += bytes((int(part[:3], 8),)) + part[3:]
    return first.decode("utf-8", "surrogateescape")


def _mount_point(root: int, target: str, points: "dict[int, str]") -> str:
    """The mount point of the mount whose root is ``target``; "" if there is none."""
    found = []
    for path in (target, target.rpartition("/")[0] or "/"):
        try:
            fd = open_in_root(root, path, posix.O_PATH)
        except OSError:
            return ""
        try:
            found.append(_mount_of(f"/proc/self/fdinfo/{fd}"))
        finally:
            posix.close(fd)
    return points.get(found[0], "") if found[0] != found[1] else ""


def _mount_of(fdinfo: str) -> int:
    from hutch.container.store import read_file

    text = read_file(fdinfo)
    return int(text.partition(b"mnt_id:")[2].split()[0])


def _is_device(root: int, target: str) -> bool:
    fd = open_in_root(root, target, posix.O_PATH)
    try:
        return posix.fstat(fd).st_mode & S_IFMT == S_IFCHR
    finally:
        posix.close(fd)


def streams_of(pid: int) -> "list[str]":
    """CRIU's names for the standard streams of the first process: ``pipe:[12]`` as in /proc/PID/fd,
    ``file[MOUNT:INODE]`` for a file outside of the container, ``tty[RDEV:DEV]`` for a terminal
    outside of it (criu(8), --external), and the path for a file in the container.
    """
    points = mount_points(f"/proc/{pid}/mountinfo")
    found = []
    for fd in range(3):
        path = f"/proc/{pid}/fd/{fd}"
        try:
            name = posix.readlink(path)
            mount = _mount_of(f"/proc/{pid}/fdinfo/{fd}")
            if name.startswith("/") and mount not in points:
                found_there = posix.stat(path)
                if _is_terminal(found_there):
                    name = f"{TERMINAL}{found_there.st_rdev:x}:{found_there.st_dev:x}]"
                else:
                    name = f"file[{mount:x}:{found_there.st_ino:x}]"
        except OSError:
            name = ""
        found.append(name)
    return found


def _is_terminal(status: posix.stat_result) -> bool:
    """Whether the file is a terminal (the kernel's admin-guide/devices.rst)."""
    major = posix.major(status.st_rdev)
    return status.st_mode & S_IFMT == S_IFCHR and (major in {4, 5} or 136 <= major <= 143)


def streams_to_save(streams: "Sequence[str]") -> "list[str]":
    """The standard streams that CRIU must be told about."""
    return sorted({name for name in streams if name.startswith(("file[", TERMINAL))})


def check_terminals(streams: "Sequence[str]", asked: object) -> None:
    """Raises UsageError if a stream is the terminal of the caller of `checkpoint` and --shell-job
    was not given: the caller of `restore` must have a terminal too, so this must be asked for."""
    for fd, name in enumerate(streams):
        if name.startswith(TERMINAL) and not asked:
            raise UsageError(
                f"the container's descriptor {fd} is a terminal of whoever started it",
                hint="--shell-job: at the restore that of its caller takes its place",
            )


def streams_to_restore(streams: "Sequence[str]") -> "list[tuple[str, int]]":
    """Replaces pipes, files and terminals of the caller of `checkpoint` by the standard streams of
    the caller of `restore`. Returns (CRIU's name, a descriptor, which the caller closes). Copies
    are needed because CRIU's own descriptors 1 and 2 take its messages."""
    found: dict[str, int] = {}
    for fd, name in enumerate(streams[:3]):
        if name.startswith(("pipe:[", "file[", TERMINAL)) and name not in found:
            try:
                found[name] = posix.dup(fd)
            except OSError:  # it is closed
                found[name] = posix.open(NULL, posix.O_RDWR | posix.O_CLOEXEC)
    return list(found.items())


def joined(config: "Config") -> "list[tuple[str, str]]":
    """The namespaces that were joined by path: (CRIU's name for the kind, path)."""
    found = []
    for namespace in config.get("linux", {}).get("namespaces") or []:
        kind = JOINABLE.get(namespace["type"])
        if kind and namespace.get("path"):
            found.append((kind, namespace["path"]))
    return found


def namespaces_to_save(config: "Config", pid: int) -> "list[str]":
    """CRIU's external namespaces, by their inode numbers: ``net[4026532]:joined-net``."""
    found = []
    for kind, _ in joined(config):
        inode = posix.stat(f"/proc/{pid}/ns/{kind}").st_ino
        found.append(f"{kind}[{inode}]:joined-{kind}")
    return found


def cgroup_roots(directories: "dict[str, str]", layout: "CgroupLayout") -> "list[dict[str, str]]":
    """The path of the new cgroup in each hierarchy, counted from the root of the hierarchy."""
    roots = []
    for hierarchy, directory in directories.items():
        mount = layout.hierarchies.get(hierarchy, layout.unified) if hierarchy else layout.unified
        roots.append({"ctrl": hierarchy, "path": directory[len(mount) :] or "/"})
    return roots
