"""The compiler for create and run: the order of all operations.

Each part of the config has its own module; this one puts their operations in order, and says why.
"""

from hutch.errors import ConfigError
from hutch.plan import operations as op
from hutch.plan.cgroup_paths import wants_ownership
from hutch.plan.device_rules import device_lines, effective
from hutch.plan.devices import compile_devices, needs_devices
from hutch.plan.hooks import compile_hooks, hooks_of, variables
from hutch.plan.mount_options import (
    MS_REC,
    NODEV,
    NOEXEC,
    NOSUID,
    PROPAGATION,
    RDONLY,
)
from hutch.plan.mounts import MountContext, compile_covers, compile_mounts, read_only_last
from hutch.plan.namespaces import (
    CLONE_NEWCGROUP,
    FIRST_SLOT,
    are_groups_denied,
    compile_namespaces,
    host_id,
    map_helpers,
    mapping_lines,
    offset_lines,
)
from hutch.plan.operations import PIVOT_CHROOT, PIVOT_MOVE, PIVOT_ROOT
from hutch.plan.plan import (
    ALL_CPUS,
    CGROUP_COUNT,
    CREATED,
    KEYRING,
    MOUNTED,
    NAMESPACES,
    NETWORK,
    PROCFS,
    SESSION,
    SUPERVISED,
    TRACE,
    Later,
    Plan,
)
from hutch.plan.process import (
    UNTRACED,
    check_selinux,
    compile_console,
    compile_limits,
    compile_program,
    compile_rights,
    placement_of,
    scheduling_of,
    variables_of,
)
from hutch.plan.resources_compile import compile as compile_resources
from hutch.plan.sysctls import compile_sysctls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.errors import HutchError
    from hutch.kernel.seccomp import Filter
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.choices import Choices
    from hutch.plan.host import CgroupLayout, Host
    from hutch.plan.idmap import Idmap
    from hutch.plan.namespaces import Namespaces
    from hutch.plan.operations import Operation
    from hutch.plan.resources import CgroupWrite
    from hutch.spec.config import CheckedConfig, Config, Linux, Mount, Process, Resources

# For --strict: a container without a process can be created, but not started (runtime.md "Start").
NO_PROCESS: "Process" = {"args": [], "cwd": "/"}


# The directory in which the container finds the socket of sd_notify(3). It is a read-only bind
# mount of a host's directory, because `start` makes the socket only after the mount.
NOTIFY = "runtime: NOTIFY_SOCKET"
CREATE = "runtime.md: create"
START = "runtime.md: start"
NOTIFY_DIRECTORY = "/run/notify"
NOTIFY_FLAGS = RDONLY | NOSUID | NODEV | NOEXEC


