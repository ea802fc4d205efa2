"""The arguments of operations. Generated from native/plan.def."""

# ruff: noqa: E501, RUF100
# fmt: off

# Their kinds: i number, s string, l list of strings, b bytes.
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
    "siiiiiisi",  # device
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
    "ii",  # supervise
    "ll",  # exec
)

# Their names.
ARGUMENTS: "tuple[tuple[str, ...], ...]" = (
    ("slot",),
    ("slot", "flags"),
    ("flags",),
    ("flags",),
    ("slot", "tasks"),
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
    ("path", "type", "major", "minor", "mode", "uid", "gid", "host", "bind"),
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
    ("slot", "stay"),
    ("args", "env"),
)
