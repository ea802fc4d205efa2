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
        "the directory of the containers' state (default: /run/hutch; without root: "
        "$XDG_RUNTIME_DIR/hutch)",
    ),
    ("log", "", "FILE", "append errors and warnings to this file"),
    (
        "log-format",
        "",
        "FORMAT",
        "the format of the log: text, or json, which has document, pointer, value, call, errno and "
        "hint of an error in separate fields",
    ),
    ("debug", "", "", "log each step too"),
    ("trace", "", "FILE", "write the time of each step to this file, as trace events"),
    ("systemd-cgroup", "", "", "use systemd for cgroups"),
    ("rootless", "", "true|false|auto", "do not use cgroups that the caller may not change"),
    ("strict", "", "", "follow the specification where runc does not"),
    ("help", "h", "", "show help"),
    ("version", "v", "", "print the version"),
)

BUNDLE = ("bundle", "b", "DIR", "the bundle: config.json and the root file system (default: .)")
CONSOLE = ("console-socket", "", "SOCKET", "send the terminal's master over this unix socket")
PID_FILE = ("pid-file", "", "FILE", "write the process's pid to this file")
PIDFD = ("pidfd-socket", "", "SOCKET", "send a pidfd of the process over this unix socket")
PRESERVE = ("preserve-fds", "", "N", "pass the N file descriptors from 3 on to the container")
KEYRING = ("no-new-keyring", "", "", "keep the caller's session keyring")
PIVOT = ("no-pivot", "", "", "use MS_MOVE and chroot instead of pivot_root: weaker, for a ramdisk")
FORMAT = ("format", "f", "FORMAT", "the output format: table or json")
DETACH = ("detach", "d", "", "do not wait for its end")
SUBREAPER = ("no-subreaper", "", "", "leave orphans of the container to the host's init")

IMAGES = ("image-path", "", "DIR", "the directory of the checkpoint's files (default: checkpoint)")
WORK = (
    "work-path",
    "",
    "DIR",
    "the directory of CRIU's log and work files (default: --image-path)",
)
CRIU = (
    ("tcp-established", "", "", "allow established TCP connections"),
    ("ext-unix-sk", "", "", "allow unix sockets whose peer is outside of the container"),
    ("shell-job", "", "", "allow a terminal and a session that belong to the caller"),
    ("lazy-pages", "", "", "transfer memory only when the restored container uses it"),
    ("file-locks", "", "", "allow file locks"),
    ("manage-cgroups-mode", "", "MODE", "soft, full, strict or ignore (default: soft)"),
    ("empty-ns", "", "NAMESPACE...", "do not save or restore the content of a namespace: network"),
    ("auto-dedup", "", "", "remove memory from a parent checkpoint that a later one has too"),
    ("link-remap", "", "", "allow open files that have no name any more"),
)