def compile_plan(
    config: "CheckedConfig",
    host: "Host",
    *,
    id: str,
    bundle: str,
    cgroup: "Cgroup | None",
    filter: "Filter | None",
    choices: "Choices",
) -> Plan:
    """The plan of a checked config.

    ``bundle`` is an absolute path, ``cgroup`` the cgroup that will be created (None: none),
    ``filter`` the compiled linux.seccomp. Raises ConfigError or HostError for a field that cannot
    be carried out.
    """
    linux = config.get("linux", {})
    process = config.get("process")
    if process is None and choices.strict:
        process = NO_PROCESS
    if process is None:
        raise ConfigError("process", "is missing: there is nothing to run")
    warnings: list[HutchError] = []
    namespaces = compile_namespaces(config, host)
    in_user_namespace = namespaces.has("user")
    root = _rootfs(config, bundle)
    slot = FIRST_SLOT + len(namespaces.joined)
    idmaps: dict[int, Idmap] = {}
    if any(_is_idmapped(mount) for mount in config.get("mounts") or []):
        from hutch.plan.idmap import compile_idmaps

        idmaps = compile_idmaps(config, bundle, slot)
        slot += len(idmaps)
    rdt = None
    if linux.get("intelRdt") is not None:
        from hutch.plan.intel_rdt import compile_rdt

        rdt = compile_rdt(linux["intelRdt"], id)
    resources = linux.get("resources", {})
    cgroup_owner = None
    writes: list[CgroupWrite] = []
    if cgroup is not None:
        if cgroup.mode == "v2" and wants_ownership(linux, config.get("mounts") or []):
            cgroup_owner = _owner(config, host)
        writes = _limits(resources, host.cgroups)
    uid_map = mapping_lines(linux.get("uidMappings") or [])
    gid_map = mapping_lines(linux.get("gidMappings") or [])
    helpers: tuple[str, ...] = ()
    mapped_namespace = ""
    if uid_map or gid_map:
        if "user" in namespaces.new:
            helpers = map_helpers(linux, host)
        else:
            mapped_namespace = namespaces.joined["user"][2]
    hooks = hooks_of(config.get("hooks", {}), ("prestart", "createRuntime"))
    start_slot = trace_slot = supervise_slot = 0
    if not choices.direct:
        start_slot = slot
        slot += 2
    if choices.supervised:
        supervise_slot = slot
        slot += 2
    if choices.trace:
        trace_slot = slot
        slot += 1
    # The slots of the cgroups come last, because their number is known only once they exist.
    enter_cgroups: list[Operation] = []
    if cgroup is not None:
        count = Later(CGROUP_COUNT, 0)
        enter_cgroups.append(op.enter_cgroups("linux.cgroupsPath", slot, count))

    operations: list[Operation] = []
    if trace_slot:
        operations.append(op.trace("", trace_slot, reason=TRACE))
    protect = op.protect(reason=UNTRACED)
    if not _maps_without_root(namespaces, linux, host):
        operations.append(protect)
    operations += _enter_namespaces(config, namespaces, id, choices, host, protect)
    if "cgroup" in namespaces.new:
        # The root of a new cgroup namespace is the cgroup of the calling process, so the process
        # enters its cgroup first (cgroup_namespaces(7)).
        operations += enter_cgroups
        operations.append(op.unshare(namespaces.new["cgroup"], CLONE_NEWCGROUP))
    label = linux.get("mountLabel") or ""
    if label and not host.selinux:
        warnings.append(
            ConfigError("linux.mountLabel", "is left out: SELinux is not enabled", value=label)
        )
        label = ""
    context = MountContext(bundle, host, cgroup, "cgroup" in namespaces.new, label, idmaps)
    operations += _build_root(config, namespaces, root, context, warnings)
    if choices.notify:
        operations.append(
            op.bind(
                "", source=choices.notify, target=NOTIFY_DIRECTORY, set=NOTIFY_FLAGS, reason=NOTIFY
            )
        )
    if "cgroup" not in namespaces.new:
        # After the mounts, so that their memory does not count against the container's limit.
        operations += enter_cgroups
    operations.append(op.affinity("", b"", reason=ALL_CPUS))
    operations += compile_console(process, bind=True)
    operations.append(op.make_directory("process.cwd", process["cwd"], 0o755))
    if hooks:
        operations.append(op.barrier(hooks[0].pointer, MOUNTED))
    making = "created" if choices.strict else "creating"
    state = _state(config, id, bundle, making)
    callers = variables(host.environment) if config.get("hooks") else []
    operations += compile_hooks(config, "createContainer", state, callers, bundle)
    operations += _close_root(config, namespaces, choices)
    operations += compile_limits(process)
    operations += placement_of(linux)
    operations += scheduling_of(process)
    operations += compile_program(process, in_user_namespace, choices.stays)
    operations += compile_rights(
        process,
        host,
        in_user_namespace,
        groups_denied=are_groups_denied(linux, host, in_user_namespace),
        filter=filter,
        warnings=warnings,
        outlive=CREATE,
        # The specification keeps the caller's umask; runc sets 022, so that the umask of a daemon
        # has no effect.
        default_umask=-1 if choices.strict else 0o022,
    )
    # The container is created. The operations after this barrier run at `start`, with the rights of
    # the program and under its seccomp filter.
    operations.append(op.barrier("", CREATED, reason=CREATE))
    if start_slot:
        operations.append(op.await_start("", start_slot, start_slot + 1, reason=START))
    state = _state(config, id, bundle, "created")
    operations += compile_hooks(config, "startContainer", state, variables_of(process))
    if supervise_slot:
        operations.append(op.supervise("", supervise_slot, int(choices.stays), reason=SUPERVISED))
    if not choices.stays:
        operations.append(op.exec("process.args", process["args"], _environment(process, choices)))
    return Plan(
        operations,
        warnings,
        root=root,
        rdt=rdt,
        cgroup=cgroup,
        writes=writes,
        cgroup_owner=cgroup_owner,
        devices=resources.get("devices") if cgroup is not None else None,
        slots=[(kind, pointer, path) for kind, (_, pointer, path) in namespaces.joined.items()],
        idmaps=idmaps,
        spawn_flags=namespaces.spawn_flags,
        preserved=choices.preserved,
        uid_map=uid_map,
        gid_map=gid_map,
        map_helpers=helpers,
        mapped_namespace=mapped_namespace,
        time_offsets=offset_lines(linux.get("timeOffsets", {})),
        oom_score_adj=process.get("oomScoreAdj"),
        hooks=hooks,
        net_devices=[
            ('linux.netDevices["' + name + '"]', name, device.get("name") or name)
            for name, device in linux.get("netDevices", {}).items()
        ],
        notifies=filter is not None and filter.notify,
        start_slot=start_slot,
        trace_slot=trace_slot,
    )


