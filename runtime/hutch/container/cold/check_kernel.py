"""What `check` finds out about this kernel and host: file systems and their options, cgroups,
sysctls, limits, ids, devices, seccomp.

Everything is read from /proc, /sys and /etc; nothing is tried.
"""

import os
import pwd
import resource
from collections.abc import Iterator
from errno import ENOENT
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.cgroups.files import exists, read_or
from hutch.cgroups.tree import prepare
from hutch.cgroups.write_errors import failed_write, missing_hierarchy, withheld_controller
from hutch.container.cold.file_systems import (
    is_loadable,
    of_this_kernel,
    option_names,
    wrong_option,
)
from hutch.did_you_mean import nearest
from hutch.errors import ConfigError, HostError, StateError
from hutch.kernel.process import bounding_set
from hutch.plan.resources import controllers_needed
from hutch.spec.capabilities import mask
from hutch.spec.rlimits import RLIMITS

if TYPE_CHECKING:
    from hutch.container.cold.check import Problem, Severity
    from hutch.container.cold.remaining import Remaining
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.plan import Plan
    from hutch.spec.config import CheckedConfig, IdMapping

# Calls that hutch-init or every program makes after the filter is loaded.
NEEDED_CALLS = ("execve", "exit_group", "read", "write")
DENYING = (
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
)
BLOCK = (
    "weightDevice",
    "throttleReadBpsDevice",
    "throttleWriteBpsDevice",
    "throttleReadIOPSDevice",
    "throttleWriteIOPSDevice",
)


def kernel_problems(
    config: "CheckedConfig", plan: "Plan", remaining: "Remaining"
) -> "Iterator[Problem]":
    """The problems that this kernel or host has with a config."""
    yield from _mounts(config, plan)
    yield from _cgroup(plan)
    yield from _numbers(config)
    yield from _sysctls(plan)
    yield from _rlimits(config)
    yield from _oom_score(config)
    yield from _id_maps(config, plan)
    yield from _devices(config)
    yield from _seccomp(config)
    yield from _apparmor(config)


def _mounts(config: "CheckedConfig", plan: "Plan") -> "Iterator[Problem]":
    """File systems that the kernel lacks, and options that they do not have."""
    kernel = of_this_kernel()
    entries = config.get("mounts") or []
    for operation in plan.operations:
        if operation.name != "mount" or not operation.pointer.startswith("mounts["):
            continue
        fstype = operation.fstype.partition(".")[0]  # fuse.sshfs is fuse
        if fstype not in kernel and not is_loadable(fstype):
            near = nearest(fstype, kernel)
            yield (
                "error",
                HostError(
                    f"the kernel has no file system {fstype}, and no module for it",
                    pointer=operation.pointer + ".type",
                    hint=f"did you mean {near}?" if near else "see /proc/filesystems",
                ),
            )
            continue
        for option, pointer in zip(operation.options, operation.parts, strict=False):
            if reason := wrong_option(fstype, option):
                near = nearest(option.partition("=")[0], option_names(fstype))
                known = near and near != option.partition("=")[0]
                yield (
                    "error",
                    ConfigError(
                        pointer, reason, value=option, hint=f"did you mean {near}?" if known else ""
                    ),
                )
    for index, mount in enumerate(entries):
        if mount.get("type") in (None, "", "bind", "none") or "bind" in (
            mount.get("options") or ()
        ):
            continue
        source = mount.get("source") or ""
        needs_device = kernel.get(mount.get("type") or "", False)
        if needs_device and source[:1] == "/" and not os.path.exists(source):
            yield (
                "error",
                ConfigError(
                    f"mounts[{index}].source", "no such file or directory", value=source,
                    hint="this file system is on a block device of the host",
                ),
            )  # fmt: skip


