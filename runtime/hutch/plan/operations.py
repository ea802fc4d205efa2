"""The operations of hutch-init. Generated from native/plan.def by native/generate.py.

Each function makes one operation. ``pointer`` is the field of config.json that asks for it; where
none does, it is "" and ``reason`` says what does. ``parts`` are the pointers of the elements of its
list argument, where each has its own. The types stand in operations.pyi.
"""

# ruff: noqa: A001, A002, E501, RUF100
# fmt: off


class Operation:
    """One kernel operation: its number in plan.def, where it comes from, and its arguments, each an
    attribute by its name there. Nothing of it changes once it is made."""

    __slots__ = ("code", "parts", "pointer", "reason", "values")

    def __init__(self, code, pointer, values, reason="", parts=()):
        self.code = code
        self.pointer = pointer
        self.values = values
        self.reason = reason
        self.parts = parts

    @property
    def name(self):
        return NAMES[self.code]

    @property
    def origin(self):
        """Where it comes from, for a person."""
        return self.pointer or self.reason

    def __getattr__(self, name):
        try:
            return self.values[ARGUMENTS[self.code].index(name)]
        except ValueError:
            raise AttributeError(name) from None


make = Operation

NAMES = (
    "trace",
    "join",
    "unshare",
    "clone",
    "enter_cgroups",
    "barrier",
    "await_start",
    "outlive",
    "protect",
    "become_root",
    "open_proc",
    "session",
    "keyring",
    "loopback",
    "hostname",
    "domainname",
    "sysctl",
    "propagation",
    "open_root",
    "current_root",
    "mount",
    "bind",
    "remount",
    "symlink",
    "device",
    "mask",
    "readonly",
    "make_directory",
    "root_attributes",
    "pivot",
    "console",
    "own_stdio",
    "rlimit",
    "affinity",
    "scheduler",
    "io_priority",
    "memory_policy",
    "personality",
    "apparmor",
    "selinux",
    "keyring_label",
    "chdir",
    "umask",
    "bounding",
    "user",
    "capabilities",
    "drop",
    "no_new_privileges",
    "seccomp",
    "home",
    "lookup",
    "hook",
    "exec",
)

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
    ("description",),
    (),
    ("value",),
    ("value",),
    ("path", "value"),
    ("flags",),
    ("path", "propagation"),
    (),
    ("fstype", "source", "target", "options", "attributes", "flags", "propagation", "nofollow", "cover", "idmap"),
    ("source", "target", "recursive", "set", "clear", "deep_set", "deep_clear", "propagation", "tree"),
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

# Those with arguments that may be known late.
LATE = frozenset((4, 21, 24))


def trace(pointer, slot, *, reason="", parts=()):
    return Operation(0, pointer, (slot,), reason, parts)


def join(pointer, slot, flags, *, reason="", parts=()):
    return Operation(1, pointer, (slot, flags), reason, parts)


def unshare(pointer, flags, *, reason="", parts=()):
    return Operation(2, pointer, (flags,), reason, parts)


def clone(pointer, flags, *, reason="", parts=()):
    return Operation(3, pointer, (flags,), reason, parts)


def enter_cgroups(pointer, slot, count, *, reason="", parts=()):
    return Operation(4, pointer, (slot, count), reason, parts)


def barrier(pointer, which, *, reason="", parts=()):
    return Operation(5, pointer, (which,), reason, parts)


def await_start(pointer, slot, reply, *, reason="", parts=()):
    return Operation(6, pointer, (slot, reply), reason, parts)


def outlive(pointer="", *, reason="", parts=()):
    return Operation(7, pointer, (), reason, parts)


def protect(pointer="", *, reason="", parts=()):
    return Operation(8, pointer, (), reason, parts)


def become_root(pointer="", *, reason="", parts=()):
    return Operation(9, pointer, (), reason, parts)


def open_proc(pointer="", *, reason="", parts=()):
    return Operation(10, pointer, (), reason, parts)


def session(pointer="", *, reason="", parts=()):
    return Operation(11, pointer, (), reason, parts)


def keyring(pointer, description, *, reason="", parts=()):
    return Operation(12, pointer, (description,), reason, parts)


def loopback(pointer="", *, reason="", parts=()):
    return Operation(13, pointer, (), reason, parts)


def hostname(pointer, value, *, reason="", parts=()):
    return Operation(14, pointer, (value,), reason, parts)


def domainname(pointer, value, *, reason="", parts=()):
    return Operation(15, pointer, (value,), reason, parts)


def sysctl(pointer, path, value, *, reason="", parts=()):
    return Operation(16, pointer, (path, value), reason, parts)


def propagation(pointer, flags, *, reason="", parts=()):
    return Operation(17, pointer, (flags,), reason, parts)


def open_root(pointer, path, propagation, *, reason="", parts=()):
    return Operation(18, pointer, (path, propagation), reason, parts)


def current_root(pointer="", *, reason="", parts=()):
    return Operation(19, pointer, (), reason, parts)


