"""From what was asked for and what the image says to config.json."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hutch.defaults.config import container_config
from hutch.engine.containers import limits, mounts, security, selinux
from hutch.engine.containers.id_maps import as_root_of, mappings, root_of
from hutch.engine.containers.options import Options, UlimitOption
from hutch.engine.containers.places import Places
from hutch.engine.containers.records import Record
from hutch.engine.containers.staging import stage_root
from hutch.engine.rootless import rootless
from hutch.engine.volumes import Volumes
from hutch.errors import HostError, UsageError, shown
from hutch.image import users
from hutch.image.documents import ANNOTATION, PATH, Execution
from hutch.image.manifest import ImageConfig

if TYPE_CHECKING:
    from hutch.spec.config import Config, Namespace, NamespaceType, Rlimit, User

# In a network namespace of its own every user may bind to any port and send ICMP echo requests, as
# in Docker.
NETWORK_SYSCTLS = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
}
CGROUP_PARENT = "/warren"
INIT = "/sbin/docker-init"
INITS = ("docker-init", "tini-static", "catatonit", "tini")


def command_line(options: Options, image: Execution) -> list[str]:
    """The program and its arguments. If --entrypoint is given, the image's CMD is not used.

    Raises UsageError if there is none.
    """
    entrypoint, command = list(image.get("Entrypoint", [])), list(image.get("Cmd", []))
    if options.entrypoint is not None:
        entrypoint, command = options.entrypoint, []
    if options.command:
        command = options.command
    if not entrypoint + command:
        raise UsageError("no command specified: the image has none, either")
    return entrypoint + command


def environment(options: Options, image: Execution, hostname: str) -> list[str]:
    """The variables of the image, our own, and those of -e. -e overrides the others; -e NAME
    without a value removes a variable."""
    lines = [PATH, f"HOSTNAME={hostname}", *image.get("Env", [])]
    return make_environment(lines, options.env, options.tty)


def make_environment(lines: list[str], more: Sequence[str], tty: bool) -> list[str]:
    """``lines`` and what -e adds or takes away; at a terminal there is a TERM."""
    variables: dict[str, str] = {}
    for line in [*(["TERM=xterm"] if tty else []), *lines, *more]:
        name, given, value = line.partition("=")
        if given:
            variables[name] = value
        else:
            variables.pop(name, None)
    return [f"{name}={value}" for name, value in variables.items()]


def hostname_of(record: Record) -> str:
    """--hostname; on the host's network the host's own; else the short id."""
    options = record.options
    if options.hostname:
        return options.hostname
    if options.uts_mode == "host" or options.network == "host":
        return os.uname().nodename
    return record.id[:12]


def make_config(
    record: Record,
    image: ImageConfig,
    places: Places,
    volumes: Volumes,
    joined: dict[str, int],
    donor: Places | None = None,
    network: str = "",
) -> "Config":
    """config.json of the container, whose root file system is mounted. ``joined`` has the first
    process of each container whose namespaces are to be shared, by that option ("network");
    ``donor`` the places of the container whose /dev/shm is shared; ``network`` the file of the
    network namespace that was made for it.

    Raises UsageError, HostError, KernelError, ImageError.
    """
    options, execution = record.options, image.checked()
    hostname = hostname_of(record)
    config = container_config()
    process, linux = config["process"], config["linux"]
    linux.setdefault("resources", {})
    process["terminal"] = options.tty
    process["args"] = command_line(options, execution)
    process["env"] = environment(options, execution, hostname)
    cwd = options.workdir or execution.get("WorkingDir") or "/"
    process["cwd"] = cwd if cwd.startswith("/") else "/" + cwd
    if label := selinux.process_label(options, record.id):
        process["selinuxLabel"] = label
        linux["mountLabel"] = selinux.files_label(options, record.id)
    root = os.open(places.rootfs, os.O_PATH | os.O_DIRECTORY)
    try:
        user = options.user if options.user is not None else execution.get("User") or ""
        uid, gid, more = users.resolve(root, user)
        more += [users.resolve(root, f"0:{group}")[1] for group in options.group_add]
        process["user"] = as_user(uid, gid, more, len(options.group_add))
        mounts.lay(config, options, places, volumes, root, donor)
        with as_root_of(options):
            make_workdir(process["cwd"], root)
    finally:
        os.close(root)
    if not any(line.startswith("HOME=") for line in process["env"]):
        process["env"].append("HOME=" + home(places, uid))
    rootfs = stage_root(places, root_of(options)[1]) if options.uid_map else places.rootfs
    config["root"] = {"path": str(rootfs), "readonly": options.read_only}
    config["hostname"] = hostname
    if options.domainname:
        config["domainname"] = options.domainname
    _namespaces(config, options, joined, network)
    # The default of devices comes first: limits say nothing of them.
    linux["resources"].update(limits.resources(options))
    security.throttles(linux["resources"], options.throttle)
    security.devices(config, options)
    security.secure(config, options, uid)
    if options.oom_score_adj is not None:
        process["oomScoreAdj"] = options.oom_score_adj
    if options.ulimits:
        process["rlimits"] = [rlimit(ulimit) for ulimit in options.ulimits]
    if not options.network.startswith(("host", "container:", "ns:")):
        linux["sysctl"] = dict(NETWORK_SYSCTLS)
        if rootless() or options.uid_map:  # not all groups of the range are mapped
            del linux["sysctl"]["net.ipv4.ping_group_range"]
        if options.uid_map and network:  # it is the host's, so only the host may set these
            del linux["sysctl"]
    if options.sysctls:
        linux["sysctl"] = {**linux.get("sysctl", {}), **options.sysctls}
    parent = options.cgroup_parent or CGROUP_PARENT
    linux["cgroupsPath"] = (parent if parent.startswith("/") else "/" + parent) + "/" + record.id
    if rootless() and not options.cgroup_parent:
        linux["cgroupsPath"] = "warren/" + record.id  # beside the caller's, who may own that
    config["annotations"] = {
        ANNOTATION + "stopSignal": stop_signal(options, execution),
        **options.annotations,
    }
    if options.init:
        _init(config)
    return config


def as_user(uid: int, gid: int, more: list[int], asked: int = 0) -> "User":
    """process.user with these groups, of which the last ``asked`` were asked for. Where a process
    may set no groups (user_namespaces(7)), the others are left out."""
    if rootless() and _may_set_no_groups():
        more = more[len(more) - asked :]
        return {"uid": uid, "gid": gid, **({"additionalGids": more} if more else {})}
    return {"uid": uid, "gid": gid, "additionalGids": [*dict.fromkeys([gid, *more])]}


def _may_set_no_groups() -> bool:
    with open("/proc/self/setgroups", encoding="ascii") as file:
        return file.read(4) == "deny"


def rlimit(option: UlimitOption) -> "Rlimit":
    """One --ulimit; -1 is unlimited."""
    most = (1 << 64) - 1
    soft, hard = (most if value < 0 else value for value in (option["soft"], option["hard"]))
    return {"type": "RLIMIT_" + option["name"].upper(), "soft": soft, "hard": hard}


def stop_signal(options: Options, execution: Execution) -> str:
    return options.stop_signal or execution.get("StopSignal") or "SIGTERM"


def home(places: Places, uid: int) -> str:
    """The home of the user in the container's passwd; "/" if it has none there."""
    root = os.open(places.rootfs, os.O_PATH | os.O_DIRECTORY)
    try:
        return users.home(root, uid)
    finally:
        os.close(root)


