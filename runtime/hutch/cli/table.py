"""hutch's verbs and flags: plain constants, so that importing them costs next to nothing.

A flag is (name, short name, placeholder, help text). A flag without a placeholder is a switch; one
whose placeholder ends in "..." may be given several times. A verb is (help text, arguments, their
minimum and maximum number, flags); the maximum -1 means that everything after the first argument
belongs to the command that the verb runs.
"""

GLOBAL = (
    (
        "root",
        "",
        "DIR",
        "the directory of the containers' state (default: /run/hutch, of other users than root "
        "$XDG_RUNTIME_DIR/hutch)",
    ),
    ("log", "", "FILE", "append errors and warnings to this file"),
    (
        "log-format",
        "",
        "FORMAT",
        "how they are written: text, or json with document, pointer, value, call, errno and hint "
        "of an error apart",
    ),
    ("debug", "", "", "tell each step as well"),
    ("trace", "", "FILE", "write the time of each step to this file, as trace events"),
    ("systemd-cgroup", "", "", "use systemd for cgroups"),
    ("rootless", "", "true|false|auto", "do without cgroups that the caller may not use"),
    ("strict", "", "", "do what the specification says where runc does otherwise"),
    ("help", "h", "", "show help"),
    ("version", "v", "", "print the version"),
)

BUNDLE = ("bundle", "b", "DIR", "the bundle: config.json and the root file system (default: .)")
CONSOLE = ("console-socket", "", "SOCKET", "send the terminal's master over this unix socket")
PID_FILE = ("pid-file", "", "FILE", "write the process's pid to this file")
PIDFD = ("pidfd-socket", "", "SOCKET", "send a pidfd of the process over this unix socket")
PRESERVE = ("preserve-fds", "", "N", "pass N descriptors from 3 on to the container")
KEYRING = ("no-new-keyring", "", "", "keep the caller's session keyring")
PIVOT = ("no-pivot", "", "", "change the root by MS_MOVE and chroot: weaker, for a ramdisk")
FORMAT = ("format", "f", "FORMAT", "table or json")

IMAGES = ("image-path", "", "DIR", "where the images are (default: checkpoint)")
WORK = ("work-path", "", "DIR", "where CRIU works and logs (default: that of the images)")
CRIU = (
    ("tcp-established", "", "", "with established TCP connections"),
    ("ext-unix-sk", "", "", "with unix sockets that are connected to the outside"),
    ("shell-job", "", "", "with a terminal and session of the caller's"),
    ("lazy-pages", "", "", "memory is fetched when it is needed, not before"),
    ("file-locks", "", "", "with file locks"),
    ("manage-cgroups-mode", "", "MODE", "soft, full, strict or ignore (default: soft)"),
    ("empty-ns", "", "NAMESPACE...", "leave the content of a namespace out: network"),
    ("auto-dedup", "", "", "remove from the parent's images what later ones have"),
    ("link-remap", "", "", "with files that are open but have no name any more"),
)

