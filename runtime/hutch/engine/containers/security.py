"""Rights of a container's program: capabilities, --privileged, --security-opt, devices."""

import os
import stat
from typing import TYPE_CHECKING

from hutch.defaults.seccomp import Host, default_seccomp, parsed_profile, resolve
from hutch.engine.containers.options import DeviceOption, Options, ThrottleOption
from hutch.errors import HostError, KernelError, UsageError, shown
from hutch.kernel.process import bounding_set
from hutch.spec.capabilities import CAPABILITIES

if TYPE_CHECKING:
    from hutch.spec.config import Config, Device, DeviceRule, Resources, ThrottleDevice

THROTTLES = {
    "device-read-bps": "throttleReadBpsDevice",
    "device-write-bps": "throttleWriteBpsDevice",
    "device-read-iops": "throttleReadIOPSDevice",
    "device-write-iops": "throttleWriteIOPSDevice",
}


def capability(text: str) -> str:
    """``CAP_NET_ADMIN`` of ``net_admin``, ``NET_ADMIN`` or itself. Raises UsageError."""
    name = text.upper()
    name = name if name.startswith("CAP_") else "CAP_" + name
    if name not in CAPABILITIES:
        from hutch.did_you_mean import nearest

        meant = nearest(name, list(CAPABILITIES))
        raise UsageError(
            f"{shown(text)} is not a capability", hint=f"did you mean {meant}?" if meant else ""
        )
    return name


def held() -> list[str]:
    """The capabilities that this host lets us give."""
    mask = bounding_set()
    return sorted(name for name, number in CAPABILITIES.items() if mask >> number & 1)


def bounding(default: list[str], options: Options) -> list[str]:
    """The container's bounding set: the default, --cap-add and --cap-drop, as Docker reckons.

    ``ALL`` is all that this host lets us give: root may itself be in a container.
    """
    if options.privileged:
        return held()
    added = [word for word in options.cap_add if word.upper() != "ALL"]
    dropped = [word for word in options.cap_drop if word.upper() != "ALL"]
    base = set(default)
    if any(word.upper() == "ALL" for word in options.cap_add):
        base = set(held())
    elif any(word.upper() == "ALL" for word in options.cap_drop):
        base = set()
    base -= {capability(word) for word in dropped}
    if any(word.upper() == "ALL" for word in options.cap_drop):
        base = {name for name in base if not any(w.upper() == "ALL" for w in options.cap_add)}
    base |= {capability(word) for word in added}
    missing = {capability(word) for word in added} - set(held())
    if missing:
        raise HostError(f"this host does not let us give {', '.join(sorted(missing))}")
    return sorted(base)


def secure(config: "Config", options: Options, uid: int) -> None:
    """Lays the rights that were asked for over ``config``. ``uid`` is the program's user."""
    process, linux = config["process"], config["linux"]
    names = bounding(list(process["capabilities"]["bounding"]), options)
    process["capabilities"] = {"bounding": names}
    if uid == 0:
        process["capabilities"]["effective"] = process["capabilities"]["permitted"] = names
    process["noNewPrivileges"] = options.no_new_privileges
    if options.privileged:
        for key in ("seccomp", "maskedPaths", "readonlyPaths"):
            linux.pop(key, None)  # type: ignore[misc]
        process.pop("apparmorProfile", None)
        linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
        for mount in config["mounts"]:
            if mount.get("type") in ("sysfs", "cgroup", "proc"):
                mount["options"] = [word for word in mount.get("options", []) if word != "ro"]
    if options.seccomp == "unconfined":
        linux.pop("seccomp", None)
    elif options.seccomp:
        linux["seccomp"] = resolve(
            parsed_profile(options.seccomp), names, Host.here(), "--security-opt seccomp"
        )
    elif "seccomp" in linux:
        linux["seccomp"] = default_seccomp(names)
    if options.apparmor is not None:
        process.pop("apparmorProfile", None)
        if options.apparmor not in ("unconfined", ""):
            process["apparmorProfile"] = options.apparmor
    if "maskedPaths" in linux or options.mask:
        linux["maskedPaths"] = _paths(linux.get("maskedPaths", []), options.unmask) + options.mask
    if "readonlyPaths" in linux:
        linux["readonlyPaths"] = _paths(linux["readonlyPaths"], options.unmask)


def _paths(paths: list[str], unmasked: list[str]) -> list[str]:
    """The paths without those that are ``--security-opt unmask``: ALL, or paths and patterns."""
    from fnmatch import fnmatchcase

    if any(word.upper() == "ALL" for word in unmasked):
        return []
    return [path for path in paths if not any(fnmatchcase(path, word) for word in unmasked)]


