"""The operations of hutch-init, and the messages between hutch-init and the runtime.

Generated from native/plan.def and native/wire.def by native/generate.py.

Each function makes one operation. ``pointer`` is the field of config.json that asks for it; if no
field does, it is "" and ``reason`` says why the operation is there. ``parts`` are the pointers of
the elements of ``options``. The types are in operations.pyi.
"""

# ruff: noqa: A001, A002, E501, RUF100
# fmt: off


class Operation(tuple):
    """One operation: its number in plan.def (``code``), its origin (``pointer``, ``reason``,
    ``parts``), and its arguments (``values``). Each argument is also an attribute by its name.

    It is a tuple of these five, which is fast to make and to unpack, and does not change.
    """

    __slots__ = ()

    code = property(lambda self: self[0])
    pointer = property(lambda self: self[1])
    reason = property(lambda self: self[2])
    parts = property(lambda self: self[3])
    values = property(lambda self: self[4])
    name = property(lambda self: NAMES[self[0]])

    @property
    def origin(self):
        """The pointer, or the reason if there is no pointer."""
        return self[1] or self[2]

    def __getattr__(self, name):
        from hutch.plan.fields import ARGUMENTS

        try:
            return self[4][ARGUMENTS[self[0]].index(name)]
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
    "supervise",
    "exec",
)


def trace(pointer, slot, reason=""):
    return Operation((0, pointer, reason, (), (slot,)))


def join(pointer, slot, flags, reason=""):
    return Operation((1, pointer, reason, (), (slot, flags)))


def unshare(pointer, flags, reason=""):
    return Operation((2, pointer, reason, (), (flags,)))


def clone(pointer, flags, reason=""):
    return Operation((3, pointer, reason, (), (flags,)))


def enter_cgroups(pointer, slot, tasks, reason=""):
    return Operation((4, pointer, reason, (), (slot, tasks)))


def barrier(pointer, which, reason=""):
    return Operation((5, pointer, reason, (), (which,)))


def await_start(pointer, slot, reply, reason=""):
    return Operation((6, pointer, reason, (), (slot, reply)))


def outlive(pointer="", reason=""):
    return Operation((7, pointer, reason, (), ()))


def protect(pointer="", reason=""):
    return Operation((8, pointer, reason, (), ()))


def become_root(pointer="", reason=""):
    return Operation((9, pointer, reason, (), ()))


def open_proc(pointer="", reason=""):
    return Operation((10, pointer, reason, (), ()))


def session(pointer="", reason=""):
    return Operation((11, pointer, reason, (), ()))


def keyring(pointer, description, reason=""):
    return Operation((12, pointer, reason, (), (description,)))


def loopback(pointer="", reason=""):
    return Operation((13, pointer, reason, (), ()))


def hostname(pointer, value, reason=""):
    return Operation((14, pointer, reason, (), (value,)))


def domainname(pointer, value, reason=""):
    return Operation((15, pointer, reason, (), (value,)))


def sysctl(pointer, path, value, reason=""):
    return Operation((16, pointer, reason, (), (path, value)))


def propagation(pointer, flags, reason=""):
    return Operation((17, pointer, reason, (), (flags,)))


def open_root(pointer, path, propagation, reason=""):
    return Operation((18, pointer, reason, (), (path, propagation)))


def current_root(pointer="", reason=""):
    return Operation((19, pointer, reason, (), ()))


def mount(pointer, fstype, source, target, options, attributes=0, flags=0, propagation=0, nofollow=0, cover=0, idmap=0, reason="", parts=()):
    return Operation((20, pointer, reason, parts, (fstype, source, target, options, attributes, flags, propagation, nofollow, cover, idmap)))


def bind(pointer, source, target, recursive=0, set=0, clear=0, deep_set=0, deep_clear=0, propagation=0, tree=0, reason=""):
    return Operation((21, pointer, reason, (), (source, target, recursive, set, clear, deep_set, deep_clear, propagation, tree)))


def remount(pointer, target, options, bind=0, set=0, clear=0, deep_set=0, deep_clear=0, propagation=0, reason="", parts=()):
    return Operation((22, pointer, reason, parts, (target, options, bind, set, clear, deep_set, deep_clear, propagation)))


def symlink(pointer, target, path, replace=0, reason=""):
    return Operation((23, pointer, reason, (), (target, path, replace)))


