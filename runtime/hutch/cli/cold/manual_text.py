"""The text of the manual pages that is not in the table of verbs. Only manual.py imports it.

A paragraph that begins with "$ " is an example: one command on each line.
"""

DATE = "2026-11-25"

OVERVIEW = (
    "hutch runs containers according to the runtime specification of the Open Container "
    "Initiative. It makes a container from a bundle, which is a directory with a root file system "
    "and config.json. Its verbs, flags, output and exit codes are those of runc(8), so that "
    "engines can call it instead.",
    "Global options come before the verb, and options of the verb after it. The value of an option "
    "is the next word, or follows an equals sign.",
)

VERBS = {
    "check": (
        "Finds all problems of a bundle at once: what the specification forbids, what this kernel "
        "and host cannot do, and what is probably a mistake, such as a misspelt name. Each finding "
        "has its severity, its line and column in config.json, its field, and what to do. Nothing "
        "is made or changed, and no privilege is needed; what the caller may not see is a note.",
        "An error means that create or start would fail. A warning means that something is "
        "ignored, or has no effect. The exit code is 1 if there is an error, otherwise 0.",
        "With --host it prints what the kernel, the cgroups, the security modules and the programs "
        "of this host allow, and a verdict for each feature of hutch. The exit code is 1 if the "
        "caller cannot run containers here.",
        "$ hutch check /bundles/web",
        "$ hutch check --format sarif bundle > findings.sarif",
        "$ hutch check --host",
    ),
    "checkpoint": (
        "Saves all processes of a running or paused container, with their memory and open files, "
        "to files below --image-path. Then deletes the container, unless --leave-running or "
        "--pre-dump is given. It uses criu(8), whose log is dump.log in --work-path.",
        "Files of the host that are bind-mounted into the container are not saved. restore mounts "
        "them again from the sources that its config names. Standard streams that are pipes or "
        "files of the caller are replaced by those of the caller of restore.",
        "$ hutch checkpoint --image-path /var/tmp/web web",
        "$ hutch checkpoint --pre-dump --image-path one web\n"
        "$ hutch checkpoint --image-path two --parent-path ../one web",
    ),
    "completion": (
        "Prints a script that completes verbs, flags, their values and the ids of containers.",
        "$ source <(hutch completion bash)",
    ),
    "create": (
        "Makes a container from a bundle: its cgroup, namespaces and mounts. Its program is "
        "executed by hutch-start(8); until then a small init waits in its place.",
        "If NOTIFY_SOCKET is in the environment, the container gets a socket of its own for "
        "sd_notify(3). When the program reports there that it is ready, start reports it to the "
        "caller's socket.",
        "$ hutch create --bundle /bundles/web --pid-file web.pid web",
    ),
    "delete": (
        "Removes a container that has ended or was never started: its cgroup and its saved state. "
        "With --force, a container that runs is killed first.",
        "$ hutch delete --force web",
    ),
    "events": (
        "Prints JSON objects, one on each line: the statistics of the container's cgroups at each "
        "--interval, and an event when the kernel has killed a process because memory ran out. It "
        "ends when the container ends.",
        "$ hutch events --interval 1s web",
    ),
    "exec": (
        "Runs another process in a running container, in its namespaces and cgroups. It has the "
        "capabilities, limits and seccomp filter of the container's config, or those in the file "
        "of --process. The words after the id are the command and its own options.",
        "The exit code is that of the command; 128 plus the number of the signal that ended it; or "
        "255 if it could not be run. With --shell-status it is 127 if the command was not found, "
        "and 126 if it could not be run.",
        "$ hutch exec --env DEBUG=1 web sh -c 'echo $DEBUG'",
    ),
    "explain": (
        "Prints each step that create would do for the bundle on this host: which program does it, "
        "the field of config.json that it comes from, what it does, and the kernel calls. Nothing "
        "is changed, and no privilege is needed.",
        "With two arguments it prints what changes from the first to the second: the fields of "
        "config.json that differ, and the steps that only one of them has. Each is the directory "
        "of a bundle, or a container: then it is the config that the container was made with, also "
        "if the file in its bundle has changed since.",
        "With --html it writes a page that shows config.json beside the steps, in the parts of the "
        "work: a field that is pointed at marks its steps, a step its field. The page loads "
        "nothing. With --times it also shows how long each step took.",
        "$ hutch explain /bundles/web",
        "$ hutch --trace web.trace run --bundle /bundles/web web\n"
        "$ hutch explain --html web.html --times web.trace /bundles/web",
        "$ hutch explain web /bundles/web",
    ),
    "features": (
        "Prints the features that the runtime supports, as features.md of the runtime "
        "specification defines. Its annotations hutch.front, hutch.python and hutch.init say what "
        "the runtime is made of, as --version does.",
    ),
    "install-runtime": (
        "Prints, as a unified diff, what an engine must have in its configuration to run "
        "containers with this program. With --write it makes the change. All else in the file "
        "stays, comments too. The file is replaced as a whole, so the engine never reads a half.",
        "The files are daemon.json of Docker; config.toml of containerd, versions 2 and 3, where "
        "the runtime is added to the CRI plugin; a file of containers.conf.d for podman and "
        "buildah; and a file of crio.conf.d for CRI-O. For Kubernetes it prints a RuntimeClass, "
        "whose handler is the name of the runtime in containerd or CRI-O. A kubelet needs nothing "
        "else: it asks the handler for its features, and tells them in the node's status.",
        "Before the first change, a copy of the file is kept beside it (daemon.json.before-hutch), "
        "or beside its folder if this is one like crio.conf.d, of which CRI-O reads every file. "
        "--remove puts the copy back if nothing else has changed the file since. Otherwise it "
        "takes out only what was added.",
        "--check runs a container: with Docker, podman and buildah by the name of the runtime. "
        "Only containerd's CRI plugin knows the names of its runtimes. So for containerd it checks "
        "that containerd reads the entry, and runs a container with the program that is in it.",
        "$ hutch install-runtime docker\n"
        "$ hutch install-runtime docker --write && systemctl reload docker\n"
        "$ hutch install-runtime docker --check\n"
        "$ docker run --runtime hutch IMAGE COMMAND",
        "$ hutch install-runtime podman --default --write --check",
        "$ hutch install-runtime kubernetes | kubectl apply -f -",
        "$ hutch install-runtime docker --remove --write",
    ),
    "kill": (
        "Sends a signal, by number or by name with or without SIG, to the first process of the "
        "container. Signal 0 only checks that this process exists.",
        "$ hutch kill web HUP",
    ),
    "list": (
        "Lists the containers below --root with the pid of the first process, status, bundle, time "
        "of creation and owner.",
        "$ hutch list --format json",
    ),
    "pause": (
        "Freezes all processes of a container, with the freezer of its cgroup, until resume.",
        "$ hutch pause web",
    ),
    "ps": (
        "Lists the processes of a container with ps(1), whose options may follow the id (default: "
        "-ef); or with --format json, their pids on the host.",
        "$ hutch ps web -e -o pid,args",
    ),
    "restore": (
        "Makes a container again from the files that checkpoint has saved below --image-path. The "
        "bundle is used as by create: the cgroup and the limits are new, and bind mounts have the "
        "sources that its config names. It uses criu(8), whose log is restore.log in --work-path.",
        "$ hutch restore --bundle /bundles/web --image-path /var/tmp/web --detach web",
    ),
    "resume": ("Thaws the processes of a paused container.", "$ hutch resume web"),
    "run": (
        "Does the same as create and start, passes signals on to the program, waits for its end, "
        "and deletes the container.",
        "The exit code is that of the program; 128 plus the number of the signal that ended it; or "
        "1 if it could not be run.",
        "With --seccomp-explain, a supervisor answers in place of the kernel for each system call "
        "that linux.seccomp refuses, and says at once, as a warning: the call, its errno, the "
        "process, and the field of the profile that decides. Repetitions are counted. Processes of "
        "hutch-exec(8) are explained too. SCMP_ACT_TRAP and SCMP_ACT_TRACE stay with the kernel "
        "and are not explained. Where the kernel would kill by SIGSYS, the process is killed by "
        "SIGKILL.",
        "$ hutch run --bundle /bundles/web web",
        "$ hutch run --seccomp-explain --bundle /bundles/web web",
    ),
    "seccomp": (
        "record does the same as run, and writes a seccomp profile that allows the system calls "
        "that the container made, and no others. It takes the options of run. Processes of "
        "hutch-exec(8) are recorded too. What the linux.seccomp of the bundle refuses is refused, "
        "and not recorded. If FILE exists, what is new is added to it; what it refuses stays "
        "refused. The profile is written when the last process has ended. With --check the "
        "container runs a second time, under the profile; the exit code is 1 if a call is refused "
        "then.",
        "The arguments of bpf, clone, ioctl, keyctl, personality, prctl, ptrace, setns, socket, "
        "socketpair and unshare are recorded too: namespaces, requests, families and the like. "
        "clone3 fails with ENOSYS, because no filter can read its flags; the C library then calls "
        "clone. Always allowed are read, write, execve and exit_group, which the first process of "
        "the container calls under the filter, and rt_sigreturn and restart_syscall, which the "
        "kernel makes a program call.",
        "show prints what a profile does on this architecture: all of it, or what it does to one "
        "system call, given by name or number. diff prints the calls to which two profiles do "
        "different things; the exit code is 0 if there are none, 1 if there are, 2 for an error. "
        "PROFILE is a file with a linux.seccomp, with a whole config.json, or with a profile in "
        "Docker's format, of which show takes what applies on this host to a container with "
        "Docker's default capabilities.",
        "$ hutch seccomp record -o web.json --bundle /bundles/web web",
        "$ hutch seccomp show web.json socket",
        "$ hutch seccomp diff config.json web.json",
    ),
    "spec": (
        "Writes an example of config.json, which runs a shell in the directory rootfs beside it. "
        "An existing file is not overwritten.",
        "$ mkdir rootfs && hutch spec --bundle .",
    ),
    "start": (
        "Executes the program of a created container, and returns when it runs. If the kernel "
        "refuses to execute the program, the container ends with exit code 1 and writes the reason "
        "to its standard error. start then prints a warning; with --strict it fails.",
        "$ hutch start web",
    ),
    "state": (
        "Prints the state of a container: its status is creating, created, running, paused or "
        "stopped.",
        "$ hutch state web",
    ),
    "top": (
        "Shows the containers below --root that are created, running or paused, or only one: the "
        "share of a CPU, memory without the page cache that can be given back, processes, and what "
        "is read from and written to block devices. All are counted by the cgroups, v1 and v2; a "
        "dash stands for what nothing counts, and for no limit.",
        "On a terminal it stays, and shows containers that come and go. The keys: q ends it; c, m, "
        "p, i and n sort by CPU, memory, processes, I/O and name; a also shows containers that "
        "have ended; arrows and page keys scroll.",
        "Otherwise, and with --count or --format json, it prints the table and ends. What was used "
        "is measured over the interval before a table, so the first one comes after one interval.",
        "$ hutch top",
        "$ hutch top --sort memory -n 5 --interval 10s",
        "$ hutch top --format json web",
    ),
    "update": (
        "Changes limits of a container that exists. The values are written in an order that the "
        "kernel accepts. With --resources, all limits come from a file, and other options are "
        "ignored.",
        "$ hutch update --memory 512M --memory-swap 512M web",
        '$ echo \'{"pids":{"limit":100}}\' | hutch update --resources - web',
    ),
}

EXIT_STATUS = (
    "0 for success, 1 for an error, 3 for an unknown verb. run and exec end with the exit code of "
    "the program that they ran; exec ends with 255 for an error of its own."
)
ENVIRONMENT = (
    ("XDG_RUNTIME_DIR", "without root: the directory whose subdirectory hutch has the state"),
    (
        "NOTIFY_SOCKET",
        "create, run, start: the socket to report to that the program is ready (sd_notify(3))",
    ),
    ("LISTEN_FDS, LISTEN_PID", "create, run: sockets for the program (sd_listen_fds(3))"),
)
FILES = (
    ("/run/hutch", "the state of root's containers, unless --root names another directory"),
    ("config.json", "in the bundle: the configuration of the container"),
)