def mount(pointer="", *, fstype, source, target, options, attributes=0, flags=0, propagation=0, nofollow=0, cover=0, idmap=0, reason="", parts=()):
    return Operation(20, pointer, (fstype, source, target, options, attributes, flags, propagation, nofollow, cover, idmap), reason, parts)


def bind(pointer="", *, source, target, recursive=0, set=0, clear=0, deep_set=0, deep_clear=0, propagation=0, tree=0, reason="", parts=()):
    return Operation(21, pointer, (source, target, recursive, set, clear, deep_set, deep_clear, propagation, tree), reason, parts)


def remount(pointer="", *, target, options, bind=0, set=0, clear=0, deep_set=0, deep_clear=0, propagation=0, reason="", parts=()):
    return Operation(22, pointer, (target, options, bind, set, clear, deep_set, deep_clear, propagation), reason, parts)


def symlink(pointer="", *, target, path, replace=0, reason="", parts=()):
    return Operation(23, pointer, (target, path, replace), reason, parts)


def device(pointer="", *, path, type, major, minor, mode, uid, gid, bind=0, host, reason="", parts=()):
    return Operation(24, pointer, (path, type, major, minor, mode, uid, gid, bind, host), reason, parts)


def mask(pointer, path, *, reason="", parts=()):
    return Operation(25, pointer, (path,), reason, parts)


def readonly(pointer, path, *, reason="", parts=()):
    return Operation(26, pointer, (path,), reason, parts)


def make_directory(pointer, path, mode, *, reason="", parts=()):
    return Operation(27, pointer, (path, mode), reason, parts)


def root_attributes(pointer, set=0, propagation=0, *, reason="", parts=()):
    return Operation(28, pointer, (set, propagation), reason, parts)


def pivot(pointer, mode, *, reason="", parts=()):
    return Operation(29, pointer, (mode,), reason, parts)


def console(pointer="", *, rows, columns, uid, bind, reason="", parts=()):
    return Operation(30, pointer, (rows, columns, uid, bind), reason, parts)


def own_stdio(pointer, uid, *, reason="", parts=()):
    return Operation(31, pointer, (uid,), reason, parts)


def rlimit(pointer="", *, resource, soft, hard, reason="", parts=()):
    return Operation(32, pointer, (resource, soft, hard), reason, parts)


def affinity(pointer, cpus, *, reason="", parts=()):
    return Operation(33, pointer, (cpus,), reason, parts)


def scheduler(pointer="", *, policy, flags=0, nice=0, priority=0, runtime=0, deadline=0, period=0, reason="", parts=()):
    return Operation(34, pointer, (policy, flags, nice, priority, runtime, deadline, period), reason, parts)


def io_priority(pointer, priority, *, reason="", parts=()):
    return Operation(35, pointer, (priority,), reason, parts)


def memory_policy(pointer, mode, nodes, *, reason="", parts=()):
    return Operation(36, pointer, (mode, nodes), reason, parts)


def personality(pointer, persona, *, reason="", parts=()):
    return Operation(37, pointer, (persona,), reason, parts)


def apparmor(pointer, profile, *, reason="", parts=()):
    return Operation(38, pointer, (profile,), reason, parts)


def selinux(pointer, label, *, reason="", parts=()):
    return Operation(39, pointer, (label,), reason, parts)


def keyring_label(pointer, label, *, reason="", parts=()):
    return Operation(40, pointer, (label,), reason, parts)


def chdir(pointer, path, retry=0, *, reason="", parts=()):
    return Operation(41, pointer, (path, retry), reason, parts)


def umask(pointer, mask, *, reason="", parts=()):
    return Operation(42, pointer, (mask,), reason, parts)


def bounding(pointer, capabilities, *, reason="", parts=()):
    return Operation(43, pointer, (capabilities,), reason, parts)


def user(pointer="", *, uid, gid, groups, keep_groups=0, reason="", parts=()):
    return Operation(44, pointer, (uid, gid, groups, keep_groups), reason, parts)


def capabilities(pointer="", *, effective, permitted, inheritable, ambient, reason="", parts=()):
    return Operation(45, pointer, (effective, permitted, inheritable, ambient), reason, parts)


def drop(pointer="", *, effective, permitted, inheritable, reason="", parts=()):
    return Operation(46, pointer, (effective, permitted, inheritable), reason, parts)


def no_new_privileges(pointer="", *, reason="", parts=()):
    return Operation(47, pointer, (), reason, parts)


def seccomp(pointer="", *, filter, flags, notify, reason="", parts=()):
    return Operation(48, pointer, (filter, flags, notify), reason, parts)


def home(pointer, uid, *, reason="", parts=()):
    return Operation(49, pointer, (uid,), reason, parts)


def lookup(pointer, file, path, *, reason="", parts=()):
    return Operation(50, pointer, (file, path), reason, parts)


def hook(pointer="", *, path, args, env, cwd, timeout, state_head, state_tail, reason="", parts=()):
    return Operation(51, pointer, (path, args, env, cwd, timeout, state_head, state_tail), reason, parts)


def exec(pointer, args, env, *, reason="", parts=()):
    return Operation(52, pointer, (args, env), reason, parts)
