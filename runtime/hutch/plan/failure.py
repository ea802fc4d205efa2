"""The error message for a failure that hutch-init reports.

hutch-init reports (operation, call, errno, part, detail). The plan has the field of config.json
that asked for the operation, and the operation's arguments.
"""

from errno import errorcode

from hutch.errors import ConfigError, HookFailed, HutchError, KernelError
from hutch.plan.describe import describe
from hutch.plan.mount_options import NOEXEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.plan.operations import Hook as HookOperation
    from hutch.plan.operations import Lookup, Operation


class Failure:
    """An operation that failed, as hutch-init reports it (struct failure in native/init/init.h).

    ``index`` is the operation's place in the plan, ``error`` the errno, ``part`` the index of the
    wrong option (-1: none), ``call`` the kernel call, ``detail`` more information or "".
    """

    __slots__ = ("call", "detail", "error", "index", "part")

    def __init__(self, index: int, error: int, part: int, call: str, detail: str) -> None:
        self.index = index
        self.error = error
        self.part = part
        self.call = call
        self.detail = detail


def explain_failure(operations: "Sequence[Operation]", failure: Failure) -> HutchError:
    """The error to raise for a failure in a plan of these operations."""
    if failure.index >= len(operations):
        return KernelError("carry out the plan", failure.call, failure.error)
    operation = operations[failure.index]
    if operation.name == "lookup":
        return _not_executable(operations, operation, failure)
    if operation.name == "hook":
        return _hook_failed(operation, failure)
    pointer = operation.pointer
    if 0 <= failure.part < len(operation.parts):
        pointer = operation.parts[failure.part]
    name = errorcode.get(failure.error, "")
    hint = HINTS.get((failure.call, name)) or HINTS.get((operation.name, name))
    hint = hint or HINTS.get((operation.name, "")) or ""
    detail = failure.detail
    if not pointer:
        detail = (detail + "; " if detail else "") + operation.reason
    call, text = describe(operation)
    return KernelError(
        text, failure.call or call, failure.error, pointer=pointer, detail=detail, hint=hint
    )


def explain_warning(operations: "Sequence[Operation]", warning: Failure) -> ConfigError:
    """The warning for mount flags that hutch-init could not clear, because the host locked them
    (mount_namespaces(7))."""
    pointer = operations[warning.index].pointer
    kept = ", ".join(warning.detail.split(" "))
    return ConfigError(
        pointer + ".options",
        f"the mount keeps {kept}: the host has locked this, and a user namespace cannot clear it",
    )


def _not_executable(
    operations: "Sequence[Operation]", operation: "Lookup", failure: Failure
) -> HutchError:
    """The error for a program that cannot be executed. podman and docker look for these phrases,
    and exit with status 127 or 126."""
    program, path = operation.file, operation.path
    quoted = 'exec: "' + program + '": '
    kind = errorcode.get(failure.error, "")
    if kind == "ENOENT" and "/" not in program:
        hint = "PATH in process.env is " + (path or "not set")
        reason = quoted + "executable file not found in $PATH"
        return ConfigError("process.args[0]", reason, hint=hint)
    if kind == "EACCES":
        hint = "it must be a regular file with an execute bit, on a mount that is not noexec"
        places = [program] if "/" in program else path.split(":")
        found = [mount for mount in [noexec_mount(operations, place) for place in places] if mount]
        if found:
            hint += f"; {found[0][0]}, at {found[0][1]}, is noexec"
        refused = ConfigError("process.args[0]", quoted + "permission denied", hint=hint)
        refused.errno = failure.error
        return refused
    return KernelError(
        'exec: "' + program + '"',
        "stat " + program,
        failure.error,
        pointer="process.args[0]",
        hint="the path is resolved inside the container's root",
    )


