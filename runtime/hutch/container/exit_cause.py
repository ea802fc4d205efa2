"""Why the kernel killed a container, if this can be found out: memory ran out, or a system call was
forbidden."""

from hutch import cgroups
from hutch.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.errors import HutchError
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.spec.config import Config

MEMORY = "linux.resources.memory.limit"
SIGKILL, SIGSYS = 9, 31
# The actions that end a process by SIGSYS, unless it has a handler (seccomp(2)).
DEADLY = ("SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP")


def want_of_memory(cgroup: "Cgroup", limit: "int | None", whom: str) -> "ConfigError | None":
    """The error that the kernel killed ``whom`` because memory ran out; None if it did not.

    ``limit`` is linux.resources.memory.limit in bytes. If it is None, the memory of a cgroup above
    or of the machine has run out.
    """
    if not cgroups.oom_killed(cgroup):
        return None
    reason = "the kernel killed " + whom + " for want of memory"
    if limit is None:
        return ConfigError(MEMORY, "is not given, and " + reason)
    return ConfigError(MEMORY, reason, value=limit)


def cause_of(
    code: int, signal: int, cgroup: "Cgroup | None", config: "Config"
) -> "ConfigError | None":
    """Why the kernel ended a container's program; None if it did not, or if nothing shows it.

    ``code`` is the exit code of the program, ``signal`` the signal that ended it, or 0; ``cgroup``
    is the container's.
    """
    linux = config.get("linux", {})
    # The exit code is compared, not the signal: a shell exits with 137 if its command was killed.
    if code == 128 + SIGKILL and cgroup is not None:
        memory = linux.get("resources", {}).get("memory") or {}
        whom = "a process of the container"
        return want_of_memory(cgroup, memory.get("limit"), whom)
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
    cgroup: "Cgroup | None",
    config: "Config",
    warn: "Callable[[HutchError], None]",
) -> None:
    """Calls ``warn`` with the cause of an end, if ``cause_of`` finds one."""
    cause = cause_of(code, signal, cgroup, config)
    if cause is not None:
        warn(cause)
