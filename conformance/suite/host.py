"""The features of this host. A row that needs a missing feature is "not applicable here"."""

import ctypes
import functools
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
RESCTRL = Path("/sys/fs/resctrl")
PR_SET_CHILD_SUBREAPER = 36


@functools.cache
def unified() -> bool:
    """Whether the host has only cgroup v2."""
    return (CGROUPS / "cgroup.controllers").exists()


@functools.cache
def controllers() -> dict[str, Path]:
    """The directory of each cgroup controller's hierarchy: all the same one on v2."""
    if unified():
        names = (CGROUPS / "cgroup.controllers").read_text().split()
        # v2 has no controller devices, but device rules are applied there too.
        return dict.fromkeys([*names, "devices", "freezer"], CGROUPS)
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split()[4]
        kind, _, options = line.partition(" - ")[2].split(" ", 2)
        if kind == "cgroup":
            for name in options.split()[-1].split(","):
                found[name] = Path(place)
    return found


def hierarchies() -> set[Path]:
    """The roots of all cgroup hierarchies, that of v2 on a hybrid host too."""
    hybrid = CGROUPS / "unified"
    return {*controllers().values(), *([hybrid] if hybrid.is_dir() else [])}


@functools.cache
def apparmor() -> bool:
    """Whether AppArmor runs."""
    path = Path("/sys/module/apparmor/parameters/enabled")
    return path.exists() and path.read_text().strip() == "Y"


@functools.cache
def selinux() -> bool:
    """Whether SELinux runs."""
    return Path("/sys/fs/selinux/enforce").exists()


@functools.cache
def resctrl() -> bool:
    """Whether the resctrl file system is mounted."""
    return (RESCTRL / "schemata").exists()


@functools.cache
def kernel() -> tuple[int, int]:
    """The kernel's version."""
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()))


@functools.cache
def capabilities() -> int:
    """The caller's bounding set."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return int(line.split()[1], 16)
    return 0


@functools.cache
def page_sizes() -> list[str]:
    """The sizes of huge pages, as in the names of their cgroup files."""
    result = []
    for path in sorted(Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB")):
        size = int(path.name[10:-2])
        result.append(f"{size >> 20}GB" if size >> 20 else f"{size >> 10}MB")
    return result


@functools.cache
def disk() -> tuple[int, int] | None:
    """The numbers of a block device that takes throttling rules."""
    for path in sorted(Path("/sys/block").iterdir()):
        if (path / "device").exists() or path.name.startswith(("vd", "loop")):
            major, minor = (path / "dev").read_text().split(":")
            return int(major), int(minor)
    return None


@functools.cache
def namespace(kind: str) -> str:
    """A namespace of this process, as in /proc/self/ns."""
    return os.readlink(f"/proc/self/ns/{kind}")


def adopt_orphans() -> None:
    """Makes this process the parent of containers' processes whose parent has ended. It then reaps
    them, also if no init does, so that a wait for their end succeeds."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def describe() -> str:
    """The host in one line, for the report."""
    version = ".".join(os.uname().release.split(".")[:2])
    cgroup = "v2" if unified() else "v1" + (" (hybrid)" if (CGROUPS / "unified").exists() else "")
    lsm = [name for name, on in (("AppArmor", apparmor()), ("SELinux", selinux())) if on]
    return (
        f"Linux {version}, {os.uname().machine}, cgroup {cgroup}, {' and '.join(lsm) or 'no LSM'}"
    )
