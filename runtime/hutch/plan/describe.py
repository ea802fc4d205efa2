"""Each operation in words: the kernel calls it makes, and what it does."""

from hutch.plan.operations import COVER_CONTENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hutch.plan.operations import (
        Barrier,
        Bind,
        Capabilities,
        Device,
        IoPriority,
        MemoryPolicy,
        Mount,
        Operation,
        Personality,
        Remount,
        Rlimit,
        RootAttributes,
        Scheduler,
    )

NAMESPACE_NAMES = {
    0x00000080: "time",
    0x00020000: "mount",
    0x02000000: "cgroup",
    0x04000000: "uts",
    0x08000000: "ipc",
    0x10000000: "user",
    0x20000000: "pid",
    0x40000000: "network",
}
ATTRIBUTE_NAMES = {
    0x01: "ro",
    0x02: "nosuid",
    0x04: "nodev",
    0x08: "noexec",
    0x10: "noatime",
    0x20: "strictatime",
    0x80: "nodiratime",
    0x200000: "nosymfollow",
}
PROPAGATION_NAMES = {1 << 17: "unbindable", 1 << 18: "private", 1 << 19: "slave", 1 << 20: "shared"}
DEVICE_KINDS = {0o010000: "fifo", 0o020000: "char", 0o060000: "block"}
PIVOTS = ("pivot_root", "mount(MS_MOVE), chroot", "chroot")


def describe(operation: "Operation") -> "tuple[str, str]":
    """(kernel calls, what is done): for a person."""
    call, words = WORDS[operation.name]
    return call, words if isinstance(words, str) else words(operation)


def flag_names(flags: int, names: "dict[int, str]") -> str:
    """The names of the bits that are set, joined by commas."""
    return ",".join([name for bit, name in names.items() if flags & bit])


def namespace_names(flags: int) -> str:
    return flag_names(flags, NAMESPACE_NAMES)


def propagation_name(flags: int) -> str:
    name = flag_names(flags, PROPAGATION_NAMES)
    return "r" + name if flags & 1 << 14 else name


def _attributes(set: int, clear: int = 0, deep_set: int = 0, deep_clear: int = 0) -> "list[str]":
    words = [name for bit, name in ATTRIBUTE_NAMES.items() if set & bit]
    words += ["not " + name for bit, name in ATTRIBUTE_NAMES.items() if clear & ~set & bit]
    words += ["r" + name for bit, name in ATTRIBUTE_NAMES.items() if deep_set & bit]
    words += [
        "not r" + name for bit, name in ATTRIBUTE_NAMES.items() if deep_clear & ~deep_set & bit
    ]
    return words


def _listed(words: "list[str]") -> str:
    return " (" + ", ".join(words) + ")" if words else ""


def _mount(op: "Mount") -> str:
    words = [option for option in op.options if option != "ro"] + _attributes(op.attributes)
    if op.cover & COVER_CONTENTS:
        words.append("with what it covers")
    if op.idmap:
        words.append("ids mapped")
    if op.propagation:
        words.append(propagation_name(op.propagation))
    return f"mount {op.fstype} on {op.target}" + _listed(words)


def _bind(op: "Bind") -> str:
    words = _attributes(op.set, op.clear, op.deep_set, op.deep_clear)
    if op.tree:
        words.append("ids mapped")
    if op.propagation:
        words.append(propagation_name(op.propagation))
    what = "bind all of " if op.recursive else "bind "
    return what + str(op.source) + " on " + op.target + _listed(words)


def _remount(op: "Remount") -> str:
    attributes = _attributes(op.set, op.clear, op.deep_set, op.deep_clear)
    return "remount " + op.target + _listed([*op.options, *attributes])


def _device(op: "Device") -> str:
    if op.bind:
        host = str(op.host)
        return "bind the host's " + host + ("" if host == op.path else " to " + op.path)
    kind = DEVICE_KINDS[op.type]
    number = f"{op.major}:{op.minor}"
    return f"make {kind} device {op.path} {number}, mode {op.mode:04o}, {op.uid}:{op.gid}"


def _root_attributes(op: "RootAttributes") -> str:
    words = _attributes(op.set)
    if op.propagation:
        words.append(propagation_name(op.propagation))
    return "make the root " + ", ".join(words)


