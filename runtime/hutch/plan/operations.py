"""The operations of hutch-init. Generated from native/plan.def by native/generate.py.

Each function makes one operation; ``pointer`` is the field of config.json that asks for it, or
"default" with what in the spec does.
"""

# ruff: noqa: A001, E501, RUF100

TYPE_CHECKING = False
if TYPE_CHECKING:
    Values = tuple[int | str | bytes | list[str], ...]


class Operation:
    """One kernel operation: its number and name in plan.def, its arguments, where it comes from.

    ``parts`` are the pointers of the elements of its list argument, where each has its own.
    """

    __slots__ = ("code", "name", "parts", "pointer", "values")

    def __init__(self, code: int, name: str, pointer: str, values: "Values") -> None:
        self.code = code
        self.name = name
        self.pointer = pointer
        self.values = values
        self.parts: tuple[str, ...] = ()


# What each takes: i number, s string, l list of strings, b bytes.
SIGNATURES = (
    "i",  # trace
    "ii",  # join
    "i",  # unshare
    "i",  # clone
    "ii",  # enter_cgroups
    "i",  # barrier
    "ii",  # await_start
    "",  # outlive
    "",  # protect
    "",  # become_root
    "",  # open_proc
    "",  # session
    "s",  # keyring
    "",  # loopback
    "s",  # hostname
    "s",  # domainname
    "ss",  # sysctl
    "i",  # propagation
    "si",  # open_root
    "",  # current_root
    "sssliiiiii",  # mount
    "ssiiiiiii",  # bind
    "sliiiiii",  # remount
    "ssi",  # symlink
    "siiiiiiis",  # device
    "s",  # mask
    "s",  # readonly
    "si",  # make_directory
    "ii",  # root_attributes
    "i",  # pivot
    "iiii",  # console
    "i",  # own_stdio
    "iii",  # rlimit
    "b",  # affinity
    "iiiiiii",  # scheduler
    "i",  # io_priority
    "ib",  # memory_policy
    "i",  # personality
    "s",  # apparmor
    "s",  # selinux
    "s",  # keyring_label
    "si",  # chdir
    "i",  # umask
    "i",  # bounding
    "iili",  # user
    "iiii",  # capabilities
    "iii",  # drop
    "",  # no_new_privileges
    "bii",  # seccomp
    "i",  # home
    "ss",  # lookup
    "sllsiss",  # hook
    "ll",  # exec
)

ARGUMENTS = (
    ("slot",),
    ("slot", "flags"),
    ("flags",),
    ("flags",),
    ("slot", "count"),
    ("which",),
    ("slot", "reply"),
    (),
    (),
    (),
    (),
    (),
    ("name",),
    (),
    ("name",),
    ("name",),
    ("path", "value"),
    ("flags",),
    ("path", "propagation"),
    (),
    (
        "fstype",
        "source",
        "target",
        "options",
        "attributes",
        "flags",
        "propagation",
        "nofollow",
        "cover",
        "idmap",
    ),
    (
        "source",
        "target",
        "recursive",
        "set",
        "clear",
        "deep_set",
        "deep_clear",
        "propagation",
        "tree",
    ),
    ("target", "options", "bind", "set", "clear", "deep_set", "deep_clear", "propagation"),
    ("target", "path", "replace"),
    ("path", "type", "major", "minor", "mode", "uid", "gid", "bind", "host"),
    ("path",),
    ("path",),
    ("path", "mode"),
    ("set", "propagation"),
    ("mode",),
    ("rows", "columns", "uid", "bind"),
    ("uid",),
    ("resource", "soft", "hard"),
    ("cpus",),
    ("policy", "flags", "nice", "priority", "runtime", "deadline", "period"),
    ("priority",),
    ("mode", "nodes"),
    ("persona",),
    ("profile",),
    ("label",),
    ("label",),
    ("path", "retry"),
    ("mask",),
    ("capabilities",),
    ("uid", "gid", "groups", "keep_groups"),
    ("effective", "permitted", "inheritable", "ambient"),
    ("effective", "permitted", "inheritable"),
    (),
    ("filter", "flags", "notify"),
    ("uid",),
    ("file", "path"),
    ("path", "args", "env", "cwd", "timeout", "state_head", "state_tail"),
    ("args", "env"),
)


