"""The options of ``warren run`` and ``create``: declared as Docker has them, and what they mean."""

import os
from argparse import ArgumentParser, Namespace, _ActionsContainer

from hutch.cli.warren.network_flags import network_options
from hutch.engine.containers import words
from hutch.engine.containers.options import Options
from hutch.engine.containers.security_words import security_option
from hutch.errors import HostError, UsageError, shown

# flag(s), what it takes ("" for a switch, "..." after it where it may be repeated), help
FLAGS: list[tuple[str, str, str]] = [
    ("--add-host", "HOST:IP...", "a line of /etc/hosts"),
    ("--annotation", "KEY=VALUE...", "an annotation of config.json"),
    ("--blkio-weight", "N", "share of block I/O, 10 to 1000"),
    ("--cap-add", "CAPABILITY...", "give a capability; ALL gives all"),
    ("--cap-drop", "CAPABILITY...", "remove a capability; ALL removes all"),
    ("--cgroup-parent", "PATH", "the cgroup above the container's"),
    ("--cgroupns", "host|private", "its cgroup namespace"),
    ("--cidfile", "FILE", "write the container's id to this file"),
    ("--cpu-period", "N", "CFS period, in microseconds"),
    ("--cpu-quota", "N", "CFS quota, in microseconds"),
    ("-c, --cpu-shares", "N", "CPU shares, relative to 1024"),
    ("--cpus", "N", "how many CPUs it may use, as in 1.5"),
    ("--cpuset-cpus", "LIST", "the CPUs it may run on, as in 0-2,4"),
    ("--cpuset-mems", "LIST", "the memory nodes it may use"),
    ("--detach-keys", "KEYS", "the keys that leave it without ending it (ctrl-p,ctrl-q)"),
    ("--device", "DEVICE...", "a device of the host: PATH[:TARGET][:rwm]"),
    ("--device-cgroup-rule", "RULE...", "a rule for devices, as in 'c 1:3 rwm'"),
    ("--device-read-bps", "DEVICE:RATE...", "limit of bytes read from a device, per second"),
    ("--device-read-iops", "DEVICE:N...", "limit of reads from a device, per second"),
    ("--device-write-bps", "DEVICE:RATE...", "limit of bytes written to a device, per second"),
    ("--device-write-iops", "DEVICE:N...", "limit of writes to a device, per second"),
    ("--dns", "ADDRESS...", "a nameserver"),
    ("--dns-option, --dns-opt", "OPTION...", "an option of resolv.conf"),
    ("--dns-search", "DOMAIN...", "a search domain; . for none"),
    ("--domainname", "NAME", "the NIS domain name"),
    ("--entrypoint", "PROGRAM", "the entrypoint, instead of the image's; empty for none"),
    ("-e, --env", "NAME[=VALUE]...", "a variable of the environment"),
    ("--env-file", "FILE...", "variables from a file"),
    ("--expose", "PORT...", "declare that a port can be published"),
    ("--gidmap", "MAPPING...", "ids of groups: CONTAINER:HOST:SIZE; also for users"),
    ("--gpus", "WHICH", "not supported"),
    ("--group-add", "GROUP...", "a supplementary group"),
    ("--health-cmd", "COMMAND", "a shell command that exits with 0 if all is well"),
    ("--health-interval", "TIME", "time between two checks (30s)"),
    ("--health-retries", "N", "number of consecutive failures that make it unhealthy (3)"),
    ("--health-start-interval", "TIME", "time between two checks in the start period (5s)"),
    ("--health-start-period", "TIME", "time after its start in which failures do not count (0s)"),
    ("--health-timeout", "TIME", "time after which a check has failed (30s)"),
    ("-h, --hostname", "NAME", "its host name"),
    ("--init", "", "run a small init: it reaps zombies and passes signals on"),
    ("-i, --interactive", "", "keep its input open"),
    ("--init-ctr", "once|always", "create only: it runs to its end whenever its pod starts"),
    ("--ip", "ADDRESS", "its IPv4 address in its network"),
    ("--ip6", "ADDRESS", "its IPv6 address in its network"),
    ("--ipc", "MODE", "private, shareable, none, host or container:NAME"),
    ("-l, --label", "KEY=VALUE...", "a label"),
    ("--label-file", "FILE...", "labels from a file"),
    ("--log-driver", "DRIVER", "k8s-file (also by the name json-file), journald or none"),
    ("--log-opt", "KEY=VALUE...", "max-size=SIZE of a file, max-file=N files; of journald tag="),
    ("--mac-address", "ADDRESS", "the MAC address of its interface"),
    ("-m, --memory", "SIZE", "limit of its memory"),
    ("--memory-reservation", "SIZE", "memory that it keeps if the host has little"),
    ("--memory-swap", "SIZE", "limit of memory and swap together; -1 for no limit"),
    ("--memory-swappiness", "N", "tendency to swap its memory, 0 to 100"),
    ("--mount", "MOUNT...", "type=bind|volume|tmpfs|image with its options, by commas"),
    ("--name", "NAME", "its name"),
    ("--network, --net", "NETWORK...", "bridge, another network, none, host, container:NAME"),
    ("--network-alias, --net-alias", "NAME...", "another name of it in its network"),
    ("--no-healthcheck", "", "do not check its health"),
    ("--oom-kill-disable", "", "do not kill it at its limit of memory (cgroup v1)"),
    ("--oom-score-adj", "N", "score for the OOM killer, -1000 to 1000"),
    ("--pid", "MODE", "host or container:NAME"),
    ("--pids-limit", "N", "limit of processes and threads; -1 for no limit"),
    ("--pod", "POD", "make it a container of this pod; new:NAME makes the pod, too"),
    ("--privileged", "", "all capabilities and devices, no filters"),
    ("-p, --publish", "[[IP:]PORT:]PORT[/PROTOCOL]...", "publish a port at a port of the host"),
    ("-P, --publish-all", "", "publish all exposed ports at free ports of the host"),
    ("--read-only", "", "make its root file system read-only"),
    ("--restart", "POLICY", "no, on-failure[:N], always, unless-stopped"),
    ("--rm", "", "remove it, and its anonymous volumes, when it ends"),
    ("--runtime", "PROGRAM", "the OCI runtime, instead of hutch"),
    ("--security-opt", "OPTION...", "seccomp=, apparmor=, label=, no-new-privileges, (un)mask="),
    ("--shm-size", "SIZE", "the size of /dev/shm (64m)"),
    ("--stop-signal", "SIGNAL", "the signal that stop sends first"),
    ("--stop-timeout", "SECONDS", "seconds that stop waits before SIGKILL (10)"),
    ("--sysctl", "NAME=VALUE...", "a kernel parameter of its namespaces"),
    ("--tmpfs", "TARGET[:OPTIONS]...", "mount a tmpfs"),
    ("-t, --tty", "", "give it a terminal"),
    ("--ulimit", "NAME=SOFT[:HARD]...", "a limit of its processes"),
    ("-u, --user", "USER[:GROUP]", "the user of its program"),
    ("--uidmap", "MAPPING...", "ids of users: CONTAINER:HOST:SIZE; also for groups"),
    ("--userns", "host|container:NAME", "no user namespace, or another container's"),
    ("--uts", "host", "the host's name"),
    ("-v, --volume", "[SOURCE:]TARGET[:OPTIONS]...", "a volume, or a path of the host"),
    ("--volumes-from", "CONTAINER[:ro]...", "another container's volumes"),
    ("-w, --workdir", "DIR", "its working directory"),
]  # fmt: skip