VERBS = {
    "check": (
        "find all problems of a bundle, or what this host can do, and change nothing",
        "[BUNDLE]",
        0,
        1,
        (
            ("format", "", "text|json|sarif", "the output format (default: text)"),
            BUNDLE,
            ("host", "", "", "check this host instead of a bundle: text or json"),
        ),
    ),
    "checkpoint": (
        "save a running container to files, through CRIU",
        "CONTAINER",
        1,
        1,
        (
            IMAGES,
            WORK,
            ("parent-path", "", "DIR", "the pre-dump before this one, relative to --image-path"),
            ("leave-running", "", "", "do not end and delete the container"),
            *CRIU,
            ("tcp-skip-in-flight", "", "", "leave out TCP connections that are being established"),
            ("status-fd", "", "FD", "write a NUL byte to it when lazy pages can be fetched"),
            ("page-server", "", "ADDRESS:PORT", "send memory to a page server"),
            ("pre-dump", "", "", "save only memory, so that the later checkpoint is shorter"),
        ),
    ),
    "completion": ("print the completion script of a shell", "bash|zsh|fish", 1, 1, ()),
    "create": (
        "make a container from a bundle, without running its program yet",
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
        (("force", "f", "", "kill it first if it runs; an unknown container is no error"),),
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
            DETACH,
            PID_FILE,
            PIDFD,
            ("process-label", "", "LABEL", "the SELinux label"),
            ("apparmor", "", "PROFILE", "the AppArmor profile"),
            ("no-new-privs", "", "", "set no_new_privs: it cannot gain privileges by execve"),
            ("cap", "c", "CAPABILITY...", "add a capability"),
            PRESERVE,
            ("cgroup", "", "PATH...", "run it in a cgroup below the container's"),
            ("ignore-paused", "", "", "allow a paused container; the process runs after resume"),
            ("shell-status", "", "", "exit with 127 if it is not found, 126 if it cannot be run"),
        ),
    ),
    "explain": (
        "print the steps of create, without doing them; compare two bundles",
        "[BUNDLE|CONTAINER [BUNDLE|CONTAINER]]",
        0,
        2,
        (
            FORMAT,
            ("html", "", "FILE", "write a page: config.json beside the steps; - is stdout"),
            ("times", "", "FILE", "show in the page the times of a --trace of create or run"),
            ("id", "", "CONTAINER", "the id of the container (default: explained)"),
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
    "install-runtime": (
        "make this program a runtime of an engine",
        "docker|containerd|podman|buildah|crio|kubernetes",
        1,
        1,
        (
            ("write", "w", "", "make the change; otherwise it is printed"),
            ("remove", "", "", "take the runtime out again"),
            ("check", "", "", "run a container with the engine and the runtime"),
            ("default", "", "", "use it for containers that ask for no runtime"),
            ("config", "", "FILE", "the configuration file (default: the engine's own)"),
            ("name", "", "NAME", "the name of the runtime (default: hutch)"),
            ("program", "", "FILE", "the program (default: this one)"),
        ),
    ),
    "kill": (
        "send a signal to a container (default: TERM)",
        "CONTAINER [SIGNAL]",
        1,
        2,
        (("all", "a", "", "send it to all processes of the container"),),
    ),
    "list": (
        "list the containers",
        "",
        0,
        0,
        (FORMAT, ("quiet", "q", "", "print only the ids")),
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
            DETACH,
            PID_FILE,
            SUBREAPER,
            PIVOT,
            IMAGES,
            WORK,
            *CRIU,
            ("lsm-profile", "", "TYPE:NAME", "use another profile: apparmor:NAME, selinux:LABEL"),
            ("lsm-mount-context", "", "CONTEXT", "use another SELinux context for mounts"),
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
            DETACH,
            ("keep", "", "", "do not delete the container at its end"),
            SUBREAPER,
            PID_FILE,
            PIDFD,
            PIVOT,
            KEYRING,
            PRESERVE,
            (
                "seccomp-explain",
                "",
                "",
                "say of each system call that linux.seccomp refuses which rule does it",
            ),
        ),
    ),
    "seccomp": (
        "learn a seccomp profile from a container; show or compare profiles",
        "record CONTAINER | show PROFILE [CALL] | diff PROFILE PROFILE",
        2,
        3,
        (
            ("output", "o", "FILE", "record: the profile to write; an existing one is extended"),
            ("check", "", "", "record: run it again under the profile, and say what is refused"),
            BUNDLE,
            CONSOLE,
            DETACH,
            SUBREAPER,
            PID_FILE,
            PIDFD,
            PIVOT,
            KEYRING,
            PRESERVE,
            ("format", "f", "text|json", "show, diff: the output format (default: text)"),
        ),
    ),
    "spec": (
        "write a config.json to start from",
        "",
        0,
        0,
        (
            ("bundle", "b", "DIR", "the directory to write it to (default: .)"),
            ("rootless", "", "", "write it for a caller without root"),
        ),
    ),
    "start": ("let a created container run its program", "CONTAINER", 1, 1, ()),
    "state": ("print the state of a container, as JSON", "CONTAINER", 1, 1, ()),
    "top": (
        "show what the containers use, again and again",
        "[CONTAINER]",
        0,
        1,
        (
            ("all", "a", "", "also those that have ended"),
            ("count", "n", "N", "print the table N times and end (default: 1, if not a terminal)"),
            ("interval", "", "DURATION", "the time between two looks (default: 1s)"),
            ("sort", "", "cpu|memory|pids|io|id", "the order (default: cpu)"),
            FORMAT,
        ),
    ),
    "update": (
        "change limits of a container; limits that are not given stay",
        "CONTAINER",
        1,
        1,
        (
            (
                "resources",
                "r",
                "FILE",
                "read all limits from linux.resources in a file; - is stdin",
            ),
            ("blkio-weight", "", "WEIGHT", "share of block I/O, 10 to 1000"),
            ("cpu-burst", "", "US", "unused CPU time that may be used above the quota later"),
            ("cpu-idle", "", "0|1", "1: run only when no other process needs the CPU"),
            ("cpu-period", "", "US", "the period of --cpu-quota"),
            ("cpu-quota", "", "US", "CPU time in each period; -1: no limit"),
            ("cpu-rt-period", "", "US", "the period of --cpu-rt-runtime (cgroup v1)"),
            ("cpu-rt-runtime", "", "US", "real-time CPU time in each period (cgroup v1)"),
            ("cpu-share", "", "SHARES", "share of CPU time, relative to others, 2 to 262144"),
            ("cpuset-cpus", "", "LIST", "the CPUs to use, such as 0-3,7"),
            ("cpuset-mems", "", "LIST", "the memory nodes to use, such as 0-1"),
            ("l3-cache-schema", "", "LINE", "share of L3 cache, a line of resctrl: L3:0=ff"),
            ("mem-bw-schema", "", "LINE", "share of memory bandwidth, a line of resctrl: MB:0=50"),
            ("memory", "", "SIZE", "memory: bytes, 64M, 1.5G; -1: no limit"),
            ("memory-reservation", "", "SIZE", "memory that it keeps when the host has little"),
            ("memory-swap", "", "SIZE", "memory and swap together; -1: no limit"),
            ("pids-limit", "", "COUNT", "processes and threads; -1: no limit"),
        ),
    ),
}
