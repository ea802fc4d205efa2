"""Each operation in words: the kernel call it comes to, and what it does with what."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hutch.plan.operations import Operation

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
    return call, words(*operation.values) if callable(words) else words


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


def _mount(
    fstype: str, source: str, target: str, options: "list[str]", attributes: int, flags: int,
    propagation: int, nofollow: int, cover: int, idmap: int,
) -> str:  # fmt: skip
    words = [option for option in options if option != "ro"] + _attributes(attributes)
    if cover & 4:
        words.append("with what it covers")
    if idmap:
        words.append("ids mapped")
    if propagation:
        words.append(propagation_name(propagation))
    return f"mount {fstype} on {target}" + _listed(words)


def _bind(
    source: str, target: str, recursive: int, set: int, clear: int, deep_set: int,
    deep_clear: int, propagation: int, tree: int,
) -> str:  # fmt: skip
    words = _attributes(set, clear, deep_set, deep_clear)
    if tree:
        words.append("ids mapped")
    if propagation:
        words.append(propagation_name(propagation))
    what = "bind all of " if recursive else "bind "
    return what + source + " on " + target + _listed(words)


def _remount(
    target: str, options: "list[str]", bind: int, set: int, clear: int, deep_set: int,
    deep_clear: int, propagation: int,
) -> str:  # fmt: skip
    attributes = _attributes(set, clear, deep_set, deep_clear)
    return "remount " + target + _listed([*options, *attributes])


def _device(
    path: str, type: int, major: int, minor: int, mode: int, uid: int, gid: int, bind: int,
    host: str,
) -> str:  # fmt: skip
    if bind:
        return "bind the host's " + host + ("" if host == path else " to " + path)
    return f"make {DEVICE_KINDS[type]} device {path} {major}:{minor}, mode {mode:04o}, {uid}:{gid}"


def _root_attributes(set: int, propagation: int) -> str:
    words = _attributes(set)
    if propagation:
        words.append(propagation_name(propagation))
    return "make the root " + ", ".join(words)


def _limit(resource: int, soft: int, hard: int) -> str:
    from hutch.spec.rlimits import RLIMITS

    name = next(name for name, number in RLIMITS.items() if number == resource)
    return f"set {name} to {_amount(soft)}, at most {_amount(hard)}"


def _numbers(mask: bytes, what: str) -> str:
    """The bits of a mask, in words; an empty one stands for all that are allowed."""
    bits = int.from_bytes(mask, "little")
    listed = ",".join([str(number) for number in range(bits.bit_length()) if bits >> number & 1])
    return what + " " + listed if listed else "any allowed " + what


def _scheduler(
    policy: int, flags: int, nice: int, priority: int, runtime: int, deadline: int, period: int
) -> str:
    from hutch.plan.scheduling import POLICIES, SCHEDULER_FLAGS

    words = [name for name, bit in SCHEDULER_FLAGS.items() if flags & bit]
    if nice:
        words.append(f"nice {nice}")
    if priority:
        words.append(f"priority {priority}")
    if runtime:
        words.append(f"{runtime} ns of {period or deadline}, within {deadline}")
    return "be scheduled by " + list(POLICIES)[policy] + _listed(words)


def _io_priority(priority: int) -> str:
    from hutch.plan.scheduling import IO_CLASS_SHIFT, IO_CLASSES

    name = next(name for name, number in IO_CLASSES.items() if number == priority >> IO_CLASS_SHIFT)
    return f"set the IO priority of the process group to {name} {priority & 7}"


def _memory_policy(mode: int, nodes: bytes) -> str:
    from hutch.plan.scheduling import MEMORY_FLAGS, MEMORY_MODES

    flags = [name for name, bit in MEMORY_FLAGS.items() if mode & bit]
    kind = mode & ~sum(MEMORY_FLAGS.values())
    name = next(name for name, number in MEMORY_MODES.items() if number == kind)
    return (
        "take memory by " + name + _listed(flags) + (_numbers(nodes, " of node") if nodes else "")
    )


def _personality(persona: int) -> str:
    from hutch.plan.scheduling import DOMAINS

    return "be of personality " + next(name for name, bits in DOMAINS.items() if bits == persona)


def _amount(value: int) -> str:
    return "unlimited" if value in (-1, (1 << 64) - 1) else str(value)


def _mask(value: int) -> str:
    from hutch.spec.capabilities import NAMES

    listed = [name[4:] for number, name in enumerate(NAMES) if value >> number & 1]
    return ", ".join(listed) if listed else "none"


def _command(args: "list[str]") -> str:
    """A command line of a length that a person reads."""
    text = " ".join(args)
    return text if len(text) <= 200 else text[:197] + "..."


def _capabilities(effective: int, permitted: int, inheritable: int, ambient: int) -> str:
    text = "hold effective " + _mask(effective)
    if permitted != effective:
        text += "; permitted " + _mask(permitted)
    return text + "; inheritable " + _mask(inheritable) + "; ambient " + _mask(ambient)


def _drop(effective: int, permitted: int, inheritable: int) -> str:
    return "hold no more than permitted " + _mask(permitted)


def _barrier(which: int) -> str:
    from hutch.plan.plan import BARRIERS

    return "wait for the runtime: " + BARRIERS[which]


# name: (kernel calls, words or a function of the arguments)
WORDS: "dict[str, tuple[str, Any]]" = {
    "trace": ("mmap", "share the times of operations"),
    "join": ("setns", lambda slot, flags: "join the " + namespace_names(flags) + " namespace"),
    "unshare": ("unshare", lambda flags: "make a new " + namespace_names(flags) + " namespace"),
    "clone": (
        "clone3",
        lambda flags: (
            "go on as a new process"
            + (" in new " + namespace_names(flags) + " namespaces" if flags else "")
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
    "keyring": ("keyctl", lambda name: "join the new session keyring " + name),
    "loopback": ("ioctl(SIOCSIFFLAGS)", "bring the interface lo up"),
    "hostname": ("sethostname", lambda name: "set the hostname to " + name),
    "domainname": ("setdomainname", lambda name: "set the domainname to " + name),
    "sysctl": ("openat2, write", lambda path, value: f"write {value} to /proc/{path}"),
    "propagation": (
        "mount",
        lambda flags: f"make {'every mount' if flags & 1 << 14 else '/'} {propagation_name(flags)}",
    ),
    "open_root": ("open_tree, move_mount", lambda path, _: f"bind the rootfs {path} on itself"),
    "current_root": ("openat", "open the container's root"),
    "mount": ("fsopen, fsconfig, fsmount, move_mount", _mount),
    "bind": ("open_tree, mount_setattr, move_mount", _bind),
    "remount": ("fspick, fsconfig, mount_setattr", _remount),
    "symlink": ("symlinkat", lambda target, path, replace: f"link {path} to {target}"),
    "device": ("mknodat, fchownat", _device),
    "mask": ("move_mount", lambda path: "hide " + path),
    "readonly": ("open_tree, mount_setattr, move_mount", lambda path: f"make {path} read-only"),
    "make_directory": ("mkdirat", lambda path, mode: f"make {path} if it is missing"),
    "root_attributes": ("mount_setattr", _root_attributes),
    "pivot": (
        "pivot_root, umount2",
        lambda mode: "change the root to the rootfs by " + PIVOTS[mode],
    ),
    "console": (
        "ioctl(TIOCGPTPEER), sendmsg",
        lambda rows, columns, uid, bind: "make a terminal and send its master",
    ),
    "own_stdio": ("fchown", lambda uid: f"give standard input and output to uid {uid}"),
    "rlimit": ("prlimit64", _limit),
    "affinity": ("sched_setaffinity", lambda cpus: "run on " + _numbers(cpus, "CPU")),
    "scheduler": ("sched_setattr", _scheduler),
    "io_priority": ("ioprio_set", _io_priority),
    "memory_policy": ("set_mempolicy", _memory_policy),
    "personality": ("personality", _personality),
    "apparmor": (
        "openat2, write",
        lambda profile: "take the AppArmor profile " + profile.partition(" ")[2] + " at exec",
    ),
    "selinux": ("openat2, write", lambda label: f"take the SELinux label {label} at exec"),
    "keyring_label": ("openat2, write", lambda label: "label new keys " + label),
    "chdir": (
        "chdir, getcwd",
        lambda path, retry: (
            f"change to {path}" + (" as the user, if root may not" if retry else "")
        ),
    ),
    "umask": (
        "umask",
        lambda mask: f"set the umask to {mask:04o}" if mask >= 0 else "restore the umask",
    ),
    "bounding": ("prctl(PR_CAPBSET_DROP)", lambda mask: "bound capabilities to " + _mask(mask)),
    "user": (
        "setgroups, setresgid, setresuid",
        lambda uid, gid, groups, keep: (
            f"become {uid}:{gid}, groups " + (",".join(groups) or "none")
        ),
    ),
    "capabilities": ("capset, prctl(PR_CAP_AMBIENT)", _capabilities),
    "drop": ("capset", _drop),
    "no_new_privileges": ("prctl(PR_SET_NO_NEW_PRIVS)", "give up gaining privileges by exec"),
    "seccomp": (
        "seccomp",
        lambda filter, flags, notify: f"load the filter of {len(filter) // 8} instructions",
    ),
    "home": ("openat2, read", lambda uid: f"look uid {uid}'s HOME up in /etc/passwd"),
    "lookup": ("stat", lambda file, path: "find the program " + file),
    "hook": (
        "fork, execve",
        lambda path, args, *_: "run the hook " + " ".join([path, *args[1:]]),
    ),
    "exec": ("execve", lambda args, env: "execute " + _command(args)),
}