def _environment(process: "Process", choices: "Choices") -> "list[str]":
    """process.env, and the variables of sd_listen_fds(3) and sd_notify(3). LISTEN_PID is 1, the
    pid of the program in its pid namespace."""
    environment = variables_of(process)
    if choices.listening:
        environment = [*environment, "LISTEN_FDS=" + str(choices.listening), "LISTEN_PID=1"]
    if choices.notify:
        socket = "NOTIFY_SOCKET=" + NOTIFY_DIRECTORY + "/notify.sock"
        others = [word for word in environment if not word.startswith("NOTIFY_SOCKET=")]
        environment = [*others, socket]
    return environment


def _owner(config: "Config", host: "Host") -> "int | None":
    """The host's uid of the container's user; None if the caller is not root, which cannot change
    an owner (chown(2))."""
    if host.uid != 0:
        return None
    uid: int = config.get("process", {}).get("user", {}).get("uid", 0)
    mappings = config.get("linux", {}).get("uidMappings")
    return host_id(mappings, uid) if mappings else uid


def _limits(resources: "Resources", layout: "CgroupLayout") -> "list[CgroupWrite]":
    """The writes to the files of the container's cgroup, without those for devices."""
    writes = compile_resources(resources, layout)
    rules = effective(resources.get("devices"))
    if layout.mode != "v2":
        device_lines(rules)  # raises ConfigError for rules that v1 cannot express
    return writes


def _rootfs(config: "Config", bundle: str) -> str:
    path = config["root"]["path"]
    if not path.startswith("/"):
        path = bundle + "/" + path
    parts: list[str] = []
    for part in path.split("/"):
        if part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _state(config: "Config", id: str, bundle: str, status: str) -> "dict[str, object]":
    """The state that a hook reads (runtime.md "State"). Its pid is 0: hutch-init puts its own."""
    state: dict[str, object] = {
        "ociVersion": config["ociVersion"],
        "id": id,
        "status": status,
        "pid": 0,
        "bundle": bundle,
    }
    if config.get("annotations"):
        state["annotations"] = config["annotations"]
    return state