def device(pointer, path, type, major, minor, mode, uid, gid, host, bind=0, reason=""):
    return Operation((24, pointer, reason, (), (path, type, major, minor, mode, uid, gid, host, bind)))


def mask(pointer, path, reason=""):
    return Operation((25, pointer, reason, (), (path,)))


def readonly(pointer, path, reason=""):
    return Operation((26, pointer, reason, (), (path,)))


def make_directory(pointer, path, mode, reason=""):
    return Operation((27, pointer, reason, (), (path, mode)))


def root_attributes(pointer, set=0, propagation=0, reason=""):
    return Operation((28, pointer, reason, (), (set, propagation)))


def pivot(pointer, mode, reason=""):
    return Operation((29, pointer, reason, (), (mode,)))


def console(pointer, rows, columns, uid, bind, reason=""):
    return Operation((30, pointer, reason, (), (rows, columns, uid, bind)))


def own_stdio(pointer, uid, reason=""):
    return Operation((31, pointer, reason, (), (uid,)))


def rlimit(pointer, resource, soft, hard, reason=""):
    return Operation((32, pointer, reason, (), (resource, soft, hard)))


def affinity(pointer, cpus, reason=""):
    return Operation((33, pointer, reason, (), (cpus,)))


def scheduler(pointer, policy, flags=0, nice=0, priority=0, runtime=0, deadline=0, period=0, reason=""):
    return Operation((34, pointer, reason, (), (policy, flags, nice, priority, runtime, deadline, period)))


def io_priority(pointer, priority, reason=""):
    return Operation((35, pointer, reason, (), (priority,)))


def memory_policy(pointer, mode, nodes, reason=""):
    return Operation((36, pointer, reason, (), (mode, nodes)))


def personality(pointer, persona, reason=""):
    return Operation((37, pointer, reason, (), (persona,)))


def apparmor(pointer, profile, reason=""):
    return Operation((38, pointer, reason, (), (profile,)))


def selinux(pointer, label, reason=""):
    return Operation((39, pointer, reason, (), (label,)))


def keyring_label(pointer, label, reason=""):
    return Operation((40, pointer, reason, (), (label,)))


def chdir(pointer, path, retry=0, reason=""):
    return Operation((41, pointer, reason, (), (path, retry)))


def umask(pointer, mask, reason=""):
    return Operation((42, pointer, reason, (), (mask,)))


def bounding(pointer, capabilities, reason=""):
    return Operation((43, pointer, reason, (), (capabilities,)))


def user(pointer, uid, gid, groups, keep_groups=0, reason=""):
    return Operation((44, pointer, reason, (), (uid, gid, groups, keep_groups)))


def capabilities(pointer, effective, permitted, inheritable, ambient, reason=""):
    return Operation((45, pointer, reason, (), (effective, permitted, inheritable, ambient)))


def drop(pointer, effective, permitted, inheritable, reason=""):
    return Operation((46, pointer, reason, (), (effective, permitted, inheritable)))


def no_new_privileges(pointer="", reason=""):
    return Operation((47, pointer, reason, (), ()))


def seccomp(pointer, filter, flags, notify, reason=""):
    return Operation((48, pointer, reason, (), (filter, flags, notify)))


def home(pointer, uid, reason=""):
    return Operation((49, pointer, reason, (), (uid,)))


def lookup(pointer, file, path, reason=""):
    return Operation((50, pointer, reason, (), (file, path)))


def hook(pointer, path, args, env, cwd, timeout, state_head, state_tail, reason=""):
    return Operation((51, pointer, reason, (), (path, args, env, cwd, timeout, state_head, state_tail)))


def supervise(pointer, slot, stay=0, reason=""):
    return Operation((52, pointer, reason, (), (slot, stay)))


def exec(pointer, args, env, reason=""):
    return Operation((53, pointer, reason, (), (args, env)))

# The kinds of messages.
AT = 1
FAIL = 2
FD = 3
PID = 4
LISTENER = 5
ASK = 6
WARN = 7
# The answers.
GO_ON = 0
SEND = 1
# Values of arguments.
COVER_MODE = 1
COVER_OWNER = 2
COVER_CONTENTS = 4
PIVOT_ROOT = 0
PIVOT_MOVE = 1
PIVOT_CHROOT = 2
# A failure, for struct.unpack: message, index, error, part, call, detail.
FAILURE = "<IIii32s216s"
