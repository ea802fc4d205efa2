"""create: from a bundle to a container whose init waits for `start` (runtime.md "Create").

    plan ─▶ state "creating" on disk ─▶ cgroup ─▶ spawn ─▶ barriers ─▶ state "created"

An error in the config is found when the plan is compiled, before anything is made. The state is
saved to disk before anything is made: if create is killed, ``delete --force`` finds there what to
remove. If create fails, it removes what it has made.
"""

import posix

from hutch import cgroups
from hutch.container import status
from hutch.container.barriers import accompany, launch_in_cgroup
from hutch.container.planned_cgroup import cgroup_for
from hutch.container.state import State, timestamp
from hutch.errors import HutchError, KernelError
from hutch.kernel.channel import make_fifo
from hutch.plan.encode import kept
from hutch.plan.plan import Bindings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.cold.seccomp.watch import Watch
    from hutch.container.init_process import Init
    from hutch.container.request import Request
    from hutch.container.seccomp_agent import Agent
    from hutch.container.store import Entry, Store
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.host import Host
    from hutch.plan.intel_rdt import Rdt
    from hutch.plan.plan import Plan
    from hutch.spec.config import CheckedConfig, Config, Hooks


class Created:
    """A created container: it is locked, and hutch-init waits at the last barrier before
    `start`."""

    __slots__ = ("config", "entry", "init", "state")

    def __init__(
        self, entry: "Entry", init: "Init", state: "State", config: "CheckedConfig"
    ) -> None:
        self.entry = entry
        self.init = init
        self.state = state
        self.config = config


def create(store: "Store", request: "Request") -> None:
    """Creates a container. Raises HutchError; after an error nothing is left of the container."""
    made = prepare(store, request)
    made.init.answer()
    made.init.close()
    made.entry.release()


def prepare(store: "Store", request: "Request") -> Created:
    """The same as ``create``, but hutch-init still waits at its last barrier, and the container is
    still locked: `run` continues from there."""
    from hutch.container.preflight import check_host, check_tools, open_namespaces

    config, raw, host, plan = plan_for(request, store.root + "/.filters")
    if request.debug is not None:
        from hutch.plan.steps import tell_steps

        tell_steps(plan, request.debug)
    request.step("check the host's files")
    bindings = Bindings(plan.cgroup.copy() if plan.cgroup is not None else None)
    check_host(plan, config, bindings)
    check_tools(plan)
    namespaces = open_namespaces(plan)
    try:
        if plan.idmaps:
            from hutch.container.idmapped_mounts import open_idmaps

            namespaces += open_idmaps(plan.idmaps.values())
        entry = store.make(request.id)
        try:
            return _build(entry, plan, bindings, config, raw, host, request, namespaces)
        except BaseException:
            undo(entry, bindings, request)
            raise
    finally:
        for fd in namespaces:
            posix.close(fd)


def plan_for(request: "Request", filters: str) -> "tuple[CheckedConfig, bytes, Host, Plan]":
    """Returns the bundle's checked config, its bytes, the facts of this host, and the plan.

    ``filters`` is the folder where compiled seccomp filters are kept; with "" none are kept, and
    this function changes nothing on the host. Raises UsageError, ConfigError or HostError.
    """
    from hutch.container.host import read_host
    from hutch.plan.compile import compile_plan
    from hutch.spec.container_id import check_identifier
    from hutch.spec.load import load_bundle

    check_identifier(request.id)
    request.step("read and check config.json")
    warnings: list[HutchError] = []
    if request.config is None:
        config, raw = load_bundle(request.bundle, warnings.append, strict=request.choices.strict)
    else:
        config, raw = request.config
    if config.get("linux", {}).get("netDevices"):
        from hutch.front import use_interpreter

        use_interpreter()
    for warning in warnings:
        request.warn(warning)
    wanted = bool(config.get("process", {}).get("terminal"))
    if wanted or request.console_socket:
        from hutch.container.terminal import console_for

        request.console, request.terminal = console_for(
            wanted, request.detached, request.console_socket, request.console
        )
    request.step("look at the host")
    host = read_host()
    request.step("compile the plan")
    linux = config.get("linux", {})
    cgroup = cgroup_for(config, host, request.id, request.systemd, request.rootless)
    filter = None
    if request.watch is not None:
        filter = request.watch.filter(linux.get("seccomp"), filters)
    elif linux.get("seccomp"):
        from hutch.container.filter_cache import filter_for

        filter = filter_for(linux["seccomp"], filters)
    if filter is not None:
        for warning in filter.warnings:
            request.warn(warning)
    plan = compile_plan(
        config,
        host,
        id=request.id,
        bundle=request.bundle,
        cgroup=cgroup,
        filter=filter,
        choices=request.choices,
    )
    for warning in plan.warnings:
        request.warn(warning)
    return config, raw, host, plan


