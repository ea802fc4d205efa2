"""What the manual pages say beyond the table: only the generator of the pages reads it.

A paragraph that begins with "$ " is an example of a command, one line a line.
"""

DATE = "2026-11-25"

OVERVIEW = (
    "hutch runs containers as the runtime specification of the Open Container Initiative lays "
    "down: a bundle, a directory with a root file system and config.json, becomes a container. "
    "Its verbs, flags, output and exit codes are those of runc(8), in whose place engines call it.",
    "Global options stand before the verb, the verb's own behind it. A value follows its option as "
    "the next word or after an equals sign.",
)

VERBS = {
    "checkpoint": (
        "Saves all processes of a running or paused container, their memory and what they have "
        "open, to files below --image-path, and deletes the container, unless --leave-running or "
        "--pre-dump is given. criu(8) does the work; its log is dump.log in --work-path.",
        "What is bound into the container from the host is not saved, but found again at the "
        "restore where the config then says. Standard streams that lead to pipes or files of the "
        "caller become those of the caller of restore.",
        "$ hutch checkpoint --image-path /var/tmp/web web",
        "$ hutch checkpoint --pre-dump --image-path one web\n"
        "$ hutch checkpoint --image-path two --parent-path ../one web",
    ),
    "completion": (
        "Prints a script that completes verbs, flags, their values and the ids of containers.",
        "$ source <(hutch completion bash)",
    ),
    "create": (
        "Makes a container from a bundle: its cgroup, namespaces and mounts. Its program does not "
        "run before start(8) of hutch; until then a small init waits in its place.",
        "If NOTIFY_SOCKET is in the environment, the container gets a socket of its own for "
        "sd_notify(3), and start tells the caller's socket when the program is ready.",
        "$ hutch create --bundle /bundles/web --pid-file web.pid web",
    ),
    "delete": (
        "Removes a container that has ended or was never started: its cgroup, and what is kept of "
        "it. With --force one that runs is killed first.",
        "$ hutch delete --force web",
    ),
    "events": (
        "Prints one JSON object a line: statistics of the container's cgroups every --interval, "
        "and at once when the kernel has killed for want of memory. It ends with the container.",
        "$ hutch events --interval 1s web",
    ),
    "exec": (
        "Runs another process in a running container, in its namespaces and cgroups, with the "
        "capabilities, limits and filter of its config, or as a file given by --process says. What "
        "follows the id is the command, with its own options.",
        "The exit code is that of the command, 128 and the signal that ended it, or 255 if it "
        "could not be run.",
        "$ hutch exec --env DEBUG=1 web sh -c 'echo $DEBUG'",
    ),
    "explain": (
        "Compiles the bundle as create would on this host and prints each step: who takes it, from "
        "which field of config.json it comes, what it does, by which kernel calls. Nothing is "
        "done, and no privilege is needed.",
        "$ hutch explain /bundles/web",
    ),
    "features": ("Prints what the runtime knows and can do, as features.md lays down.",),
    "kill": (
        "Sends a signal, by number or by name with or without SIG, to the first process of the "
        "container; 0 only looks whether it is there.",
        "$ hutch kill web HUP",
    ),
    "list": (
        "Lists the containers below --root with the pid of the first process, status, bundle, time "
        "of creation and owner.",
        "$ hutch list --format json",
    ),
    "pause": (
        "Stops all processes of a container, by the freezer of its cgroup, until resume.",
        "$ hutch pause web",
    ),
    "ps": (
        "Lists the processes of a container as ps(1) does, whose options may follow the id "
        "(default: -ef), or their pids on the host as JSON.",
        "$ hutch ps web -e -o pid,args",
    ),
    "restore": (
        "Makes a container again from what checkpoint has saved below --image-path. The bundle "
        "says what it is, as for create: cgroup and limits are made anew, binds come from where "
        "its config says now. criu(8) does the work; its log is restore.log in --work-path.",
        "$ hutch restore --bundle /bundles/web --image-path /var/tmp/web --detach web",
    ),
    "resume": ("Lets the processes of a paused container go on.", "$ hutch resume web"),
    "run": (
        "Does what create and start do, waits for the end of the program, passing signals on, and "
        "deletes the container.",
        "The exit code is that of the program, 128 and the signal that ended it, or 1 if it could "
        "not be run.",
        "$ hutch run --bundle /bundles/web web",
    ),
    "spec": (
        "Writes a config.json for a shell in the directory rootfs beside it, to start from. A file "
        "that is there is never overwritten.",
        "$ mkdir rootfs && hutch spec --bundle .",
    ),
    "start": (
        "Lets the program of a created container run, and returns once it does. A program that the "
        "kernel does not execute is the container's end, with exit code 1 and the reason on its "
        "standard error; start warns of it, and with --strict fails.",
        "$ hutch start web",
    ),
    "state": (
        "Prints the state of a container: its status is creating, created, running, paused or "
        "stopped.",
        "$ hutch state web",
    ),
    "update": (
        "Changes limits of a container in use; values are written in an order that the kernel "
        "takes. With --resources all of them come from a file, and other options are ignored.",
        "$ hutch update --memory 512M --memory-swap 512M web",
        '$ echo \'{"pids":{"limit":100}}\' | hutch update --resources - web',
    ),
}

EXIT_STATUS = (
    "0 if all went well, 1 for an error, 3 for an unknown verb; run and exec end with the code of "
    "what they ran, and exec with 255 for an error of its own."
)
ENVIRONMENT = (
    ("XDG_RUNTIME_DIR", "without root, state is kept in its subdirectory hutch"),
    ("NOTIFY_SOCKET", "create, run, start: where to say that the program is ready (sd_notify(3))"),
    ("LISTEN_FDS, LISTEN_PID", "create, run: sockets for the program (sd_listen_fds(3))"),
)
FILES = (
    ("/run/hutch", "the state of root's containers, unless --root names another directory"),
    ("config.json", "in the bundle: what the container is"),
)