def _cgroup(plan: "Plan") -> "Iterator[Problem]":
    """Controllers and files that the limits need, and whether the cgroup is free."""
    cgroup = plan.cgroup
    if cgroup is None or cgroup.unit is not None:
        return
    cgroup = cgroup.copy()
    try:
        prepare(cgroup)
    except StateError as error:
        refused = HostError(error.reason, pointer="linux.cgroupsPath", hint=error.hint)
        yield "error", refused
        return
    lacking = set()
    if cgroup.mode == "v2":
        for controller, pointer in controllers_needed(plan.writes).items():
            if problem := _withheld(cgroup, controller, pointer):
                lacking.add(controller)
                yield "error", problem
    for write in plan.writes:
        if write.optional or write.controller in lacking:
            continue
        directory = cgroup.directories.get("" if cgroup.mode == "v2" else write.controller)
        if directory is None:
            yield "error", missing_hierarchy(write)
            continue
        above = _existing(directory)
        files = [write.file, *(write.fallback[:1] if write.fallback else ())]
        # The files of the root differ from those of the other cgroups.
        if not _is_root(above) and not any(exists(f"{above}/{f}") for f in files):
            yield "error", failed_write(cgroup, above, write, OSError(ENOENT, ""))
    if denied := _not_writable(cgroup):
        severity: Severity = "note" if os.geteuid() else "error"
        yield severity, denied


def _withheld(cgroup: "Cgroup", controller: str, pointer: str) -> "HostError | None":
    """On v2: the error that the host lacks a controller, or that a cgroup above withholds it from a
    caller who cannot enable it."""
    above = _existing(cgroup.directories.get("", ""))
    if os.geteuid() == 0:
        top = above
        while os.path.exists(os.path.dirname(top) + "/cgroup.controllers"):
            top = os.path.dirname(top)
        if controller in read_or(top + "/cgroup.controllers").split():
            return None
        return HostError(
            f"this host has no cgroup controller {controller}",
            pointer=pointer,
            hint=f"see {top}/cgroup.controllers; one that cgroup v1 uses is not there",
        )
    return withheld_controller(above + "/-", controller, pointer)


def _existing(directory: str) -> str:
    """The directory, or the nearest one above it that exists."""
    while directory and not os.path.exists(directory):
        directory = os.path.dirname(directory)
    return directory


def _is_root(directory: str) -> bool:
    """Whether a cgroup is the root of its hierarchy: only the root has release_agent (v1), and only
    it has no cgroup.type (v2)."""
    v1 = os.path.exists(directory + "/release_agent")
    v2 = os.path.exists(directory + "/cgroup.controllers")
    return v1 or (v2 and not os.path.exists(directory + "/cgroup.type"))


def _not_writable(cgroup: "Cgroup") -> "HostError | None":
    from hutch.cgroups.tree import without_root
    from hutch.cgroups.write_errors import hint_for_making

    if without_root(cgroup):
        return None  # the container is then made without these cgroups, unless a limit needs one
    for directory in cgroup.leaves():
        above = _existing(directory)
        if not os.access(above, os.W_OK):
            return HostError(
                f"the cgroup {directory} cannot be made: {above} is not writable for this caller",
                pointer="linux.cgroupsPath",
                hint=hint_for_making(directory, 13),
            )
    return None


def _numbers(config: "CheckedConfig") -> "Iterator[Problem]":
    """CPUs, memory nodes, sizes of huge pages and block devices that this host does not have."""
    resources = config.get("linux", {}).get("resources", {})
    at = "linux.resources"
    cpu = resources.get("cpu", {})
    for field, text, path in (
        ("cpus", cpu.get("cpus"), "/sys/devices/system/cpu/online"),
        ("mems", cpu.get("mems"), "/sys/devices/system/node/online"),
    ):
        online = _numbers_in(read_or(path).strip())
        absent = sorted(_numbers_in(text or "") - online) if online else []
        if absent:
            reason = f"number {absent[0]} is not online here; online: {_text_of(path)}"
            yield "error", ConfigError(f"{at}.cpu.{field}", reason, value=text)
    sizes = _huge_page_sizes()
    for index, limit in enumerate(resources.get("hugepageLimits") or ()):
        if limit["pageSize"] not in sizes:
            yield (
                "error",
                ConfigError(
                    f"{at}.hugepageLimits[{index}].pageSize",
                    "this machine has no huge pages of this size",
                    value=limit["pageSize"],
                    hint="it has " + (", ".join(sorted(sizes)) or "none"),
                ),
            )
    for name in BLOCK:
        listed = resources.get("blockIO", {}).get(name)
        for index, entry in enumerate(listed or ()):  # type: ignore[arg-type, var-annotated]
            number = f"{entry['major']}:{entry['minor']}"
            if not os.path.exists(f"/sys/dev/block/{number}"):
                reason = f"there is no block device {number} on this host"
                yield "error", ConfigError(f"{at}.blockIO.{name}[{index}]", reason)


