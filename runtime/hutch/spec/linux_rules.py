"""The rules for fields of ``linux`` that depend on each other; rules.py says what a rule is.

They are from config-linux.md, and from the kernel, which would answer only EINVAL.
"""

from hutch.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from hutch.spec.config import BlockIo, Config, IdMapping, Linux, Resources, WeightDevice

    Problems = Iterator[ConfigError]
    Mappings = Literal["uidMappings", "gidMappings"]
    Weight = Literal["weight", "leafWeight"]

MAPPINGS: "tuple[Mappings, ...]" = ("uidMappings", "gidMappings")
WEIGHTS: "tuple[Weight, ...]" = ("weight", "leafWeight")
RESOURCES = "linux.resources."
WITH_ERRNO = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
LAST_ERRNO = 4094  # of libseccomp; the kernel's own MAX_ERRNO is one more
# hutch-init needs these calls before an agent can answer for them: it sends the listener to the
# agent with sendmsg (security.md S-45). Engines expect that write is refused.
NOT_NOTIFIED = ("write", "sendmsg")


def namespaces_once(config: "Config") -> "Problems":
    """config-linux.md, "Namespaces": a duplicated type MUST be an error."""
    seen: dict[str, int] = {}
    for index, namespace in enumerate(linux_of(config).get("namespaces", ())):
        kind = namespace["type"]
        if kind in seen:
            yield ConfigError(
                f"linux.namespaces[{index}].type",
                f"stands there twice: also in linux.namespaces[{seen[kind]}]",
                value=kind,
            )
        seen.setdefault(kind, index)


def mappings_need_user(config: "Config") -> "Problems":
    """config-linux.md, "User namespace mappings"."""
    for field in MAPPINGS:
        if linux_of(config).get(field) and not has_namespace(config, "user"):
            yield needs_namespace("linux." + field, "user")


def new_user_namespace(config: "Config") -> "Problems":
    """user_namespaces(7): in a new user namespace without mappings, no id is valid."""
    linux = linux_of(config)
    if linux.get("uidMappings") or linux.get("gidMappings"):
        return
    for index, namespace in enumerate(linux.get("namespaces", ())):
        if namespace["type"] == "user" and not namespace.get("path"):
            yield ConfigError(
                f"linux.namespaces[{index}]",
                "a new user namespace needs linux.uidMappings and linux.gidMappings",
            )


def mappings_apart(config: "Config") -> "Problems":
    """user_namespaces(7): no id may be mapped twice, nor the ranges run over the end of 32 bits."""
    linux = linux_of(config)
    for field in MAPPINGS:
        yield from mapping_problems(linux.get(field, ()), "linux." + field)


def device_numbers(config: "Config") -> "Problems":
    """config-linux.md, "Devices": major and minor are required unless the type is p."""
    for index, device in enumerate(linux_of(config).get("devices", ())):
        for field in ("major", "minor"):
            if device["type"] != "p" and field not in device:
                yield ConfigError(
                    f"linux.devices[{index}].{field}",
                    f'is required for a device of type "{device["type"]}"',
                )


def time_offsets(config: "Config") -> "Problems":
    """time_namespaces(7): offsets can be set only for a new time namespace without processes."""
    linux = linux_of(config)
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
    yield needs_namespace("linux.timeOffsets", "time")


def net_devices(config: "Config") -> "Problems":
    """config-linux.md, "Network Devices": each moves to a network namespace, under its own name."""
    devices = linux_of(config).get("netDevices")
    if not devices:
        return
    if not has_namespace(config, "network"):
        yield needs_namespace("linux.netDevices", "network")
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
    policy = linux_of(config).get("memoryPolicy")
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
    for index, flag in enumerate(linux_of(config).get("personality", {}).get("flags", ())):
        yield ConfigError(
            f"linux.personality.flags[{index}]", "no personality flag is defined", value=flag
        )


def seccomp_errno(config: "Config") -> "Problems":
    """config-linux.md, "Seccomp": an errno for an action that cannot carry one MUST fail."""
    profile = linux_of(config).get("seccomp")
    if not profile:
        return
    if "defaultErrnoRet" in profile:
        at = "linux.seccomp.defaultErrnoRet"
        yield from _errno_problem(at, profile["defaultAction"], profile["defaultErrnoRet"])
    for index, rule in enumerate(profile.get("syscalls", ())):
        if "errnoRet" in rule:
            at = f"linux.seccomp.syscalls[{index}].errnoRet"
            yield from _errno_problem(at, rule["action"], rule["errnoRet"])


def _errno_problem(pointer: str, action: str, errno: int) -> "Problems":
    if action not in WITH_ERRNO:
        yield ConfigError(pointer, "the action " + action + " returns no errno", value=errno)
    elif action == "SCMP_ACT_ERRNO" and errno > LAST_ERRNO:
        yield ConfigError(pointer, f"must be at most {LAST_ERRNO}", value=errno)