# What the flags are about: the headings of help.
HEADINGS = {
    "The program": """--annotation --entrypoint --env --env-file --group-add --init --interactive
        --label --label-file --name --stop-signal --stop-timeout --tty --user --workdir""",
    "Its life": """--cidfile --detach-keys --init-ctr --pod --restart --rm --runtime
        --log-driver --log-opt --health-cmd --health-interval --health-retries
        --health-start-interval --health-start-period --health-timeout --no-healthcheck""",
    "Files": "--mount --read-only --shm-size --tmpfs --volume --volumes-from",
    "Network": """--add-host --dns --dns-option --dns-search --domainname --expose --hostname
        --ip --ip6 --mac-address --network --network-alias --publish --publish-all""",
    "Limits": """--blkio-weight --cgroup-parent --cpu-period --cpu-quota --cpu-shares --cpus
        --cpuset-cpus --cpuset-mems --device-read-bps --device-read-iops --device-write-bps
        --device-write-iops --memory --memory-reservation --memory-swap --memory-swappiness
        --oom-kill-disable --oom-score-adj --pids-limit --ulimit""",
    "What it may do": """--cap-add --cap-drop --cgroupns --device --device-cgroup-rule --gpus
        --gidmap --ipc --pid --privileged --security-opt --sysctl --uidmap --userns --uts""",
}


