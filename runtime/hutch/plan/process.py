"""process: the settings of the user's program, and the order in which rights are given up.

The order (security.md S-13): first everything that needs the rights of the container's root,
including the LSM labels; then the bounding set, groups, user, capabilities and no_new_privs; last
the seccomp filter, so that it need not allow the calls before it. Without no_new_privs, loading a
filter takes CAP_SYS_ADMIN (seccomp(2)). If the config does not give that capability, the process
keeps it until the filter is loaded, and the filter must allow capset(2), which drops it.

All of this comes before the wait for `start`. A process that shares the pid namespace can reach
the waiting one, so the waiting one has only the rights that the config gives. After the filter it
makes only calls that every program makes: read, write, close, execve.
"""

from hutch.errors import ConfigError, HostError
from hutch.plan import operations as op
from hutch.spec.capabilities import mask
from hutch.spec.rlimits import RLIMITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from hutch.errors import HutchError
    from hutch.kernel.seccomp import Filter
    from hutch.plan.host import Host
    from hutch.plan.operations import Operation
    from hutch.spec.config import Linux, Process

    CapabilitySet = Literal["bounding", "effective", "permitted", "inheritable", "ambient"]

UNLIMITED = (1 << 64) - 1
UNTRACED = "security: nobody in the container may trace the init"
SYS_ADMIN = 1 << 21  # linux/capability.h
CAPABILITY_SETS: "tuple[CapabilitySet, ...]" = (
    "bounding", "effective", "permitted", "inheritable", "ambient",
)  # fmt: skip


def compile_console(process: "Process", bind: bool) -> "list[Operation]":
    """The operation that makes the terminal. ``bind``: also bind it to /dev/console (not for
    exec)."""
    if not process.get("terminal"):
        return []
    size = process.get("consoleSize")
    return [
        op.console(
            "process.terminal",
            rows=size["height"] if size else 0,
            columns=size["width"] if size else 0,
            uid=process.get("user", {}).get("uid", 0),
            bind=int(bind),
        )
    ]


def compile_limits(process: "Process") -> "list[Operation]":
    """The resource limits (setrlimit(2))."""
    return [
        op.rlimit(
            "process.rlimits[" + str(index) + "]",
            resource=RLIMITS[limit["type"]],
            soft=limit["soft"],
            hard=limit["hard"],
        )
        for index, limit in enumerate(process.get("rlimits") or [])
    ]


def scheduling_of(process: "Process") -> "list[Operation]":
    """The operations for process.scheduler and process.ioPriority."""
    if not (process.get("scheduler") or process.get("ioPriority")):
        return []
    from hutch.plan.scheduling import compile_scheduling

    return compile_scheduling(process)


def placement_of(linux: "Linux") -> "list[Operation]":
    """The operations for linux.memoryPolicy and linux.personality."""
    if not (linux.get("memoryPolicy") or linux.get("personality")):
        return []
    from hutch.plan.scheduling import compile_placement

    return compile_placement(linux)


def compile_labels(process: "Process", host: "Host") -> "list[Operation]":
    """The LSM labels that the process gets at the next execve(2). Raises HostError if the host has
    not enabled the LSM."""
    result: list[Operation] = []
    profile = process.get("apparmorProfile")
    if profile:
        if not host.apparmor:
            raise HostError(
                "AppArmor is not enabled on this host, so the profile "
                + profile
                + " cannot be applied",
                pointer="process.apparmorProfile",
                hint="remove the field, or boot with AppArmor",
            )
        result.append(op.apparmor("process.apparmorProfile", "exec " + profile))
    label = process.get("selinuxLabel")
    if label:
        check_selinux(label, host, "process.selinuxLabel")
        result.append(op.selinux("process.selinuxLabel", label))
    return result


def check_selinux(label: str, host: "Host", pointer: str) -> None:
    """Raises HostError for ``label`` if SELinux is not enabled."""
    if not host.selinux:
        raise HostError(
            "SELinux is not enabled on this host, so the label " + label + " cannot be applied",
            pointer=pointer,
            hint="remove the field, or boot with SELinux",
        )


def compile_program(
    process: "Process", in_user_namespace: bool, stays: bool = False
) -> "list[Operation]":
    """The operations that set the working directory and HOME, and look up the program's file,
    unless hutch-init ``stays`` in its place.

    They come early, so that `create` reports their errors, not `start`.
    """
    user = process.get("user", {})
    path = ""
    has_home = False
    for variable in process.get("env") or []:
        if variable.startswith("PATH="):
            path = variable[5:]
        elif variable.startswith("HOME="):
            has_home = variable != "HOME="
    result: list[Operation] = []
    if not process.get("terminal"):
        result.append(op.own_stdio("process.user.uid", user.get("uid", 0)))
    result.append(op.chdir("process.cwd", process["cwd"]))
    if process["args"] and not stays:
        result.append(op.lookup("process.args[0]", process["args"][0], path))
    if not has_home:
        result.append(op.home("process.env", user.get("uid", 0)))
    return result


