"""The rules for fields of a config that depend on each other, but not on the host.

Each rule is a function that takes a config and yields a ConfigError for each problem it finds.
RULES lists each rule together with the fields that it reads. These fields have the shapes of the
table: if one has another shape, the rule is not run. The rules for ``linux`` are in linux_rules.py.
"""

from hutch.errors import ConfigError
from hutch.spec import linux_rules as linux
from hutch.spec.capabilities import mask
from hutch.spec.linux_rules import has_namespace, linux_of, mapping_problems, needs_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from hutch.spec.config import Config, IdMapping, Process
    from hutch.spec.linux_rules import Problems

    Rule = tuple[Callable[[Config], Problems], tuple[tuple[str, ...], ...]]
    UserId = Literal["uid", "gid"]
    Size = Literal["height", "width"]
    Time = Literal["runtime", "deadline", "period"]
    CapabilitySet = Literal["bounding", "effective", "permitted", "inheritable", "ambient"]

USER_IDS: "tuple[UserId, ...]" = ("uid", "gid")
SIZES: "tuple[Size, ...]" = ("height", "width")
TIMES: "tuple[Time, ...]" = ("runtime", "deadline", "period")
CAPABILITY_SETS: "tuple[CapabilitySet, ...]" = (
    "bounding", "effective", "permitted", "inheritable", "ambient",
)  # fmt: skip


def names_need_uts(config: "Config") -> "Problems":
    """Without a uts namespace, setting the names would change those of the host."""
    for field in ("hostname", "domainname"):
        if config.get(field) and not has_namespace(config, "uts"):
            yield needs_namespace(field, "uts", config[field])


def ids_are_mapped(config: "Config") -> "Problems":
    """The user namespace must map the ids of the process (setuid(2), EINVAL)."""
    linux = linux_of(config)
    # For a namespace that is joined, a config may have only one of the two.
    uids, gids = linux.get("uidMappings"), linux.get("gidMappings")
    if "process" not in config:
        return
    user = _process(config).get("user", {})
    if uids and not _is_mapped(user.get("uid", 0), uids):
        yield _not_mapped("uid", user.get("uid", 0), "linux.uidMappings")
    if gids and not _is_mapped(user.get("gid", 0), gids):
        yield _not_mapped("gid", user.get("gid", 0), "linux.gidMappings")
    for index, group in enumerate(user.get("additionalGids", ())):
        if gids and not _is_mapped(group, gids):
            yield _not_mapped(f"additionalGids[{index}]", group, "linux.gidMappings")


def _is_mapped(id: int, mappings: "Sequence[IdMapping]") -> bool:
    return any(0 <= id - entry["containerID"] < entry["size"] for entry in mappings)


def _not_mapped(field: str, id: int, where: str) -> ConfigError:
    return ConfigError("process.user." + field, "is not mapped in " + where, value=id)


def user_given(config: "Config") -> "Problems":
    """config.md, "POSIX-platform User": uid and gid are REQUIRED, though all runtimes take 0 for a
    missing one."""
    user = config.get("process", {}).get("user")
    for field in USER_IDS:
        if user is not None and field not in user:
            yield ConfigError("process.user." + field, "is required, but missing")