def long_name(names: str) -> str:
    """The long one of a flag's names."""
    return next(name for name in names.split(", ") if name.startswith("--"))


def declare_flags(parser: ArgumentParser) -> None:
    """Adds every flag of FLAGS, each below its heading."""
    rows = {long_name(row[0]): row for row in FLAGS}
    for heading, flags in HEADINGS.items():
        group = parser.add_argument_group(heading)
        for flag in flags.split():
            declare_row(group, *rows.pop(flag))
    for row in rows.values():
        declare_row(parser, *row)


def declare_some(parser: ArgumentParser, wanted: list[str]) -> None:
    """Adds these of FLAGS, by their long names."""
    for row in FLAGS:
        if long_name(row[0]) in wanted:
            declare_row(parser, *row)


def declare_row(parser: _ActionsContainer, names: str, takes: str, summary: str) -> None:
    """Adds one flag."""
    options = names.split(", ")
    if not takes:
        parser.add_argument(*options, action="store_true", help=summary)
    elif takes.endswith("..."):
        metavar = takes.removesuffix("...")
        parser.add_argument(*options, action="append", default=[], metavar=metavar, help=summary)
    else:
        parser.add_argument(*options, default=None, metavar=takes, help=summary)


def number(arguments: Namespace, name: str, kind: type = int) -> "int | float | None":
    """The value of a numeric flag; None if it was not given. Raises UsageError."""
    text = getattr(arguments, name)
    if text is None:
        return None
    try:
        value: int | float = kind(text)
    except ValueError:
        raise UsageError(f"--{name.replace('_', '-')} {shown(text)} is not a number") from None
    return value


def whole(arguments: Namespace, name: str) -> int:
    """The value of a flag that is an integer; 0 if it was not given."""
    return int(number(arguments, name) or 0)


def sized(arguments: Namespace, name: str) -> int:
    """The value of a flag that is a size, in bytes; 0 if it was not given."""
    text = getattr(arguments, name)
    return words.size(text, "--" + name.replace("_", "-")) if text is not None else 0


def options_from(arguments: Namespace) -> Options:
    """What the flags ask for. Raises UsageError, HostError."""
    if arguments.gpus is not None:
        raise HostError(
            "--gpus: there is no support for graphics processors",
            hint="give the device with --device",
        )
    options = Options()
    options.image, options.command = arguments.image, list(arguments.command)
    _process(arguments, options)
    _spaces(arguments, options)
    _mounts(arguments, options)
    _resources(arguments, options)
    _security(arguments, options)
    words.logging(options, arguments.log_driver or "", words.pairs(arguments.log_opt, "--log-opt"))
    _health(arguments, options)
    options.auto_remove = arguments.rm
    if arguments.restart is not None:
        options.restart, options.restart_limit = words.restart(arguments.restart)
        if options.auto_remove and options.restart != "no":
            raise UsageError("conflicting options: --restart and --rm")
    options.runtime = arguments.runtime or ""
    return options