def _huge_page_sizes() -> set[str]:
    sizes = set()
    for path in Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB"):
        size = int(path.name[10:-2])
        for unit, factor in (("GB", 1 << 20), ("MB", 1 << 10), ("KB", 1)):
            if size % factor == 0:
                sizes.add(f"{size // factor}{unit}")
                break
    return sizes


def _numbers_in(text: str) -> set[int]:
    """The numbers of a list such as 0-3,7; at most 65536 of each range."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if first.strip().isdigit():
            end = int(last) if dash else int(first)
            found.update(range(int(first), min(end, int(first) + 65536) + 1))
    return found


def _text_of(path: str) -> str:
    return read_or(path).strip()


def _sysctls(plan: "Plan") -> "Iterator[Problem]":
    """Sysctls that the kernel does not have: a new namespace has the same ones as the host's,
    except for those of network devices."""
    for operation in plan.operations:
        if operation.name != "sysctl":
            continue
        path = Path("/proc") / operation.path
        if path.exists() or "/conf/" in operation.path or "/neigh/" in operation.path:
            continue
        try:
            names = [found.name for found in path.parent.iterdir()]
        except OSError:
            names = []
        near = nearest(path.name, names)
        name = ".".join([*path.parent.parts[3:], near])
        yield (
            "error",
            HostError(
                f"the kernel has no sysctl {operation.path.removeprefix('sys/')}",
                pointer=operation.pointer,
                hint=f"did you mean {name}?" if near else "a kernel module may be missing",
            ),
        )


def _rlimits(config: "CheckedConfig") -> "Iterator[Problem]":
    """Hard limits above the caller's need CAP_SYS_RESOURCE in the first user namespace."""
    if bounding_set() & mask(["CAP_SYS_RESOURCE"])[0] and os.geteuid() == 0:
        return
    for index, limit in enumerate(config.get("process", {}).get("rlimits") or ()):
        hard = resource.getrlimit(RLIMITS[limit["type"]])[1]
        if hard != resource.RLIM_INFINITY and limit["hard"] > hard:
            yield (
                "error",
                ConfigError(
                    f"process.rlimits[{index}].hard",
                    f"is above the caller's own hard limit {hard}, and the caller has no "
                    "CAP_SYS_RESOURCE, which raising it needs",
                    value=limit["hard"],
                ),
            )


def _oom_score(config: "CheckedConfig") -> "Iterator[Problem]":
    score = config.get("process", {}).get("oomScoreAdj")
    if score is None or bounding_set() & mask(["CAP_SYS_RESOURCE"])[0]:
        return
    least = int(Path("/proc/self/oom_score_adj").read_text())
    if score < least:
        yield (
            "error",
            ConfigError(
                "process.oomScoreAdj",
                f"is below the caller's own {least}, and the caller has no CAP_SYS_RESOURCE, which "
                "lowering it needs",
                value=score,
            ),
        )


def _id_maps(config: "CheckedConfig", plan: "Plan") -> "Iterator[Problem]":
    """Without root: newuidmap and newgidmap must be installed, and the ids in /etc/subuid."""
    from hutch.container.uid_gid_maps import FIELDS, RANGES
    from hutch.plan.namespaces import MAP_PROGRAMS

    linux = config.get("linux", {})
    mappings = {"uid_map": linux.get("uidMappings"), "gid_map": linux.get("gidMappings")}
    for name in plan.map_helpers:
        program, pointer = MAP_PROGRAMS[name], FIELDS[name]
        folders = os.environ.get("PATH", "/usr/bin:/bin").split(":")
        if not any(os.path.exists(f"{folder}/{program}") for folder in folders):
            yield (
                "error",
                HostError(
                    f"{program} is missing: without root it takes that to map more than the "
                    "caller's own id",
                    pointer=pointer,
                    hint="install it (Debian: uidmap)",
                ),
            )
        own = os.geteuid() if name == "uid_map" else os.getegid()
        ranges = [(own, 1), *subordinate_ids(RANGES[name])]
        for index, entry in enumerate(mappings[name] or ()):
            if not _within(entry, ranges):
                yield (
                    "error",
                    ConfigError(
                        f"{pointer}[{index}].hostID",
                        f"{RANGES[name]} does not give these {entry['size']} ids to the caller",
                        value=entry["hostID"],
                        hint="it gives "
                        + (
                            ", ".join(f"{count} from {first}" for first, count in ranges[1:])
                            or "none"
                        ),
                    ),
                )


