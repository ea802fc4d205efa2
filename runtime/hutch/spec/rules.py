"""What two fields of a config say about each other, where no look at the host is needed.

Each rule is a small function that takes a config and yields a ConfigError for each problem it
finds; beside it in RULES stand the fields it reads. A rule may trust that those have the shapes of
the table: where one has not, the rule is not asked.
"""

from hutch.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Literal

    from hutch.spec.config import Config, IdMapping, Linux, Process

    Mappings = Literal["uidMappings", "gidMappings"]
    Size = Literal["height", "width"]
    Time = Literal["runtime", "deadline", "period"]

    Problems = Iterator[ConfigError]
    Rule = tuple[Callable[[Config], Problems], tuple[tuple[str, ...], ...]]


def namespaces_once(config: "Config") -> "Problems":
    """config-linux.md, "Namespaces": a duplicated type MUST be an error."""
    seen: dict[str, int] = {}
    for index, namespace in enumerate(_linux(config).get("namespaces", ())):
        kind = namespace["type"]
        if kind in seen:
            yield ConfigError(
                f"linux.namespaces[{index}].type",
                f"stands there twice: also in linux.namespaces[{seen[kind]}]",
                value=kind,
            )
        seen.setdefault(kind, index)


def names_need_uts(config: "Config") -> "Problems":
    """Without a uts namespace the names would be the host's."""
    for field in ("hostname", "domainname"):
        if config.get(field) and not _has(config, "uts"):
            yield _needs_namespace(field, "uts", config[field])


def mappings_need_user(config: "Config") -> "Problems":
    """config-linux.md, "User namespace mappings"."""
    for field in MAPPINGS:
        if _linux(config).get(field) and not _has(config, "user"):
            yield _needs_namespace("linux." + field, "user")


def mappings_apart(config: "Config") -> "Problems":
    """user_namespaces(7): no id may be mapped twice, nor the ranges run over the end of 32 bits."""
    linux = _linux(config)
    for field in MAPPINGS:
        yield from _mapping_problems(linux.get(field, ()), "linux." + field)


def mount_mappings(config: "Config") -> "Problems":
    """config.md, "POSIX-platform Mounts" and the options idmap and ridmap."""
    for index, mount in enumerate(config.get("mounts", ())):
        at = f"mounts[{index}]"
        uids, gids = mount.get("uidMappings"), mount.get("gidMappings")
        if bool(uids) != bool(gids):
            field = "gidMappings" if uids else "uidMappings"
            yield ConfigError(f"{at}.{field}", "is required together with its counterpart")
        yield from _mapping_problems(uids or (), at + ".uidMappings")
        yield from _mapping_problems(gids or (), at + ".gidMappings")
        for number, option in enumerate(mount.get("options", ())):
            if option in ("idmap", "ridmap") and not (uids or gids or _has(config, "user")):
                yield ConfigError(
                    f"{at}.options[{number}]",
                    "there is no mapping: neither the mount's own nor a user namespace's",
                    value=option,
                    hint=f"add {at}.uidMappings and {at}.gidMappings",
                )


def bind_source(config: "Config") -> "Problems":
    """config.md, "Mounts": a mount is a bind mount if the options say so, and binds its source."""
    for index, mount in enumerate(config.get("mounts", ())):
        options = mount.get("options", ())
        if not mount.get("source") and ("bind" in options or "rbind" in options):
            yield ConfigError(f"mounts[{index}].source", "is required for a bind mount")


def rlimits_sound(config: "Config") -> "Problems":
    """config.md, "POSIX process": a duplicated type MUST be an error; setrlimit(2) for the rest."""
    seen: dict[str, int] = {}
    for index, limit in enumerate(_process(config).get("rlimits", ())):
        kind = limit["type"]
        at = f"process.rlimits[{index}]"
        if kind in seen:
            yield ConfigError(
                at + ".type",
                f"stands there twice: also in process.rlimits[{seen[kind]}]",
                value=kind,
            )
        seen.setdefault(kind, index)
        if limit["soft"] > limit["hard"]:
            yield ConfigError(
                at + ".soft", f"is above the hard limit {limit['hard']}", value=limit["soft"]
            )