def make_workdir(cwd: str, root: int) -> None:
    """The working directory, if nothing is there."""
    from hutch.image.limits import Budget
    from hutch.image.tree import Tree

    parts = [os.fsencode(part) for part in cwd.split("/") if part not in ("", ".")]
    if not parts or b".." in parts:
        return
    tree = Tree(root, Budget())
    try:
        tree.parent(b"/".join(parts))
    except OSError as error:
        raise UsageError(f"the working directory {shown(cwd)} cannot be made: {error}") from None
    finally:
        tree.close()


def _namespaces(config: "Config", options: Options, joined: dict[str, int], network: str) -> None:
    """Changes linux.namespaces as --network, --pid, --ipc, --uts, --cgroupns and --userns ask."""
    linux = config["linux"]
    kinds: dict[NamespaceType, str] = {space["type"]: "" for space in linux["namespaces"]}
    asked: list[tuple[NamespaceType, str]] = [
        ("network", options.network), ("pid", options.pid_mode), ("ipc", options.ipc_mode),
        ("uts", options.uts_mode), ("cgroup", options.cgroupns_mode),
    ]  # fmt: skip
    for kind, mode in asked:
        if mode == "host":
            kinds.pop(kind, None)
        elif mode.startswith("container:"):
            name = {"network": "net", "cgroup": "cgroup"}.get(kind, kind)
            kinds[kind] = f"/proc/{joined[kind]}/ns/{name}"
        elif mode.startswith("ns:"):
            kinds[kind] = mode[3:]
        elif mode in ("private", "shareable"):
            kinds[kind] = ""
    if network:
        kinds["network"] = network
    if options.uts_mode == "host" or options.uts_mode.startswith("container:"):
        config.pop("hostname", None)
        config.pop("domainname", None)
        if options.uts_mode == "host" and (options.hostname or options.domainname):
            raise UsageError("--hostname and --uts host exclude each other")
    if options.ipc_mode == "host":
        for mount in config["mounts"]:
            if mount["destination"] == "/dev/shm":  # noqa: S108
                mount["type"], mount["source"] = "bind", mount["destination"]
                mount["options"] = ["rbind", "nosuid", "noexec", "nodev"]
    elif options.ipc_mode == "none":
        config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/dev/shm"]  # noqa: S108
    if rootless():
        share_users(config, kinds, options.network)
    elif options.uid_map:
        if "user" in joined:
            kinds["user"] = f"/proc/{joined['user']}/ns/user"
        else:
            kinds["user"] = ""
            linux["uidMappings"] = mappings(options.uid_map)
            linux["gidMappings"] = mappings(options.gid_map)
        if kinds.get("network") != "":
            bind_sys(config)
    spaces: list[Namespace] = []
    for kind, path in kinds.items():
        spaces.append({"type": kind, "path": path} if path else {"type": kind})
    linux["namespaces"] = spaces