def _limit(op: "Rlimit") -> str:
    from hutch.spec.rlimits import RLIMITS

    name = next(name for name, number in RLIMITS.items() if number == op.resource)
    return f"set {name} to {_amount(op.soft)}, at most {_amount(op.hard)}"


def _numbers(mask: bytes, what: str) -> str:
    """The numbers of the bits that are set in ``mask``. An empty mask means all that are
    allowed."""
    bits = int.from_bytes(mask, "little")
    listed = ",".join([str(number) for number in range(bits.bit_length()) if bits >> number & 1])
    return what + " " + listed if listed else "any allowed " + what


def _scheduler(op: "Scheduler") -> str:
    from hutch.plan.scheduling import POLICIES, SCHEDULER_FLAGS

    words = [name for name, bit in SCHEDULER_FLAGS.items() if op.flags & bit]
    if op.nice:
        words.append(f"nice {op.nice}")
    if op.priority:
        words.append(f"priority {op.priority}")
    if op.runtime:
        words.append(f"{op.runtime} ns of {op.period or op.deadline}, within {op.deadline}")
    return "be scheduled by " + list(POLICIES)[op.policy] + _listed(words)


def _io_priority(op: "IoPriority") -> str:
    from hutch.plan.scheduling import IO_CLASS_SHIFT, IO_CLASSES

    number = op.priority >> IO_CLASS_SHIFT
    name = next(name for name, each in IO_CLASSES.items() if each == number)
    return f"set the IO priority of the process group to {name} {op.priority & 7}"


def _memory_policy(op: "MemoryPolicy") -> str:
    from hutch.plan.scheduling import MEMORY_FLAGS, MEMORY_MODES

    flags = [name for name, bit in MEMORY_FLAGS.items() if op.mode & bit]
    kind = op.mode & ~sum(MEMORY_FLAGS.values())
    name = next(name for name, number in MEMORY_MODES.items() if number == kind)
    nodes = _numbers(op.nodes, " of node") if op.nodes else ""
    return "take memory by " + name + _listed(flags) + nodes


def _personality(op: "Personality") -> str:
    from hutch.plan.scheduling import DOMAINS

    name = next(name for name, bits in DOMAINS.items() if bits == op.persona)
    return "be of personality " + name


def _amount(value: int) -> str:
    return "unlimited" if value in (-1, (1 << 64) - 1) else str(value)


def _mask(value: int) -> str:
    from hutch.spec.capabilities import NAMES

    listed = [name[4:] for number, name in enumerate(NAMES) if value >> number & 1]
    return ", ".join(listed) if listed else "none"


def _command(args: "list[str]") -> str:
    """The command line, cut to 200 characters."""
    text = " ".join(args)
    return text if len(text) <= 200 else text[:197] + "..."


def _capabilities(op: "Capabilities") -> str:
    text = "hold effective " + _mask(op.effective)
    if op.permitted != op.effective:
        text += "; permitted " + _mask(op.permitted)
    return text + "; inheritable " + _mask(op.inheritable) + "; ambient " + _mask(op.ambient)


def _barrier(op: "Barrier") -> str:
    from hutch.plan.plan import BARRIERS

    return "wait for the runtime: " + BARRIERS[op.which]