def _process(arguments: Namespace, options: Options) -> None:
    options.tty, options.interactive = arguments.tty, arguments.interactive
    if arguments.entrypoint is not None:
        options.entrypoint = [arguments.entrypoint] if arguments.entrypoint else []
    own = dict(os.environ)
    for path in arguments.env_file:
        lines = words.lines_of(path, "--env-file")
        options.env += words.variables(lines, own, "--env-file")
    options.env += words.variables(arguments.env, own, "-e")
    labels = [
        line for path in arguments.label_file for line in words.lines_of(path, "--label-file")
    ]
    options.labels = words.pairs(labels + arguments.label, "--label")
    options.annotations = words.pairs(arguments.annotation, "--annotation")
    options.user, options.group_add = arguments.user, arguments.group_add
    if arguments.workdir is not None:
        if not arguments.workdir.startswith("/"):
            raise UsageError(f"--workdir {shown(arguments.workdir)}: it must be an absolute path")
        options.workdir = arguments.workdir
    options.init = arguments.init
    options.stop_signal = arguments.stop_signal
    if arguments.stop_signal is not None:
        from hutch.spec.signal_names import signal_number

        signal_number(arguments.stop_signal)
    if arguments.stop_timeout is not None:
        options.stop_timeout = whole(arguments, "stop_timeout")
    options.ulimits = [words.ulimit(text) for text in arguments.ulimit]
    options.expose = arguments.expose


def _spaces(arguments: Namespace, options: Options) -> None:
    options.hostname, options.domainname = arguments.hostname or "", arguments.domainname or ""
    network_options(arguments, options)
    if options.hostname and options.network.startswith("container:"):
        raise UsageError("conflicting options: hostname and the network mode")
    options.dns, options.dns_search = arguments.dns, arguments.dns_search
    options.dns_option, options.add_host = arguments.dns_option, arguments.add_host
    for flag, value, known in (
        ("pid", arguments.pid, ("host", "container:", "")),
        ("ipc", arguments.ipc, ("private", "shareable", "none", "host", "container:", "")),
        ("uts", arguments.uts, ("host", "")),
        ("cgroupns", arguments.cgroupns, ("host", "private", "")),
        ("userns", arguments.userns, ("host", "container:", "")),
    ):
        text = value or ""
        if text not in known and not ("container:" in known and text.startswith("container:")):
            raise UsageError(f"--{flag}: there is no mode {shown(text)}")
        setattr(options, flag + "_mode", text)
    if arguments.uidmap or arguments.gidmap:
        from hutch.engine.containers.id_maps import parse

        options.uid_map = [parse(text, "--uidmap") for text in arguments.uidmap]
        options.gid_map = [parse(text, "--gidmap") for text in arguments.gidmap]
    options.sysctls = words.pairs(arguments.sysctl, "--sysctl")
    if arguments.pod is not None:
        _pod(arguments, options)
    elif arguments.init_ctr is not None:
        raise UsageError("--init-ctr is about a container of a pod: give --pod, too")


def _pod(arguments: Namespace, options: Options) -> None:
    options.pod, options.init_container = arguments.pod, arguments.init_ctr or ""
    if arguments.network:
        raise UsageError("conflicting options: --network and --pod, whose network it has")
    if options.pod in ("", "new:"):
        raise UsageError("--pod: the name of the pod is missing")
    if options.init_container not in ("", "once", "always"):
        raise UsageError("--init-ctr is once or always")


def _mounts(arguments: Namespace, options: Options) -> None:
    options.mounts = [
        *(words.volume(text) for text in arguments.volume),
        *(words.mount(text) for text in arguments.mount),
        *(words.tmpfs(text) for text in arguments.tmpfs),
    ]
    targets = [option["target"] for option in options.mounts]
    for target in targets:
        if targets.count(target) > 1:
            raise UsageError(f"duplicate mount point: {target}")
    options.volumes_from = arguments.volumes_from
    options.read_only = arguments.read_only
    if arguments.shm_size is not None:
        options.shm_size = sized(arguments, "shm_size")