VERBS = {
    "checkpoint": (
        "save a running container to files, through CRIU",
        "CONTAINER",
        1,
        1,
        (
            IMAGES,
            WORK,
            ("parent-path", "", "DIR", "the images before these, counted from --image-path"),
            ("leave-running", "", "", "do not end and delete the container"),
            *CRIU,
            ("tcp-skip-in-flight", "", "", "without TCP connections that are being made"),
            ("status-fd", "", "FD", "gets a NUL byte when lazy pages can be had"),
            ("page-server", "", "ADDRESS:PORT", "send memory to a page server"),
            ("pre-dump", "", "", "save memory only, for less to be left to the checkpoint"),
        ),
    ),
    "completion": ("print the completion script of a shell", "bash|zsh|fish", 1, 1, ()),
    "create": (
        "make a container from a bundle, up to its program",
        "CONTAINER",
        1,
        1,
        (BUNDLE, CONSOLE, PID_FILE, PIDFD, PIVOT, KEYRING, PRESERVE),
    ),
    "delete": (
        "remove a stopped container",
        "CONTAINER",
        1,
        1,
        (("force", "f", "", "kill it first; an unknown container is no error"),),
    ),
    "events": (
        "print what a container uses and when it runs out of memory, as lines of JSON",
        "CONTAINER",
        1,
        1,
        (
            ("interval", "", "DURATION", "the time between statistics (default: 5s)"),
            ("stats", "", "", "print the statistics once and end"),
        ),
    ),
    "exec": (
        "run another process in a container",
        "CONTAINER COMMAND [ARGUMENT...]",
        1,
        -1,
        (
            CONSOLE,
            ("cwd", "", "DIR", "the working directory in the container"),
            ("env", "e", "NAME=VALUE...", "add a variable to the environment"),
            ("tty", "t", "", "give it a terminal"),
            ("user", "u", "UID[:GID]", "the user to run as"),
            ("additional-gids", "g", "GID...", "add a supplementary group"),
            ("process", "p", "FILE", "read the process from a file, as in config.json"),
            ("detach", "d", "", "do not wait for its end"),
            PID_FILE,
            PIDFD,
            ("process-label", "", "LABEL", "the SELinux label"),
            ("apparmor", "", "PROFILE", "the AppArmor profile"),
            ("no-new-privs", "", "", "it cannot gain privileges"),
            ("cap", "c", "CAPABILITY...", "add a capability"),
            PRESERVE,
            ("cgroup", "", "PATH...", "run it in a cgroup below the container's"),
            ("ignore-paused", "", "", "also in a paused container"),
        ),
    ),
    "explain": (
        "print what would be done for a bundle, in order, and do nothing",
        "[BUNDLE]",
        0,
        1,
        (
            ("format", "f", "FORMAT", "table or json"),
            ("id", "", "CONTAINER", "as if it were created under this id (default: explained)"),
            BUNDLE,
            CONSOLE,
            PID_FILE,
            PIDFD,
            PIVOT,
            KEYRING,
            PRESERVE,
        ),
    ),
    "features": ("print what this runtime can do, as JSON", "", 0, 0, ()),
    "kill": (
        "send a signal to a container (default: TERM)",
        "CONTAINER [SIGNAL]",
        1,
        2,
        (("all", "a", "", "to all of its processes"),),
    ),
    "list": (
        "list the containers",
        "",
        0,
        0,
        (FORMAT, ("quiet", "q", "", "only the ids")),
    ),
    "pause": ("freeze all processes of a container", "CONTAINER", 1, 1, ()),
    "ps": (
        "list the processes of a container",
        "CONTAINER [PS-OPTION...]",
        1,
        -1,
        (FORMAT,),
    ),
    "restore": (
        "make a container again from a checkpoint, through CRIU",
        "CONTAINER",
        1,
        1,
        (
            BUNDLE,
            CONSOLE,
            ("detach", "d", "", "do not wait for its end"),
            PID_FILE,
            ("no-subreaper", "", "", "leave orphans of the container to the host's init"),
            PIVOT,
            IMAGES,
            WORK,
            *CRIU,
            ("lsm-profile", "", "TYPE:NAME", "another LSM profile: apparmor:NAME, selinux:LABEL"),
            ("lsm-mount-context", "", "CONTEXT", "another SELinux context for mounts"),
        ),
    ),
    "resume": ("thaw a paused container", "CONTAINER", 1, 1, ()),
    "run": (
        "create and start a container, and wait for its end",
        "CONTAINER",
        1,
        1,
        (
            BUNDLE,
            CONSOLE,
            ("detach", "d", "", "do not wait for its end"),
            ("keep", "", "", "do not delete it at its end"),
            ("no-subreaper", "", "", "leave orphans of the container to the host's init"),
            PID_FILE,
            PIDFD,
            PIVOT,
            KEYRING,
            PRESERVE,
        ),
    ),
    "spec": (
        "write a config.json to start from",
        "",
        0,
        0,
        (
            ("bundle", "b", "DIR", "the directory to write it to (default: .)"),
            ("rootless", "", "", "for a caller without root"),
        ),
    ),
    "start": ("let a created container run its program", "CONTAINER", 1, 1, ()),
    "state": ("print the state of a container, as JSON", "CONTAINER", 1, 1, ()),
    "update": (
        "change the limits of a container; what is not given stays",
        "CONTAINER",
        1,
        1,
        (
            ("resources", "r", "FILE", "all limits from a file as linux.resources; - is stdin"),
            ("blkio-weight", "", "WEIGHT", "share of block I/O, 10 to 1000"),
            ("cpu-burst", "", "US", "time that may be saved up beyond the quota"),
            ("cpu-idle", "", "0|1", "1: run only when nobody else wants to"),
            ("cpu-period", "", "US", "the period that the quota counts in"),
            ("cpu-quota", "", "US", "CPU time a period; -1: no limit"),
            ("cpu-rt-period", "", "US", "the period that the real-time runtime counts in (v1)"),
            ("cpu-rt-runtime", "", "US", "real-time CPU time a period (v1)"),
            ("cpu-share", "", "SHARES", "share of CPU time against others, 2 to 262144"),
            ("cpuset-cpus", "", "LIST", "the CPUs to use: 0-3,7"),
            ("cpuset-mems", "", "LIST", "the memory nodes to use"),
            ("l3-cache-schema", "", "LINE", "the share of L3 cache, as resctrl has it: L3:0=ff"),
            ("mem-bw-schema", "", "LINE", "the share of memory bandwidth, as resctrl: MB:0=50"),
            ("memory", "", "SIZE", "memory: bytes, 64M, 1.5G; -1: no limit"),
            ("memory-reservation", "", "SIZE", "memory that is kept when the host lacks some"),
            ("memory-swap", "", "SIZE", "memory and swap together; -1: no limit"),
            ("pids-limit", "", "COUNT", "processes and threads; -1: no limit"),
        ),
    ),
}