def variables_of(process: "Process") -> "list[str]":
    """The environment of the program. If process.env has a variable twice, the last one counts. An
    empty HOME is left out, because hutch-init sets it to the user's home directory (op.home)."""
    last = {variable.partition("=")[0]: variable for variable in process.get("env") or []}
    if last.get("HOME") == "HOME=":
        del last["HOME"]
    return [*last.values()]


def compile_rights(
    process: "Process",
    host: "Host",
    in_user_namespace: bool,
    groups_denied: bool,
    filter: "Filter | None",
    warnings: "list[HutchError]",
    outlive: str,
    default_umask: int = -1,
) -> "list[Operation]":
    """The operations that change from the rights of the container's root to those of the user, up
    to the seccomp filter.

    ``outlive`` is the reason of the operation that lets the runtime end. It comes before the
    filter, which may not allow its prctl(2). ``default_umask`` is for a process without
    process.user.umask; -1: the caller's umask. Raises HostError for an LSM that the host has not
    enabled; appends a warning to ``warnings`` for each capability that is left out.
    """
    user = process.get("user", {})
    sets = _capability_sets(process, host, in_user_namespace, warnings)
    no_new_privileges = bool(process.get("noNewPrivileges"))
    umask = user.get("umask")
    groups = [str(group) for group in user.get("additionalGids") or []]
    loading = 0
    if filter and not no_new_privileges and (in_user_namespace or host.capabilities & SYS_ADMIN):
        loading = SYS_ADMIN & ~(sets["effective"] & sets["permitted"])
    result = compile_labels(process, host)
    result += [
        op.bounding("process.capabilities.bounding", sets["bounding"]),
        op.user(
            "process.user",
            uid=user.get("uid", 0),
            gid=user.get("gid", 0),
            groups=groups,
            keep_groups=int(groups_denied and not groups),
        ),
        op.capabilities(
            "process.capabilities",
            effective=sets["effective"] | loading,
            permitted=sets["permitted"] | loading,
            inheritable=sets["inheritable"],
            ambient=sets["ambient"],
        ),
        # A change of ids can reset the dumpable attribute (prctl(2), PR_SET_DUMPABLE).
        op.protect(reason=UNTRACED),
        op.chdir("process.cwd", process["cwd"], 1),
        op.umask("process.user.umask", default_umask if umask is None else umask),
    ]
    if no_new_privileges:
        result.append(op.no_new_privileges("process.noNewPrivileges"))
    result.append(op.outlive(reason=outlive))
    if filter:
        result.append(
            op.seccomp(
                "linux.seccomp",
                filter=filter.program,
                flags=filter.flags,
                notify=int(filter.notify),
            )
        )
    if loading:
        result.append(
            op.drop(
                "process.capabilities",
                effective=sets["effective"],
                permitted=sets["permitted"],
                inheritable=sets["inheritable"],
            )
        )
    return result


def _capability_sets(
    process: "Process", host: "Host", in_user_namespace: bool, warnings: "list[HutchError]"
) -> "dict[str, int]":
    """The five sets as masks. A capability that the kernel does not know or the caller cannot give
    is left out with a warning (config.md "capabilities": MUST be logged, SHOULD NOT fail)."""
    capabilities = process.get("capabilities", {})
    # The first process of a new user namespace has all capabilities in it (user_namespaces(7)).
    grantable = -1 if in_user_namespace else host.capabilities
    result: dict[str, int] = {}
    told: set[str] = set()
    for kind in CAPABILITY_SETS:
        names = capabilities.get(kind) or []
        wanted, unknown = mask(names)
        missing = set(unknown)
        if wanted & ~grantable:
            missing |= {name for name in names if mask([name])[0] & ~grantable}
        for name in names:
            if name in missing and name not in told:
                told.add(name)
                reason = "unknown capability" if name in unknown else "the caller does not hold it"
                pointer = "process.capabilities." + kind
                warnings.append(ConfigError(pointer, f'"{name}" is left out: {reason}'))
        result[kind] = wanted & grantable
    # An ambient capability must be permitted and inheritable too (capabilities(7)).
    raised = result["ambient"] & result["permitted"] & result["inheritable"]
    # In one warning: buildah asks for all of them, with an empty inheritable set.
    lost = [
        f'"{name}"'
        for name in capabilities.get("ambient") or []
        if mask([name])[0] & result["ambient"] & ~raised
    ]
    if lost:
        verb = "is left out: it is" if len(lost) == 1 else "are left out: they are"
        reason = f"{', '.join(lost)} {verb} not in permitted and inheritable"
        warnings.append(ConfigError("process.capabilities.ambient", reason))
    result["ambient"] = raised
    return result