def noexec_mount(operations: "Sequence[Operation]", path: str) -> "tuple[str, str] | None":
    """(field, destination) of the noexec mount that ``path`` is on; None if it is on none."""
    under, found = "", None
    for operation in operations:
        if operation.name == "mount":
            added, cleared = operation.attributes, NOEXEC
        elif operation.name == "bind":
            added, cleared = operation.set | operation.deep_set, NOEXEC
        elif operation.name == "remount":
            added, cleared = operation.set | operation.deep_set, operation.clear
        else:
            continue
        target = operation.target
        if not (path + "/").startswith(target.rstrip("/") + "/") or len(target) < len(under):
            continue
        under = target
        if added & NOEXEC:
            found = operation.origin, target
        elif cleared & NOEXEC:
            found = None
    return found


def _hook_failed(operation: "HookOperation", failure: Failure) -> HutchError:
    path = operation.path
    kind = errorcode.get(failure.error, "")
    end: dict[str, object]
    if kind == "ETIMEDOUT":
        how = "did not end within its timeout of " + str(operation.timeout) + " s"
        end = {"timeout": operation.timeout}
    elif kind == "ECANCELED":
        status = failure.part
        if status & 0x7F:
            how = "was killed by signal " + str(status & 0x7F)
            end = {"signal": status & 0x7F}
        else:
            how = "failed with exit status " + str(status >> 8 & 0xFF)
            end = {"exitStatus": status >> 8 & 0xFF}
    else:
        return KernelError(
            "run hook " + path, failure.call, failure.error, pointer=operation.pointer
        )
    output = "; ".join(failure.detail.splitlines())
    return HookFailed(operation.pointer, path, how, output, end)