def seccomp_notify(config: "Config") -> "Problems":
    """Notifications that the agent could not answer, and settings of a listener without use."""
    profile = linux_of(config).get("seccomp")
    if not profile:
        return
    if profile["defaultAction"] == "SCMP_ACT_NOTIFY":
        yield ConfigError(
            "linux.seccomp.defaultAction",
            "the container would wait for its agent before it can reach it",
            value="SCMP_ACT_NOTIFY",
            hint="notify of single system calls in linux.seccomp.syscalls",
        )
    notify = False
    for index, rule in enumerate(profile.get("syscalls", ())):
        if rule["action"] != "SCMP_ACT_NOTIFY":
            continue
        notify = True
        for number, name in enumerate(rule["names"]):
            if name in NOT_NOTIFIED:
                yield ConfigError(
                    f"linux.seccomp.syscalls[{index}].names[{number}]",
                    "cannot have the action SCMP_ACT_NOTIFY: the container's first process "
                    "calls it before the agent can answer",
                    value=name,
                )
    path = profile.get("listenerPath")
    if notify and not path:
        yield ConfigError(
            "linux.seccomp.listenerPath",
            "is required for the action SCMP_ACT_NOTIFY",
            hint="give the path of the agent's Unix socket",
        )
    if profile.get("listenerMetadata") and not path:
        yield ConfigError("linux.seccomp.listenerMetadata", "is for linux.seccomp.listenerPath")


def memory_and_swap(config: "Config") -> "Problems":
    """config-linux.md, "Memory": swap is the limit of both together."""
    memory = _resources(config).get("memory", {})
    limit, swap = memory.get("limit", 0), memory.get("swap", 0)
    if swap > 0 and not limit:
        yield ConfigError(
            RESOURCES + "memory.swap",
            "counts memory and swap together and needs memory.limit",
            value=swap,
        )
    elif swap > 0 and not 0 < limit <= swap:
        limited = "= " + str(limit) if limit > 0 else "= -1, which is no limit"
        yield ConfigError(
            RESOURCES + "memory.swap",
            f"counts memory and swap together and may not be below memory.limit {limited}",
            value=swap,
        )


def cpu_bandwidth(config: "Config") -> "Problems":
    """Documentation/scheduler/sched-bwc.rst: a period from 1 ms to 1 s, a quota of 1 ms or more,
    and a burst no larger than the quota. 0 asks for nothing."""
    cpu = _resources(config).get("cpu", {})
    quota, period, burst = cpu.get("quota", 0), cpu.get("period", 0), cpu.get("burst", 0)
    if 0 < quota < 1000:
        yield ConfigError(RESOURCES + "cpu.quota", "must be -1 or at least 1000 (us)", value=quota)
    if 0 < period < 1000:
        yield ConfigError(
            RESOURCES + "cpu.period", "must be from 1000 to 1000000 (us)", value=period
        )
    if 0 < quota < burst:
        yield ConfigError(
            RESOURCES + "cpu.burst", f"may not be larger than quota = {quota}", value=burst
        )


def block_weights(config: "Config") -> "Problems":
    """config-linux.md, "Block IO": a weight from 10 to 1000; 0 asks for nothing."""
    block_io = _resources(config).get("blockIO", {})
    yield from _weight_problems(block_io, RESOURCES + "blockIO")
    for index, entry in enumerate(block_io.get("weightDevice", ())):
        at = f"{RESOURCES}blockIO.weightDevice[{index}]"
        yield from _weight_problems(entry, at)
        if not entry.get("weight") and not entry.get("leafWeight"):
            yield ConfigError(at, "needs weight or leafWeight")


def _weight_problems(entry: "BlockIo | WeightDevice", at: str) -> "Problems":
    for field in WEIGHTS:
        weight = entry.get(field, 0)
        if 0 < weight < 10:
            yield ConfigError(f"{at}.{field}", "must be from 10 to 1000", value=weight)


def rdma_limits(config: "Config") -> "Problems":
    """config-linux.md, "RDMA": at least one of the two MUST be given."""
    for device, limits in _resources(config).get("rdma", {}).items():
        if not limits:
            yield ConfigError(f'{RESOURCES}rdma["{device}"]', "needs hcaHandles or hcaObjects")


def linux_of(config: "Config") -> "Linux":
    return config.get("linux", {})


def _resources(config: "Config") -> "Resources":
    return linux_of(config).get("resources", {})


def has_namespace(config: "Config", kind: str) -> bool:
    """Whether the container makes or joins a namespace of this type."""
    return any(namespace["type"] == kind for namespace in linux_of(config).get("namespaces", ()))


def needs_namespace(pointer: str, kind: str, value: "object" = ...) -> ConfigError:
    return ConfigError(
        pointer,
        f"needs a {kind} namespace",
        value=value,
        hint=f'add {{"type": "{kind}"}} to linux.namespaces',
    )


def mapping_problems(mappings: "Sequence[IdMapping]", at: str) -> "Problems":
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