def devices(config: "Config", options: Options) -> None:
    """``--device``, ``--device-cgroup-rule``, ``--privileged``: nodes and rules for them."""
    linux = config["linux"]
    nodes = linux.setdefault("devices", [])
    rules = linux["resources"].setdefault("devices", [])
    asked = list(options.devices)
    if options.privileged:
        asked += host_devices()
    for device in asked:
        for node, rule in found_devices(device):
            nodes.append(node)
            if not options.privileged:
                rules.append(rule)
    rules += [device_rule(text) for text in options.device_rules]


def host_devices() -> list[DeviceOption]:
    """The nodes directly in the host's /dev, without terminals and what every container has."""
    own = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"}
    found: list[DeviceOption] = []
    for entry in os.scandir("/dev"):
        mode = entry.stat(follow_symlinks=False).st_mode
        if entry.name not in own and (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
            found.append({"source": entry.path, "target": entry.path, "access": "rwm"})
    return found


def found_devices(device: DeviceOption) -> "list[tuple[Device, DeviceRule]]":
    """The nodes that a ``--device`` means: itself, or all in a folder. Raises KernelError."""
    source, target = device["source"], device["target"]
    try:
        status = os.stat(source)
        if stat.S_ISDIR(status.st_mode):
            inner = [
                found_devices(
                    {**device, "source": f"{source}/{name}", "target": f"{target}/{name}"}
                )
                for name in sorted(os.listdir(source))
                if stat.S_IFMT(os.stat(f"{source}/{name}").st_mode)
                in (stat.S_IFCHR, stat.S_IFBLK, stat.S_IFDIR)
            ]
            return [one for found in inner for one in found]
    except OSError as error:
        raise KernelError(f"--device {source}", "stat", error.errno) from None
    if not (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise UsageError(f"--device {source}: it is not a device")
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    if stat.S_ISCHR(status.st_mode):
        node: Device = {"path": target, "type": "c", "major": major, "minor": minor}
        rule: DeviceRule = {"allow": True, "type": "c", "major": major, "minor": minor}
    else:
        node = {"path": target, "type": "b", "major": major, "minor": minor}
        rule = {"allow": True, "type": "b", "major": major, "minor": minor}
    node["fileMode"] = stat.S_IMODE(status.st_mode)
    node["uid"], node["gid"] = status.st_uid, status.st_gid
    rule["access"] = device["access"]
    return [(node, rule)]


def device_rule(text: str) -> "DeviceRule":
    """``c 1:3 rwm`` of --device-cgroup-rule; ``*`` is any number. Raises UsageError."""
    words = text.split()
    numbers = words[1].split(":") if len(words) == 3 else []
    kind = words[0] if words else ""
    good = len(numbers) == 2 and all(number == "*" or number.isdecimal() for number in numbers)
    if not good or set(words[2]) - set("rwm"):
        raise UsageError(
            f"--device-cgroup-rule {shown(text)}", hint="as in 'c 1:3 rwm' or 'c *:* r'"
        )
    rule: DeviceRule = {"allow": True, "access": words[2]}
    if kind == "c":
        rule["type"] = "c"
    elif kind == "b":
        rule["type"] = "b"
    elif kind != "a":
        raise UsageError(f"--device-cgroup-rule {shown(text)}: the type is a, b or c")
    if numbers[0] != "*":
        rule["major"] = int(numbers[0])
    if numbers[1] != "*":
        rule["minor"] = int(numbers[1])
    return rule


def throttles(resources: "Resources", wanted: dict[str, list[ThrottleOption]]) -> None:
    """``--device-read-bps`` and the like. Raises KernelError, UsageError."""
    for flag, limits in wanted.items():
        found: list[ThrottleDevice] = []
        for limit in limits:
            try:
                status = os.stat(limit["path"])
            except OSError as error:
                raise KernelError(f"--{flag} {limit['path']}", "stat", error.errno) from None
            if not stat.S_ISBLK(status.st_mode):
                raise UsageError(f"--{flag} {limit['path']}: it is not a block device")
            found.append(
                {
                    "major": os.major(status.st_rdev),
                    "minor": os.minor(status.st_rdev),
                    "rate": limit["rate"],
                }
            )
        resources.setdefault("blockIO", {})[THROTTLES[flag]] = found  # type: ignore[literal-required]