def console_size(config: "Config") -> "Problems":
    """tty_ioctl(4): struct winsize counts in 16 bits. Ignored without a terminal (config.md)."""
    process = _process(config)
    if process.get("terminal"):
        size = process.get("consoleSize", {})
        for field in SIZES:
            if size.get(field, 0) > 0xFFFF:
                yield ConfigError(
                    "process.consoleSize." + field, "must be at most 65535", value=size[field]
                )


def scheduler(config: "Config") -> "Problems":
    """sched_setattr(2), which answers all of these with the same EINVAL."""
    settings = _process(config).get("scheduler")
    if not settings:
        return
    policy = settings["policy"]
    at = "process.scheduler."
    priority = settings.get("priority", 0)
    if policy in ("SCHED_FIFO", "SCHED_RR"):
        if not priority:
            yield ConfigError(at + "priority", f"must be from 1 to 99 for {policy}")
    elif priority:
        yield ConfigError(
            at + "priority", f"is only for SCHED_FIFO and SCHED_RR, not {policy}", value=priority
        )
    nice = settings.get("nice", 0)
    if nice and policy not in ("SCHED_OTHER", "SCHED_BATCH"):
        yield ConfigError(
            at + "nice", f"is only for SCHED_OTHER and SCHED_BATCH, not {policy}", value=nice
        )
    runtime, deadline, period = [settings.get(field, 0) for field in TIMES]
    if policy != "SCHED_DEADLINE":
        for field in TIMES:
            if time := settings.get(field):
                yield ConfigError(
                    at + field, f"is only for SCHED_DEADLINE, not {policy}", value=time
                )
        return
    if not 1024 <= runtime <= deadline:
        yield ConfigError(
            at + "runtime", f"must be from 1024 to the deadline, {deadline}", value=runtime
        )
    if period and deadline > period:
        yield ConfigError(at + "deadline", f"is above the period {period}", value=deadline)


def device_numbers(config: "Config") -> "Problems":
    """config-linux.md, "Devices": major and minor are required unless the type is p."""
    for index, device in enumerate(_linux(config).get("devices", ())):
        for field in ("major", "minor"):
            if device["type"] != "p" and field not in device:
                yield ConfigError(
                    f"linux.devices[{index}].{field}",
                    f'is required for a device of type "{device["type"]}"',
                )


def time_offsets(config: "Config") -> "Problems":
    """time_namespaces(7): offsets are set in a new time namespace before anybody is in it."""
    linux = _linux(config)
    if not linux.get("timeOffsets"):
        return
    for index, namespace in enumerate(linux.get("namespaces", ())):
        if namespace["type"] == "time":
            if namespace.get("path"):
                yield ConfigError(
                    "linux.timeOffsets",
                    f"the time namespace of linux.namespaces[{index}] has its offsets already",
                )
            return
    yield _needs_namespace("linux.timeOffsets", "time")


def net_devices(config: "Config") -> "Problems":
    """config-linux.md, "Network Devices": each moves to a network namespace, under its own name."""
    devices = _linux(config).get("netDevices")
    if not devices:
        return
    if not _has(config, "network"):
        yield _needs_namespace("linux.netDevices", "network")
    seen: dict[str, str] = {}
    for host_name, device in devices.items():
        name = device.get("name", host_name)
        if name in seen and "%d" not in name:
            yield ConfigError(
                f'linux.netDevices["{host_name}"].name',
                f'"{seen[name]}" gets the same name',
                value=name,
            )
        seen.setdefault(name, host_name)


def memory_policy(config: "Config") -> "Problems":
    """set_mempolicy(2): which modes take nodes, and which flags exclude each other."""
    policy = _linux(config).get("memoryPolicy")
    if not policy:
        return
    mode = policy["mode"]
    nodes = policy.get("nodes", "").strip(", ")
    if nodes and mode in ("MPOL_DEFAULT", "MPOL_LOCAL"):
        yield ConfigError("linux.memoryPolicy.nodes", f"{mode} takes no nodes", value=nodes)
    if not nodes and mode not in ("MPOL_DEFAULT", "MPOL_LOCAL", "MPOL_PREFERRED"):
        yield ConfigError("linux.memoryPolicy.nodes", f"{mode} takes at least one node")
    flags = policy.get("flags", ())
    if "MPOL_F_STATIC_NODES" in flags and "MPOL_F_RELATIVE_NODES" in flags:
        yield ConfigError(
            "linux.memoryPolicy.flags",
            "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other",
        )