def _resources(arguments: Namespace, options: Options) -> None:
    swappiness = number(arguments, "memory_swappiness")
    if swappiness is not None and swappiness >= 0:
        options.memory_swappiness = int(swappiness)
    options.oom_kill_disable = arguments.oom_kill_disable
    score = number(arguments, "oom_score_adj")
    options.oom_score_adj = None if score is None else int(score)
    resources(arguments, options)
    throttles(
        arguments, options,
        ("device-read-bps", "device-write-bps", "device-read-iops", "device-write-iops"),
    )  # fmt: skip


def throttles(arguments: Namespace, options: Options, flags: tuple[str, ...]) -> None:
    """How fast devices may be read and written. Raises UsageError."""
    for flag in flags:
        for text in getattr(arguments, flag.replace("-", "_")):
            path, _, rate = text.rpartition(":")
            if not path:
                raise UsageError(f"--{flag} {shown(text)}", hint="as in /dev/sda:1mb")
            options.throttle.setdefault(flag, []).append(
                {"path": path, "rate": words.size(rate, "--" + flag)}
            )


def resources(arguments: Namespace, options: Options) -> None:
    """The limits that can be changed later, too."""
    options.memory = sized(arguments, "memory")
    options.memory_swap = sized(arguments, "memory_swap")
    options.memory_reservation = sized(arguments, "memory_reservation")
    options.cpu_shares = whole(arguments, "cpu_shares")
    options.cpu_period = whole(arguments, "cpu_period")
    options.cpu_quota = whole(arguments, "cpu_quota")
    cpus = number(arguments, "cpus", float)
    if cpus:
        if options.cpu_period or options.cpu_quota:
            raise UsageError("conflicting options: --cpus and --cpu-period or --cpu-quota")
        if not 0.01 <= cpus <= (os.cpu_count() or 1):
            raise UsageError(
                f"--cpus {cpus:g}: from 0.01 to {os.cpu_count()}, as many as there are here"
            )
        options.nano_cpus = int(cpus * 1_000_000_000)
    options.cpuset_cpus = arguments.cpuset_cpus or ""
    options.cpuset_mems = arguments.cpuset_mems or ""
    pids = number(arguments, "pids_limit")
    options.pids_limit = None if pids is None else int(pids)
    options.blkio_weight = whole(arguments, "blkio_weight")


def _security(arguments: Namespace, options: Options) -> None:
    options.cap_add, options.cap_drop = arguments.cap_add, arguments.cap_drop
    options.privileged = arguments.privileged
    options.devices = [words.device(text) for text in arguments.device]
    options.device_rules = arguments.device_cgroup_rule
    options.cgroup_parent = arguments.cgroup_parent or ""
    for text in arguments.security_opt:
        security_option(options, text, profile)
    from hutch.engine.containers.security import capability, device_rule

    for word in options.cap_add + options.cap_drop:
        if word.upper() != "ALL":
            capability(word)
    for rule in options.device_rules:
        device_rule(rule)


def profile(path: str) -> str:
    """A seccomp profile's text. Raises UsageError, KernelError."""
    import json
    from pathlib import Path

    from hutch.errors import KernelError

    try:
        text = Path(path).read_text()
        json.loads(text)
    except OSError as error:
        raise KernelError(f"--security-opt seccomp={path}", "open", error.errno) from None
    except ValueError as error:
        raise UsageError(f"--security-opt seccomp={path}: it is not JSON: {error}") from None
    return text


def _health(arguments: Namespace, options: Options) -> None:
    health = options.health
    for name in ("interval", "timeout", "start_period", "start_interval"):
        text = getattr(arguments, "health_" + name)
        if text is not None:
            flag = "--health-" + name.replace("_", "-")
            health[name] = words.duration(text, flag)
    if arguments.health_retries is not None:
        health["retries"] = whole(arguments, "health_retries")
        if health["retries"] < 0:
            raise UsageError("--health-retries cannot be negative")
    if arguments.health_cmd:
        health["test"] = ["CMD-SHELL", arguments.health_cmd]
    if arguments.no_healthcheck:
        if health:
            raise UsageError("--no-healthcheck conflicts with --health-* options")
        health["test"] = ["NONE"]
