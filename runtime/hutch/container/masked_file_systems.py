"""Why the kernel lets no new user namespace mount proc or sysfs: other mounts cover parts of them.

The kernel asks for one mount of the file system that is visible as a whole (user_namespaces(7);
mnt_already_visible() in fs/namespace.c). Imported only after an error, and by `check --host`.
"""

from hutch.cgroups.files import read_or
from hutch.cgroups.layout import unescaped

# Directories that are there to be mounted over: what covers them hides nothing.
EMPTY = (
    "/fs/nfsd", "/sys/fs/binfmt_misc", "/openprom", "/fs/cgroup", "/fs/bpf", "/fs/pstore",
    "/fs/fuse/connections", "/fs/selinux", "/fs/smackfs", "/fs/resctrl", "/firmware/efi/efivars",
    "/kernel/config", "/kernel/debug", "/kernel/security", "/kernel/tracing", "/hypervisor/s390",
)  # fmt: skip


def masking(fstype: str, process: str = "self") -> "list[str]":
    """The mount points that cover parts of the mount of ``fstype`` that is covered least; [] if one
    is visible as a whole. ``fstype`` itself, alone, if none is mounted."""
    mounts = []
    for line in read_or(f"/proc/{process}/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        mounts.append((fields[0], fields[1], fields[3], unescaped(fields[4]), after.split(" ")[0]))
    best: list[str] | None = None
    for number, _, root, place, kind in mounts:
        if kind != fstype or root != "/":
            continue
        over = [
            other
            for _, parent, _, other, _ in mounts
            if parent == number and other[len(place.rstrip("/")) :] not in EMPTY
        ]
        if best is None or len(over) < len(best):
            best = over
    return [fstype] if best is None else best


def reason(fstype: str, process: str = "self") -> str:
    """Why ``fstype`` cannot be mounted in a new user namespace, in words; "" if nothing is seen."""
    found = masking(fstype, process)
    if not found:
        return ""
    if found == [fstype]:
        return f"no mount of {fstype} is visible here as a whole"
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return f"parts of the host's {fstype} are covered by mounts at {', '.join(found[:4])}{more}"