def mount_mappings(config: "Config") -> "Problems":
    """config.md, "POSIX-platform Mounts" and the options idmap and ridmap."""
    for index, mount in enumerate(config.get("mounts", ())):
        uids, gids = mount.get("uidMappings"), mount.get("gidMappings")
        if uids or gids:
            at = f"mounts[{index}]"
            if not (uids and gids):
                field = "gidMappings" if uids else "uidMappings"
                yield ConfigError(f"{at}.{field}", "is required together with its counterpart")
            yield from mapping_problems(uids or (), at + ".uidMappings")
            yield from mapping_problems(gids or (), at + ".gidMappings")
            continue
        options = mount.get("options", ())
        if ("idmap" in options or "ridmap" in options) and not _maps_ids(config):
            number = min(options.index(word) for word in ("idmap", "ridmap") if word in options)
            yield ConfigError(
                f"mounts[{index}].options[{number}]",
                "there is no mapping: neither the mount's own nor a user namespace's",
                value=options[number],
                hint=f"add mounts[{index}].uidMappings and mounts[{index}].gidMappings",
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
    """The rules of sched_setattr(2), which returns EINVAL for all of these problems."""
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


def capabilities_known(config: "Config") -> "Problems":
    """Before version 1.1 of the specification an unknown capability was an error (config.md of
    1.0.2, "capabilities"). Since then it is a warning."""
    if not config["ociVersion"].startswith("1.0."):
        return
    capabilities = _process(config).get("capabilities", {})
    for kind in CAPABILITY_SETS:
        for index, name in enumerate(capabilities.get(kind, ())):
            if mask([name])[1]:
                yield ConfigError(
                    f"process.capabilities.{kind}[{index}]",
                    "is no capability, which is an error in version "
                    + config["ociVersion"]
                    + " of the specification",
                    value=name,
                    hint="from ociVersion 1.1.0 on it is left out with a warning",
                )


def deadline_hooks(config: "Config") -> "Problems":
    """A process with SCHED_DEADLINE may not fork (sched(7)), and so cannot run a hook."""
    scheduler = _process(config).get("scheduler")
    if (
        scheduler
        and scheduler["policy"] == "SCHED_DEADLINE"
        and "SCHED_FLAG_RESET_ON_FORK" not in scheduler.get("flags", ())
        and config.get("hooks", {}).get("startContainer")
    ):
        yield ConfigError(
            "process.scheduler.policy",
            "lets the process start no other, so hooks.startContainer cannot run",
            value="SCHED_DEADLINE",
            hint='add "SCHED_FLAG_RESET_ON_FORK" to process.scheduler.flags',
        )


def _process(config: "Config") -> "Process":
    return config.get("process", {})  # type: ignore[return-value]


def _maps_ids(config: "Config") -> bool:
    """Whether the container's user namespace has mappings for mounts."""
    linux = linux_of(config)
    if linux.get("uidMappings") and linux.get("gidMappings"):
        return True
    return any(
        namespace["type"] == "user" and namespace.get("path")
        for namespace in linux.get("namespaces", ())
    )


NAMESPACES = ("linux", "namespaces")
UID_MAPPINGS, GID_MAPPINGS = ("linux", "uidMappings"), ("linux", "gidMappings")
RESOURCE_RULES: "tuple[Rule, ...]" = (
    (linux.memory_and_swap, (("linux", "resources", "memory"),)),
    (linux.cpu_bandwidth, (("linux", "resources", "cpu"),)),
    (linux.block_weights, (("linux", "resources", "blockIO"),)),
    (linux.rdma_limits, (("linux", "resources", "rdma"),)),
)
RULES: "tuple[Rule, ...]" = (
    (linux.namespaces_once, (NAMESPACES,)),
    (names_need_uts, (NAMESPACES, ("hostname",), ("domainname",))),
    (linux.mappings_need_user, (NAMESPACES, UID_MAPPINGS, GID_MAPPINGS)),
    (linux.new_user_namespace, (NAMESPACES, UID_MAPPINGS, GID_MAPPINGS)),
    (linux.mappings_apart, (UID_MAPPINGS, GID_MAPPINGS)),
    (ids_are_mapped, (("process", "user"), UID_MAPPINGS, GID_MAPPINGS)),
    (mount_mappings, (NAMESPACES, ("mounts",), UID_MAPPINGS, GID_MAPPINGS)),
    (bind_source, (("mounts",),)),
    (rlimits_sound, (("process", "rlimits"),)),
    (console_size, (("process", "terminal"), ("process", "consoleSize"))),
    (scheduler, (("process", "scheduler"),)),
    (deadline_hooks, (("process", "scheduler"), ("hooks",))),
    (capabilities_known, (("ociVersion",), ("process", "capabilities"))),
    (linux.device_numbers, (("linux", "devices"),)),
    (linux.time_offsets, (NAMESPACES, ("linux", "timeOffsets"))),
    (linux.net_devices, (NAMESPACES, ("linux", "netDevices"))),
    (linux.memory_policy, (("linux", "memoryPolicy"),)),
    (linux.personality_flags, (("linux", "personality"),)),
    (linux.seccomp_errno, (("linux", "seccomp"),)),
    (linux.seccomp_notify, (("linux", "seccomp"),)),
    *RESOURCE_RULES,
)
STRICT_RULES: "tuple[Rule, ...]" = ((user_given, (("process", "user"),)),)
# The rules for a process alone. The mappings for ids_are_mapped are from the container's config.
PROCESS_RULES = tuple(
    rule
    for rule in RULES
    if rule[0] is ids_are_mapped or all(path[0] == "process" for path in rule[1])
)
