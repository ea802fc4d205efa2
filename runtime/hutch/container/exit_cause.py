"""Why the kernel killed a container, where it tells: want of memory, or a forbidden call."""

from hutch import cgroups
from hutch.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.errors import HutchError
    from hutch.plan.cgroup_paths import Cgroup, KeptCgroup
    from hutch.spec.config import Config

MEMORY = "linux.resources.memory.limit"
SIGKILL, SIGSYS = 9, 31
# What ends a process by SIGSYS, unless it has a handler (seccomp(2)).
DEADLY = ("SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP")


def want_of_memory(cgroup: "Cgroup", limit: "int | None", whom: str) -> "ConfigError | None":
    """That the kernel killed ``whom`` for want of memory; None where it did not.

    ``limit`` is linux.resources.memory.limit in bytes; without one another's has run out: of a
    cgroup above, or the machine's.
    """
    if not cgroups.oom_killed(cgroup):
        return None
    reason = "the kernel killed " + whom + " for want of memory"
    if limit is None:
        return ConfigError(MEMORY, "is not given, and " + reason)
    return ConfigError(MEMORY, reason, value=limit)


def cause_of(
    code: int, signal: int, cgroup: "KeptCgroup | None", config: "Config"
) -> "ConfigError | None":
    """The cause of the end of a container's program, None where the kernel tells none.

    ``code`` is its exit code, ``signal`` what ended it or 0; ``cgroup`` that of its state.
    """
    linux = config.get("linux", {})
    # A shell ends with 137 as well where its last command was killed.
    if code == 128 + SIGKILL and cgroup is not None:
        from hutch.plan.cgroup_paths import Cgroup

        memory = linux.get("resources", {}).get("memory") or {}
        whom = "a process of the container"
        return want_of_memory(Cgroup.from_json(cgroup), memory.get("limit"), whom)
    seccomp = linux.get("seccomp")
    if signal == SIGSYS and seccomp:
        rules = [seccomp, *(seccomp.get("syscalls") or [])]
        if any((rule.get("action") or rule.get("defaultAction")) in DEADLY for rule in rules):
            return ConfigError(
                "linux.seccomp",
                "the kernel killed the container's program for a system call that the filter "
                "kills for",
            )
    return None


def tell_cause(
    code: int,
    signal: int,
    cgroup: "KeptCgroup | None",
    config: "Config",
    warn: "Callable[[HutchError], None]",
) -> None:
    """Tells ``warn`` the cause of an end, where there is one to tell."""
    cause = cause_of(code, signal, cgroup, config)
    if cause is not None:
        warn(cause)