def first_state(
    plan: "Plan", cgroup: "Cgroup | None", config: "Config", request: "Request"
) -> State:
    """The state of a container that is being made. It has all that must be undone after a
    failure."""
    from time import time_ns

    hooks = config.get("hooks", {})
    kept: Hooks = {}
    if hooks.get("poststart"):
        kept["poststart"] = hooks["poststart"]
    if hooks.get("poststop"):
        kept["poststop"] = hooks["poststop"]
    state = State()
    state.oci_version = config["ociVersion"]
    state.id = request.id
    state.pid = 0
    state.start_time = 0
    state.status = status.CREATING
    state.bundle = request.bundle
    state.rootfs = plan.root
    state.created = timestamp(time_ns())
    state.maker = posix.getpid()
    state.maker_start_time = status.start_time(state.maker)
    state.uid = posix.geteuid()
    state.annotations = config.get("annotations")
    state.kept_cgroup = cgroup.to_json() if cgroup else None
    state.host_mount = _host_mount(plan, config)
    state.choices = request.choices.to_json()
    state.notifies = plan.notifies
    state.hooks = kept or None
    state.idle = config.get("process") is None
    state.shares_processes = _shares_processes(config)
    state.rdt = None
    state.resources = None
    return state


def _shares_processes(config: "Config") -> bool:
    """Whether other processes outlive the first one: true if the container makes no pid namespace
    of its own."""
    for namespace in config.get("linux", {}).get("namespaces") or []:
        if namespace["type"] == "pid":
            return bool(namespace.get("path"))
    return True


def _host_mount(plan: "Plan", config: "Config") -> int:
    """The id of the mount that holds the rootfs if the container has no mount namespace, so that
    its mounts are made on the host; else 0."""
    from hutch.plan.namespaces import has_namespace

    if has_namespace(config, "mount"):
        return 0
    from hutch.kernel.mounts import mount_id

    return mount_id(plan.root)


def begin(
    entry: "Entry",
    plan: "Plan",
    bindings: "Bindings",
    config: "CheckedConfig",
    raw: bytes,
    host: "Host",
    request: "Request",
) -> State:
    """Saves to disk what will be made. Then makes what must exist before the first process: the
    cgroup and the groups of resctrl. ``undo`` removes it all again. Raises HutchError."""
    cgroup = bindings.cgroup
    if cgroup is not None:
        cgroups.prepare(cgroup)
    state = first_state(plan, cgroup, config, request)
    if plan.rdt is not None:
        from hutch.container import intel_rdt

        state.rdt = intel_rdt.place(plan.rdt, intel_rdt.resctrl())
    request.step("save the state: creating")
    entry.write("config.json", raw)
    entry.save_state(state)
    if request.choices.notify:
        from hutch.container.sd_notify import make_directory

        make_directory(request.choices.notify)
    if cgroup is not None:
        request.step("make the cgroup")
        make_cgroup(plan, bindings, host)
    if plan.rdt is not None:
        make_rdt(plan.rdt, entry, state)
    return state