def _within(entry: "IdMapping", ranges: list[tuple[int, int]]) -> bool:
    first, size = entry["hostID"], entry["size"]
    return any(start <= first and first + size <= start + count for start, count in ranges)


def subordinate_ids(path: str) -> list[tuple[int, int]]:
    """The (first, count) that /etc/subuid or /etc/subgid gives the caller (subuid(5))."""
    uid = os.geteuid()
    names = [str(uid)]
    try:
        names.append(pwd.getpwuid(uid).pw_name)
    except KeyError:
        pass
    ranges = []
    for line in read_or(path).splitlines():
        name, _, numbers = line.partition(":")
        first, _, count = numbers.partition(":")
        if name in names and first.isdigit() and count.isdigit():
            ranges.append((int(first), int(count)))
    return ranges


def _devices(config: "CheckedConfig") -> "Iterator[Problem]":
    """Two devices at one path; and in a user namespace, devices that the host does not have."""
    linux = config.get("linux", {})
    in_user_namespace = any(one["type"] == "user" for one in linux.get("namespaces") or ())
    seen: dict[str, int] = {}
    for index, device in enumerate(linux.get("devices") or ()):
        at = f"linux.devices[{index}]"
        if device["path"] in seen:
            reason = f"is also the path of linux.devices[{seen[device['path']]}]"
            yield "warning", ConfigError(at + ".path", reason, value=device["path"])
        seen.setdefault(device["path"], index)
        if not in_user_namespace or device["type"] == "p":
            continue
        folder = "block" if device["type"] == "b" else "char"
        number = f"{device['major']}:{device['minor']}"
        if not os.path.exists(f"/sys/dev/{folder}/{number}") and not _is_at(device["path"], number):
            reason = (
                f"this host has no {folder} device {number}, and a user namespace can make none"
            )
            yield "error", ConfigError(at, reason)


def _is_at(path: str, number: str) -> bool:
    try:
        found = os.stat(path).st_rdev
    except OSError:
        return False
    return number == f"{os.major(found)}:{os.minor(found)}"


def _seccomp(config: "CheckedConfig") -> "Iterator[Problem]":
    """A profile that forbids what every program calls, or is without effect."""
    profile = config.get("linux", {}).get("seccomp")
    if not profile:
        return
    allowed: dict[str, bool] = {}
    places: dict[str, str] = {}
    for index, rule in enumerate(profile.get("syscalls") or ()):
        denies = rule["action"] in DENYING
        for number, name in enumerate(rule["names"]):
            if rule.get("args") and denies:
                continue  # only some of these calls are denied
            at = f"linux.seccomp.syscalls[{index}].names[{number}]"
            if name in places and allowed[name] != (not denies) and not rule.get("args"):
                reason = f"is in {places[name]} too, with another action"
                yield "warning", ConfigError(at, reason, value=name)
            allowed.setdefault(name, not denies)
            places.setdefault(name, at)
    default = profile["defaultAction"] not in DENYING
    for name in NEEDED_CALLS:
        if not allowed.get(name, default):
            yield (
                "error",
                ConfigError(
                    places.get(name, "linux.seccomp.defaultAction"),
                    f"forbids {name}, which every program calls",
                    value=name if name in places else profile["defaultAction"],
                    hint=f'add "{name}" to a rule whose action is SCMP_ACT_ALLOW',
                ),
            )
    if default and not profile.get("syscalls"):
        reason = "allows every system call: there are no rules in linux.seccomp.syscalls"
        at = "linux.seccomp.defaultAction"
        yield "warning", ConfigError(at, reason, value=profile["defaultAction"])


def _apparmor(config: "CheckedConfig") -> "Iterator[Problem]":
    """Whether the profile is loaded, if the caller may see that."""
    name = config.get("process", {}).get("apparmorProfile")
    if not name or name == "unconfined":
        return
    try:
        lines = Path("/sys/kernel/security/apparmor/profiles").read_text().splitlines()
    except OSError:
        return
    loaded = [line.rpartition(" (")[0] for line in lines]
    if name.removeprefix("&").rpartition("//&")[2] not in loaded:
        near = nearest(name, loaded)
        yield (
            "error",
            HostError(
                f"the AppArmor profile {name} is not loaded",
                pointer="process.apparmorProfile",
                hint=f"did you mean {near}?" if near else "load it: apparmor_parser -r FILE",
            ),
        )