def personality_flags(config: "Config") -> "Problems":
    """config-linux.md, "Personality": no flag values are supported."""
    for index, flag in enumerate(_linux(config).get("personality", {}).get("flags", ())):
        yield ConfigError(
            f"linux.personality.flags[{index}]", "no personality flag is defined", value=flag
        )


def seccomp_listener(config: "Config") -> "Problems":
    """config-linux.md, "Seccomp": listenerMetadata MUST NOT be set without listenerPath."""
    profile = _linux(config).get("seccomp", {})
    if profile.get("listenerMetadata") and not profile.get("listenerPath"):
        yield ConfigError("linux.seccomp.listenerMetadata", "is for linux.seccomp.listenerPath")


def seccomp_errno(config: "Config") -> "Problems":
    """config-linux.md, "Seccomp": an errno for an action that cannot carry one MUST fail."""
    profile = _linux(config).get("seccomp")
    if not profile:
        return
    action = profile["defaultAction"]
    if "defaultErrnoRet" in profile and action not in WITH_ERRNO:
        yield ConfigError(
            "linux.seccomp.defaultErrnoRet",
            f"the defaultAction {action} returns no errno",
            value=profile["defaultErrnoRet"],
        )
    for index, rule in enumerate(profile.get("syscalls", ())):
        if "errnoRet" in rule and rule["action"] not in WITH_ERRNO:
            yield ConfigError(
                f"linux.seccomp.syscalls[{index}].errnoRet",
                f"the action {rule['action']} returns no errno",
                value=rule["errnoRet"],
            )


MAPPINGS: "tuple[Mappings, ...]" = ("uidMappings", "gidMappings")
SIZES: "tuple[Size, ...]" = ("height", "width")
TIMES: "tuple[Time, ...]" = ("runtime", "deadline", "period")
WITH_ERRNO = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")


def _process(config: "Config") -> "Process":
    return config.get("process", {})  # type: ignore[return-value]


def _linux(config: "Config") -> "Linux":
    return config.get("linux", {})


def _has(config: "Config", kind: str) -> bool:
    """Whether the container makes or joins a namespace of this type."""
    return any(namespace["type"] == kind for namespace in _linux(config).get("namespaces", ()))


def _needs_namespace(pointer: str, kind: str, value: "object" = ...) -> ConfigError:
    return ConfigError(
        pointer,
        f"needs a {kind} namespace",
        value=value,
        hint=f'add {{"type": "{kind}"}} to linux.namespaces',
    )


def _mapping_problems(mappings: "Sequence[IdMapping]", at: str) -> "Problems":
    for index, entry in enumerate(mappings):
        for field in ("containerID", "hostID"):
            start, size = entry[field], entry["size"]
            if start + size > 0xFFFFFFFF:
                yield ConfigError(
                    f"{at}[{index}].{field}", f"{size} ids from here end beyond 4294967294",
                    value=start,
                )  # fmt: skip
            for number, other in enumerate(mappings[:index]):
                if start < other[field] + other["size"] and other[field] < start + size:
                    yield ConfigError(
                        f"{at}[{index}].{field}", f"overlaps with {at}[{number}]", value=start
                    )


NAMESPACES = ("linux", "namespaces")
RULES: "tuple[Rule, ...]" = (
    (namespaces_once, (NAMESPACES,)),
    (names_need_uts, (NAMESPACES, ("hostname",), ("domainname",))),
    (mappings_need_user, (NAMESPACES, ("linux", "uidMappings"), ("linux", "gidMappings"))),
    (mappings_apart, (("linux", "uidMappings"), ("linux", "gidMappings"))),
    (mount_mappings, (NAMESPACES, ("mounts",))),
    (bind_source, (("mounts",),)),
    (rlimits_sound, (("process", "rlimits"),)),
    (console_size, (("process", "terminal"), ("process", "consoleSize"))),
    (scheduler, (("process", "scheduler"),)),
    (device_numbers, (("linux", "devices"),)),
    (time_offsets, (NAMESPACES, ("linux", "timeOffsets"))),
    (net_devices, (NAMESPACES, ("linux", "netDevices"))),
    (memory_policy, (("linux", "memoryPolicy"),)),
    (personality_flags, (("linux", "personality"),)),
    (seccomp_listener, (("linux", "seccomp"),)),
    (seccomp_errno, (("linux", "seccomp"),)),
)
PROCESS_RULES = tuple(rule for rule in RULES if all(path[0] == "process" for path in rule[1]))