# What the user can do, by operation or call, and errno ("" for any other errno).
HINTS = {
    ("apparmor", "ENOENT"): "load the profile with apparmor_parser -r FILE",
    ("apparmor", "EACCES"): "the current profile forbids the change",
    ("bind", "ENOENT"): "the source must exist on the host before the container is created",
    ("bind", "ENOTDIR"): "source and destination must both be directories or both be files, and "
    "the destination's parents must be directories",
    ("mount", "ENOTDIR"): "the destination must be a directory, or must not exist yet",
    ("chdir", "ENOTDIR"): "process.cwd must be a directory",
    ("chdir", "ENOENT"): "the directory must exist in the container",
    ("chdir", "EXDEV"): "process.cwd must be a directory inside the rootfs",
    ("make_directory", "ENOTDIR"): "process.cwd, or a part of it, is a file in the rootfs",
    ("make_directory", "EROFS"): "create the directory in the image: the file system is read-only",
    ("console", "ENOENT"): 'a terminal needs a mount of type "devpts" at /dev/pts',
    ("device", "EPERM"): "device nodes cannot be made here; in a user namespace the host's device "
    "files are bind-mounted instead",
    ("device", "ENOENT"): "in a user namespace a container can only have devices that the host has "
    "in /dev",
    ("device", "ELOOP"): "a part of the path is a symbolic link in the image",
    ("device", "EEXIST"): "remove the file from the rootfs or correct type, major and minor",
    ("exec", "ENOENT"): "the program's interpreter (its #! line or its dynamic loader) is missing "
    "in the rootfs",
    ("exec", "ENOEXEC"): "the file is not a program for this machine, or is a script without #!",
    ("exec", "EPERM"): "a possible cause is a filter in linux.seccomp that forbids execve",
    ("exec", "EACCES"): "process.user must be allowed to execute it, and its mount must not be "
    "noexec",
    ("hostname", "EINVAL"): "a hostname has at most 64 bytes",
    ("join", "EINVAL"): "the path is a namespace of another type, or the caller's own user "
    "namespace",
    ("join", "EPERM"): "joining needs CAP_SYS_ADMIN in the user namespace that owns the namespace",
    ("keyring_label", "EINVAL"): "the loaded policy does not know this label",
    ("keyring_label", "EACCES"): "the policy does not allow the caller's label to give keys this "
    "label",
    ("mount", "ENOSPC"): "the tmpfs is too small for the files that are copied into it",
    ("mount", "EINVAL"): "the file system does not know an option, or its value is wrong",
    ("mount_setattr(MOUNT_ATTR_IDMAP)", "EINVAL"): "this file system does not support idmapped "
    "mounts on this kernel (see uname -r; tmpfs needs Linux 6.3)",
    ("mount", "ENODEV"): "the kernel has no such file system (see /proc/filesystems)",
    ("mount", "EPERM"): "in a user namespace proc and sysfs can only be mounted if no other mounts "
    "cover parts of the host's proc and sysfs",
    ("mount", "ELOOP"): "the destination, or a part of its path, is a symbolic link in the image",
    ("mount", "EXDEV"): "the image redirects this destination into /proc",
    ("bind", "EXDEV"): "the image redirects this destination into /proc",
    ("open_root", "ENOENT"): "root.path is relative to the bundle",
    ("open_root", "EACCES"): "every directory above must be accessible to the container's root",
    ("rlimit", "EPERM"): "raising a hard limit needs CAP_SYS_RESOURCE; see ulimit -H",
    ("rlimit", "EINVAL"): "soft must not be above hard",
    ("affinity", "EINVAL"): "none of these CPUs is in the cpuset of the container's cgroup",
    ("scheduler", "EINVAL"): "the kernel has no such policy (no kernel has SCHED_ISO), or runtime, "
    "deadline and period do not fit together (sched_setattr(2))",
    ("scheduler", "EPERM"): "real-time policies, and a nice value below the present one, need "
    "CAP_SYS_NICE, and on cgroup v1 linux.resources.cpu.realtimeRuntime; SCHED_DEADLINE needs an "
    "affinity with all CPUs",
    ("scheduler", "EBUSY"): "the other deadline tasks leave too little time for this one",
    ("scheduler", "EOPNOTSUPP"): "the kernel is built without utilization clamping "
    "(CONFIG_UCLAMP_TASK)",
    ("io_priority", "EPERM"): "IOPRIO_CLASS_RT needs CAP_SYS_ADMIN or CAP_SYS_NICE",
    ("mask", "EBUSY"): "the container's root cannot be hidden from the container",
    ("mask", "ENOTDIR"): "a part of the path is a file in the rootfs",
    ("readonly", "ENOTDIR"): "a part of the path is a file in the rootfs",
    ("memory_policy", "EINVAL"): "a node is not online or not in the container's "
    "linux.resources.cpu.mems, or the kernel does not know the mode or the flag",
    ("memory_policy", "ENOSYS"): "the kernel is built without NUMA (CONFIG_NUMA)",
    ("drop", "EPERM"): "without noNewPrivileges, linux.seccomp must allow capset: CAP_SYS_ADMIN is "
    "needed to load the filter and dropped after it",
    ("barrier", "EPERM"): "linux.seccomp must allow read and write, which hutch-init calls",
    ("seccomp", "EACCES"): "without noNewPrivileges, loading a filter needs CAP_SYS_ADMIN",
    ("seccomp", "EINVAL"): "the kernel does not know one of the actions or flags of linux.seccomp",
    ("selinux", "EACCES"): "the policy does not allow the caller's label to choose this one",
    ("selinux", "EINVAL"): "the loaded policy does not know this label",
    ("sysctl", "EINVAL"): "the kernel refuses this value",
    ("sysctl", "ENOENT"): "the kernel has no such sysctl",
    ("sysctl", "EACCES"): "this sysctl is read-only in a container's namespaces",
    ("user", "EINVAL"): "the id is not mapped in the user namespace",
    ("user", "EPERM"): "additionalGids cannot be set if setgroups is denied (user_namespaces(7))",
    ("capabilities", "EPERM"): "a set has a capability that the caller or the permitted set lacks",
    ("unshare", "EPERM"): "the host limits namespaces (sysctl user.max_*_namespaces)",
    ("clone", "EPERM"): "the host limits namespaces (sysctl user.max_*_namespaces)",
}