def share_users(config: "Config", kinds: "dict[NamespaceType, str]", network: str) -> None:
    """The config of an ordinary user's container: warren is in a user namespace already, in which
    the container stays. Its network namespace is its own, unlike in the usual rootless config, so
    it can have a sysfs of its own."""
    kinds.pop("user", None)
    for key in ("uidMappings", "gidMappings"):
        config["linux"].pop(key, None)  # type: ignore[misc]
    if network == "host":
        return
    kinds.setdefault("network", "")
    words = ["nosuid", "noexec", "nodev", "ro"]
    for mount in config["mounts"]:
        if mount["destination"] == "/sys":
            mount["type"], mount["source"], mount["options"] = "sysfs", "sysfs", words


def bind_sys(config: "Config") -> None:
    """The host's /sys: who does not own the network namespace cannot mount a sysfs."""
    words = ["rbind", "nosuid", "noexec", "nodev", "ro"]
    for mount in config["mounts"]:
        if mount["destination"] == "/sys":
            mount["type"], mount["source"], mount["options"] = "none", "/sys", words


def _init(config: "Config") -> None:
    """--init: a small program that hands signals on and reaps. Raises HostError."""
    import shutil

    for name in INITS:
        found = shutil.which(name) or shutil.which(name, path="/usr/libexec/podman:/usr/bin")
        if found:
            break
    else:
        raise HostError("no init for containers is installed", hint="apt-get install tini")
    config["mounts"].append(
        {"destination": INIT, "type": "bind", "source": found, "options": ["bind", "ro"]}
    )
    process = config["process"]
    words = ["--"] if os.path.basename(found) != "catatonit" else []
    process["args"] = [INIT, *words, *process["args"]]