def trace(pointer: str, slot: "int") -> "Operation":
    return Operation(0, "trace", pointer, (slot,))


def join(pointer: str, slot: "int", flags: "int") -> "Operation":
    return Operation(1, "join", pointer, (slot, flags))


def unshare(pointer: str, flags: "int") -> "Operation":
    return Operation(2, "unshare", pointer, (flags,))


def clone(pointer: str, flags: "int") -> "Operation":
    return Operation(3, "clone", pointer, (flags,))


def enter_cgroups(pointer: str, slot: "int", count: "int") -> "Operation":
    return Operation(4, "enter_cgroups", pointer, (slot, count))


def barrier(pointer: str, which: "int") -> "Operation":
    return Operation(5, "barrier", pointer, (which,))


def await_start(pointer: str, slot: "int", reply: "int") -> "Operation":
    return Operation(6, "await_start", pointer, (slot, reply))


def outlive(pointer: str) -> "Operation":
    return Operation(7, "outlive", pointer, ())


def protect(pointer: str) -> "Operation":
    return Operation(8, "protect", pointer, ())


def become_root(pointer: str) -> "Operation":
    return Operation(9, "become_root", pointer, ())


def open_proc(pointer: str) -> "Operation":
    return Operation(10, "open_proc", pointer, ())


def session(pointer: str) -> "Operation":
    return Operation(11, "session", pointer, ())


def keyring(pointer: str, name: "str") -> "Operation":
    return Operation(12, "keyring", pointer, (name,))


def loopback(pointer: str) -> "Operation":
    return Operation(13, "loopback", pointer, ())


def hostname(pointer: str, name: "str") -> "Operation":
    return Operation(14, "hostname", pointer, (name,))


def domainname(pointer: str, name: "str") -> "Operation":
    return Operation(15, "domainname", pointer, (name,))


def sysctl(pointer: str, path: "str", value: "str") -> "Operation":
    return Operation(16, "sysctl", pointer, (path, value))


def propagation(pointer: str, flags: "int") -> "Operation":
    return Operation(17, "propagation", pointer, (flags,))


def open_root(pointer: str, path: "str", propagation: "int") -> "Operation":
    return Operation(18, "open_root", pointer, (path, propagation))


def current_root(pointer: str) -> "Operation":
    return Operation(19, "current_root", pointer, ())


def mount(
    pointer: str,
    fstype: "str",
    source: "str",
    target: "str",
    options: "list[str]",
    attributes: "int",
    flags: "int",
    propagation: "int",
    nofollow: "int",
    cover: "int",
    idmap: "int",
) -> "Operation":
    return Operation(
        20,
        "mount",
        pointer,
        (fstype, source, target, options, attributes, flags, propagation, nofollow, cover, idmap),
    )


def bind(
    pointer: str,
    source: "str",
    target: "str",
    recursive: "int",
    set: "int",
    clear: "int",
    deep_set: "int",
    deep_clear: "int",
    propagation: "int",
    tree: "int",
) -> "Operation":
    return Operation(
        21,
        "bind",
        pointer,
        (source, target, recursive, set, clear, deep_set, deep_clear, propagation, tree),
    )


def remount(
    pointer: str,
    target: "str",
    options: "list[str]",
    bind: "int",
    set: "int",
    clear: "int",
    deep_set: "int",
    deep_clear: "int",
    propagation: "int",
) -> "Operation":
    return Operation(
        22,
        "remount",
        pointer,
        (target, options, bind, set, clear, deep_set, deep_clear, propagation),
    )


def symlink(pointer: str, target: "str", path: "str", replace: "int") -> "Operation":
    return Operation(23, "symlink", pointer, (target, path, replace))


def device(
    pointer: str,
    path: "str",
    type: "int",
    major: "int",
    minor: "int",
    mode: "int",
    uid: "int",
    gid: "int",
    bind: "int",
    host: "str",
) -> "Operation":
    return Operation(24, "device", pointer, (path, type, major, minor, mode, uid, gid, bind, host))


def mask(pointer: str, path: "str") -> "Operation":
    return Operation(25, "mask", pointer, (path,))


