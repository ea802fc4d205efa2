"""How cgroups are mounted here, read from /proc/self/mountinfo and /proc/self/cgroup."""

from hutch.cgroups.files import read_file
from hutch.plan.host import CgroupLayout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

USUAL = "/sys/fs/cgroup"


def read() -> CgroupLayout:
    """The layout that this process sees; its mode is "none" if no cgroup file system is mounted."""
    layout = parse(read_file("/proc/self/mountinfo"), read_file("/proc/self/cgroup"))
    if layout.mode == "v2":
        names = read_file(layout.unified + "/cgroup.controllers").split()
        layout.controllers = frozenset(names)
    return layout


def parse(mountinfo: str, membership: str) -> CgroupLayout:
    """The layout from the contents of these two files; the controllers of v2 are not in them."""
    paths: dict[str, str] = {}
    for line in membership.split("\n"):
        if line:
            _, names, path = line.split(":", 2)
            for hierarchy in names.split(","):
                paths[hierarchy] = path
    mounts: dict[str, tuple[str, str]] = {}  # hierarchy -> its mount point, and what it shows there
    for line in mountinfo.split("\n"):
        before, separator, after = line.partition(" - cgroup")
        if separator:
            fields = before.split(" ")
            kind, _, options = after.rpartition(" ")
            shown = [""] if kind[0] == "2" else [n for n in options.split(",") if n in paths and n]
            _note(mounts, shown, unescaped(fields[4]), unescaped(fields[3]))
    unified = mounts.pop("", ("", "/"))
    own = {name: _beneath(paths[name], root) for name, (_, root) in mounts.items()}
    if unified[0]:
        own[""] = _beneath(paths.get("", "/"), unified[1])
    if not mounts and not unified[0]:
        return CgroupLayout("none", {}, "", {}, frozenset())
    # If v2 is at the usual place, v1 hierarchies mounted elsewhere are not used.
    if unified[0] == USUAL or not mounts:
        return CgroupLayout("v2", {}, unified[0], {"": own[""]}, frozenset())
    return CgroupLayout(
        "hybrid" if unified[0] else "v1",
        {name: point for name, (point, _) in mounts.items()},
        unified[0],
        own,
        frozenset(name for name in mounts if name[:5] != "name="),
    )


def _note(
    mounts: "dict[str, tuple[str, str]]", names: "Iterable[str]", point: str, root: str
) -> None:
    """Keeps the first mount of each hierarchy, or the one at the usual place."""
    for name in names:
        if name not in mounts or (point[:14] == USUAL and mounts[name][0][:14] != USUAL):
            mounts[name] = (point, root)


def _beneath(path: str, root: str) -> str:
    """The path of the cgroup ``path`` below a mount that shows the hierarchy from ``root`` on.

    A mount may show only a part (a bind, a cgroup namespace). The result is "/" for a cgroup
    outside of it; such a path begins with "/.." in a cgroup namespace (cgroup_namespaces(7)).
    """
    if root != "/" and (path == root or path[: len(root) + 1] == root + "/"):
        path = path[len(root) :]
    elif root != "/":
        path = "/"
    return "/" if path[:3] == "/.." else path or "/"


def unescaped(path: str) -> str:
    """A path of mountinfo, in which blanks, line breaks and backslashes are octal (proc(5))."""
    if "\\" not in path:
        return path
    first, *rest = path.split("\\")
    raw = first.encode("utf-8", "surrogateescape")
    for part in rest:
        raw += bytes((int(part[:3], 8),)) + part[3:].encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "surrogateescape")