def _enter_namespaces(
    config: "Config",
    namespaces: "Namespaces",
    id: str,
    choices: "Choices",
    host: "Host",
    protect: "Operation",
) -> "list[Operation]":
    """The operations that enter the namespaces, and the settings in them that need no mount."""
    linux = config.get("linux", {})
    result: list[Operation] = list(namespaces.entry)
    if linux.get("uidMappings") or linux.get("gidMappings"):
        result.append(op.barrier("linux.uidMappings", NAMESPACES))
    elif linux.get("timeOffsets"):
        result.append(op.barrier("linux.timeOffsets", NAMESPACES))
    if namespaces.has("user"):
        result.append(op.become_root("linux.uidMappings"))
    result += namespaces.inner
    if namespaces.has("user") or _maps_without_root(namespaces, linux, host):
        # A change of ids can reset the dumpable attribute (prctl(2), PR_SET_DUMPABLE).
        result.append(protect)
    result.append(op.session(reason=SESSION))
    result.append(op.open_proc(reason=PROCFS))
    label = config.get("process", {}).get("selinuxLabel")
    if choices.new_keyring:
        if label:
            check_selinux(label, host, "process.selinuxLabel")
            result.append(op.keyring_label("process.selinuxLabel", label))
        result.append(op.keyring("", "_ses." + id, reason=KEYRING))
    if "network" in namespaces.new:
        result.append(op.loopback(namespaces.new["network"]))
    if linux.get("netDevices"):
        result.append(op.barrier("linux.netDevices", NETWORK))
    if config.get("hostname"):
        result.append(op.hostname("hostname", config["hostname"]))
    if config.get("domainname"):
        result.append(op.domainname("domainname", config["domainname"]))
    return result


def _maps_without_root(namespaces: "Namespaces", linux: "Linux", host: "Host") -> bool:
    """Whether a caller that is not the host's root writes the id maps or the time offsets.

    Usually ``protect`` comes first, so that no process of a joined namespace can trace hutch-init.
    But ``protect`` gives the files of hutch-init in /proc to the host's root (proc(5)), and another
    caller could not write the maps of a new user namespace then. For such a caller ``protect``
    comes directly after the maps. A process that can trace hutch-init before that has the rights of
    the caller already.
    """
    if host.uid == 0 and host.in_initial_user_namespace:
        return False
    return "user" in namespaces.new or bool(linux.get("timeOffsets"))


def _build_root(
    config: "Config",
    namespaces: "Namespaces",
    root: str,
    context: MountContext,
    warnings: "list[HutchError]",
) -> "list[Operation]":
    """The root file system, its mounts and devices, before the change of root."""
    linux = config.get("linux", {})
    mounts = config.get("mounts") or []
    propagation = _root_propagation(linux)
    result: list[Operation] = []
    if namespaces.has("mount"):
        # First, because a bind mount takes over the propagation of its source. An unbindable mount
        # could not be bound at all (mount_namespaces(7)), so it becomes private here, and
        # unbindable after the pivot.
        first = propagation or PROPAGATION["rslave"]
        if first & PROPAGATION["unbindable"]:
            first = PROPAGATION["private"] | first & MS_REC
        result.append(op.propagation("linux.rootfsPropagation", first))
    # Mounts of the container must not appear on the host. As a slave, the root still receives new
    # mounts of the host.
    apart = PROPAGATION["slave"] if propagation & PROPAGATION["slave"] else PROPAGATION["private"]
    result.append(op.open_root("root.path", root, apart if namespaces.has("mount") else 0))
    result += compile_mounts(mounts, context, warnings)
    if needs_devices(mounts):
        result += compile_devices(config, namespaces.has("user"))
    return result


def _is_idmapped(mount: "Mount") -> bool:
    options = mount.get("options") or ()
    return bool(mount.get("uidMappings")) or "idmap" in options or "ridmap" in options


def _root_propagation(linux: "Linux") -> int:
    text = linux.get("rootfsPropagation")
    return PROPAGATION[text] if text else 0


def _close_root(
    config: "Config", namespaces: "Namespaces", choices: "Choices"
) -> "list[Operation]":
    """The sysctls, masked and read-only paths, then the change of root, then the root's flags."""
    linux = config.get("linux", {})
    result = compile_sysctls(config, namespaces)
    result += read_only_last(config.get("mounts") or [])
    result += compile_covers(linux)
    mode = PIVOT_ROOT
    if not namespaces.has("mount"):
        mode = PIVOT_CHROOT
    elif choices.no_pivot:
        mode = PIVOT_MOVE
    result.append(op.pivot("root.path", mode))
    readonly = RDONLY if config["root"].get("readonly") else 0
    propagation = _root_propagation(linux)
    if readonly or propagation:
        # After the pivot: pivot_root refuses a shared root (pivot_root(2), EINVAL).
        pointer = "root.readonly" if readonly else "linux.rootfsPropagation"
        result.append(op.root_attributes(pointer, readonly, propagation))
    return result