def readonly(pointer: str, path: "str") -> "Operation":
    return Operation(26, "readonly", pointer, (path,))


def make_directory(pointer: str, path: "str", mode: "int") -> "Operation":
    return Operation(27, "make_directory", pointer, (path, mode))


def root_attributes(pointer: str, set: "int", propagation: "int") -> "Operation":
    return Operation(28, "root_attributes", pointer, (set, propagation))


def pivot(pointer: str, mode: "int") -> "Operation":
    return Operation(29, "pivot", pointer, (mode,))


def console(pointer: str, rows: "int", columns: "int", uid: "int", bind: "int") -> "Operation":
    return Operation(30, "console", pointer, (rows, columns, uid, bind))


def own_stdio(pointer: str, uid: "int") -> "Operation":
    return Operation(31, "own_stdio", pointer, (uid,))


def rlimit(pointer: str, resource: "int", soft: "int", hard: "int") -> "Operation":
    return Operation(32, "rlimit", pointer, (resource, soft, hard))


def affinity(pointer: str, cpus: "bytes") -> "Operation":
    return Operation(33, "affinity", pointer, (cpus,))


def scheduler(
    pointer: str,
    policy: "int",
    flags: "int",
    nice: "int",
    priority: "int",
    runtime: "int",
    deadline: "int",
    period: "int",
) -> "Operation":
    return Operation(
        34, "scheduler", pointer, (policy, flags, nice, priority, runtime, deadline, period)
    )


def io_priority(pointer: str, priority: "int") -> "Operation":
    return Operation(35, "io_priority", pointer, (priority,))


def memory_policy(pointer: str, mode: "int", nodes: "bytes") -> "Operation":
    return Operation(36, "memory_policy", pointer, (mode, nodes))


def personality(pointer: str, persona: "int") -> "Operation":
    return Operation(37, "personality", pointer, (persona,))


def apparmor(pointer: str, profile: "str") -> "Operation":
    return Operation(38, "apparmor", pointer, (profile,))


def selinux(pointer: str, label: "str") -> "Operation":
    return Operation(39, "selinux", pointer, (label,))


def keyring_label(pointer: str, label: "str") -> "Operation":
    return Operation(40, "keyring_label", pointer, (label,))


def chdir(pointer: str, path: "str", retry: "int") -> "Operation":
    return Operation(41, "chdir", pointer, (path, retry))


def umask(pointer: str, mask: "int") -> "Operation":
    return Operation(42, "umask", pointer, (mask,))


def bounding(pointer: str, capabilities: "int") -> "Operation":
    return Operation(43, "bounding", pointer, (capabilities,))


def user(
    pointer: str, uid: "int", gid: "int", groups: "list[str]", keep_groups: "int"
) -> "Operation":
    return Operation(44, "user", pointer, (uid, gid, groups, keep_groups))


def capabilities(
    pointer: str, effective: "int", permitted: "int", inheritable: "int", ambient: "int"
) -> "Operation":
    return Operation(45, "capabilities", pointer, (effective, permitted, inheritable, ambient))


def drop(pointer: str, effective: "int", permitted: "int", inheritable: "int") -> "Operation":
    return Operation(46, "drop", pointer, (effective, permitted, inheritable))


def no_new_privileges(pointer: str) -> "Operation":
    return Operation(47, "no_new_privileges", pointer, ())


def seccomp(pointer: str, filter: "bytes", flags: "int", notify: "int") -> "Operation":
    return Operation(48, "seccomp", pointer, (filter, flags, notify))


def home(pointer: str, uid: "int") -> "Operation":
    return Operation(49, "home", pointer, (uid,))


def lookup(pointer: str, file: "str", path: "str") -> "Operation":
    return Operation(50, "lookup", pointer, (file, path))


def hook(
    pointer: str,
    path: "str",
    args: "list[str]",
    env: "list[str]",
    cwd: "str",
    timeout: "int",
    state_head: "str",
    state_tail: "str",
) -> "Operation":
    return Operation(51, "hook", pointer, (path, args, env, cwd, timeout, state_head, state_tail))


def exec(pointer: str, args: "list[str]", env: "list[str]") -> "Operation":
    return Operation(52, "exec", pointer, (args, env))