# name: (kernel calls, words or a function of the operation)
WORDS: "dict[str, tuple[str, str | Callable[[Any], str]]]" = {
    "trace": ("mmap", "share the times of operations"),
    "join": ("setns", lambda op: "join the " + namespace_names(op.flags) + " namespace"),
    "unshare": ("unshare", lambda op: "make a new " + namespace_names(op.flags) + " namespace"),
    "clone": (
        "clone3",
        lambda op: (
            "continue as a new process"
            + (" in new " + namespace_names(op.flags) + " namespaces" if op.flags else "")
        ),
    ),
    "enter_cgroups": ("write", "enter the cgroups of v1 hierarchies"),
    "barrier": ("sendmsg, recv", _barrier),
    "await_start": ("read", "wait for `start`"),
    "outlive": ("prctl(PR_SET_PDEATHSIG)", "let the runtime end"),
    "protect": ("prctl(PR_SET_DUMPABLE)", "forbid being traced"),
    "become_root": ("setresgid, setresuid", "become root of the user namespace"),
    "open_proc": ("fsopen, fsmount", "open a procfs of its own"),
    "session": ("setsid", "start a session"),
    "keyring": ("keyctl", lambda op: "join the new session keyring " + op.description),
    "loopback": ("ioctl(SIOCSIFFLAGS)", "bring the interface lo up"),
    "hostname": ("sethostname", lambda op: "set the hostname to " + op.value),
    "domainname": ("setdomainname", lambda op: "set the domainname to " + op.value),
    "sysctl": ("openat2, write", lambda op: f"write {op.value} to /proc/{op.path}"),
    "propagation": (
        "mount",
        lambda op: (
            f"make {'every mount' if op.flags & 1 << 14 else '/'} {propagation_name(op.flags)}"
        ),
    ),
    "open_root": ("open_tree, move_mount", lambda op: f"bind the rootfs {op.path} on itself"),
    "current_root": ("openat", "open the container's root"),
    "mount": ("fsopen, fsconfig, fsmount, move_mount", _mount),
    "bind": ("open_tree, mount_setattr, move_mount", _bind),
    "remount": ("fspick, fsconfig, mount_setattr", _remount),
    "symlink": ("symlinkat", lambda op: f"link {op.path} to {op.target}"),
    "device": ("mknodat, fchownat", _device),
    "mask": ("move_mount", lambda op: "hide " + op.path),
    "readonly": ("open_tree, mount_setattr, move_mount", lambda op: f"make {op.path} read-only"),
    "make_directory": ("mkdirat", lambda op: f"make {op.path} if it is missing"),
    "root_attributes": ("mount_setattr", _root_attributes),
    "pivot": (
        "pivot_root, umount2",
        lambda op: "change the root to the rootfs by " + PIVOTS[op.mode],
    ),
    "console": ("ioctl(TIOCGPTPEER), sendmsg", "make a terminal and send its master"),
    "own_stdio": ("fchown", lambda op: f"give standard input and output to uid {op.uid}"),
    "rlimit": ("prlimit64", _limit),
    "affinity": ("sched_setaffinity", lambda op: "run on " + _numbers(op.cpus, "CPU")),
    "scheduler": ("sched_setattr", _scheduler),
    "io_priority": ("ioprio_set", _io_priority),
    "memory_policy": ("set_mempolicy", _memory_policy),
    "personality": ("personality", _personality),
    "apparmor": (
        "openat2, write",
        lambda op: "take the AppArmor profile " + op.profile.partition(" ")[2] + " at exec",
    ),
    "selinux": ("openat2, write", lambda op: f"take the SELinux label {op.label} at exec"),
    "keyring_label": ("openat2, write", lambda op: "label new keys " + op.label),
    "chdir": (
        "chdir, getcwd",
        lambda op: f"change to {op.path}" + (" as the user, if root may not" if op.retry else ""),
    ),
    "umask": (
        "umask",
        lambda op: f"set the umask to {op.mask:04o}" if op.mask >= 0 else "restore the umask",
    ),
    "bounding": (
        "prctl(PR_CAPBSET_DROP)",
        lambda op: "bound capabilities to " + _mask(op.capabilities),
    ),
    "user": (
        "setgroups, setresgid, setresuid",
        lambda op: f"become {op.uid}:{op.gid}, groups " + (",".join(op.groups) or "none"),
    ),
    "capabilities": ("capset, prctl(PR_CAP_AMBIENT)", _capabilities),
    "drop": ("capset", lambda op: "hold no more than permitted " + _mask(op.permitted)),
    "no_new_privileges": ("prctl(PR_SET_NO_NEW_PRIVS)", "give up gaining privileges by exec"),
    "seccomp": (
        "seccomp",
        lambda op: f"load the filter of {len(op.filter) // 8} instructions",
    ),
    "home": ("openat2, read", lambda op: f"look uid {op.uid}'s HOME up in /etc/passwd"),
    "lookup": ("stat", lambda op: "find the program " + op.file),
    "hook": (
        "fork, execve",
        lambda op: "run the hook " + " ".join([op.path, *op.args[1:]]),
    ),
    "supervise": (
        "fork, ppoll",
        lambda op: "stay as the first process" + ("" if op.stay else ", beside the program"),
    ),
    "exec": ("execve", lambda op: "execute " + _command(op.args)),
}