def take_note(entry: "Entry", state: State, init: "Init", request: "Request") -> None:
    """Saves the pid of the first process, which exists now and waits; writes the pid file and sends
    the pidfd if the request asks for them. Raises HutchError."""
    cgroup, plan = init.bindings.cgroup, init.plan
    if plan.rdt is not None and state.rdt is not None:
        from hutch.container import intel_rdt

        intel_rdt.join(state.rdt, init.pid)
        state.rdt = intel_rdt.kept(plan.rdt, state.rdt)
    request.step("save the state: created")
    state.pid = init.pid
    state.start_time = status.start_time(init.pid)
    state.status = status.CREATED
    state.kept_cgroup = cgroup.to_json() if cgroup else None
    entry.save_state(state)
    if request.pid_file:
        init.write_pid_file(request.pid_file)
    if request.pidfd_socket:
        from hutch.container.fd_passing import hand_over

        hand_over(request.pidfd_socket, "pidfd", b"standard", init.pidfd)


def _build(
    entry: "Entry",
    plan: "Plan",
    bindings: "Bindings",
    config: "CheckedConfig",
    raw: bytes,
    host: "Host",
    request: "Request",
    namespaces: "list[int]",
) -> Created:
    state = begin(entry, plan, bindings, config, raw, host, request)
    agent: Agent | Watch | None = request.watch
    if state.notifies and agent is None:
        from hutch.container.seccomp_agent import agent_of

        agent = agent_of(config)

    gate = _make_gate(entry.directory) if plan.start_slot else []
    request.step("start hutch-init")
    try:
        slots = [*namespaces, *gate, *request.supervisor]
        init = launch_in_cgroup(plan, bindings, slots, trace=request.trace, stdio=request.stdio)
    finally:
        for fd in gate:
            posix.close(fd)
    request.step("go along with hutch-init")
    init.warn = request.warn
    try:
        # Written here because hutch-init already runs: this costs no time.
        entry.write("plan", kept(init.sent, plan.operations))
        accompany(init, state, status.CREATING, request.console, agent)
        for warning in init.warnings:
            request.warn(warning)
        if bindings.cgroup is not None:
            cgroups.release(bindings.cgroup)
        take_note(entry, state, init, request)
    except BaseException:
        init.kill()
        init.close()
        raise
    return Created(entry, init, state, config)


def make_cgroup(plan: "Plan", bindings: "Bindings", host: "Host") -> None:
    """Makes the container's cgroup and writes the planned limits, device rules and owner. Raises
    HostError, KernelError or StateError."""
    planned, cgroup = plan.cgroup, bindings.cgroup
    assert planned is not None and cgroup is not None
    cgroups.create(cgroup, host.cgroups, plan.writes)
    if len(cgroup.directories) < len(planned.directories):
        from hutch.plan.mounts import callers_cgroups

        found = callers_cgroups(planned.directories, cgroup.directories, host.cgroups)
        bindings.values.update(found)
    cgroups.device_rules(cgroup, plan.devices)
    if plan.cgroup_owner:
        cgroups.delegate(cgroup, plan.cgroup_owner)


def make_rdt(rdt: "Rdt", entry: "Entry", state: "State") -> None:
    """Makes the groups for linux.intelRdt that ``state.rdt`` names; raises KernelError."""
    from hutch.container.intel_rdt import make, resctrl

    assert state.rdt is not None
    try:
        make(rdt, state.rdt, resctrl())
    except HutchError:
        # make() has taken out of state.rdt what another process made first: not ours to remove.
        entry.save_state(state)
        raise


def _make_gate(directory: str) -> "list[int]":
    try:
        return [make_fifo(directory + name) for name in (status.START, status.REPLY)]
    except OSError as error:
        raise KernelError("make the fifos for `start`", "mkfifo", error.errno) from None


def undo(entry: "Entry", bindings: "Bindings", request: "Request") -> None:
    """Removes what a failed create has made. What cannot be removed stays in the state on disk for
    `delete --force`. Errors become warnings, so that the caller can raise the first error."""
    from hutch.container.delete import destroy

    cgroup = bindings.cgroup
    if cgroup is not None:
        cgroups.release(cgroup)
    state = None
    try:
        state = entry.load_state()
    except HutchError:
        pass
    if state is not None and cgroup is not None:
        # A cgroup that another create made first is not in ``made``: it is not ours to remove.
        state.kept_cgroup = cgroup.to_json()
    try:
        destroy(entry, state, request.warn)
    except HutchError as error:
        request.warn(error)
    entry.release()
