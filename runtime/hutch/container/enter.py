"""exec: another process in a running container."""

import posix

from hutch.container import status
from hutch.container.barriers import accompany, launch_in_cgroup
from hutch.errors import ConfigError, KernelError, StateError
from hutch.kernel.process import OWN_STREAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.init_process import Init
    from hutch.container.state import State
    from hutch.container.store import Store
    from hutch.container.trace import Trace
    from hutch.errors import HutchError
    from hutch.spec.config import Capabilities, CheckedConfig, CheckedProcess, Config, Process


class Execution:
    """What exec is asked to do. ``state`` and ``config`` are those of the container, as ``running``
    returns them; ``process`` is checked; ``cgroup`` are paths below the container's cgroup;
    ``console`` is called with the pty's master, ``debug`` with each step of the plan in words;
    ``stdio`` are the standard streams."""

    __slots__ = (
        "cgroup", "config", "console", "debug", "new_keyring", "pid_file", "pidfd_socket",
        "preserved", "process", "state", "stdio", "trace", "warn",
    )  # fmt: skip

    def __init__(
        self,
        state: "State",
        config: "CheckedConfig",
        process: "CheckedProcess",
        *,
        cgroup: "list[str]",
        console: "Callable[[int], None] | None" = None,
        pid_file: str = "",
        pidfd_socket: str = "",
        preserved: int = 0,
        warn: "Callable[[HutchError], None]" = lambda _: None,
        debug: "Callable[[str], None] | None" = None,
        trace: "Trace | None" = None,
        stdio: "tuple[int, int, int]" = OWN_STREAMS,
    ) -> None:
        self.state = state
        self.stdio = stdio
        self.config = config
        self.process = process
        self.cgroup = cgroup
        self.console = console
        self.pid_file = pid_file
        self.pidfd_socket = pidfd_socket
        self.preserved = preserved
        self.warn = warn
        self.debug = debug
        self.trace = trace


def running(store: "Store", id: str, ignore_paused: bool) -> "tuple[State, CheckedConfig]":
    """The state and config of a container. Raises StateError if no process can be added to it: it
    is stopped, not yet created, or paused without ``ignore_paused``."""
    entry = store.find(id)
    state = entry.load_state()
    now = status.status_of(state, entry.directory)
    if now in (status.STOPPED, status.CREATING):
        raise StateError("cannot exec in a stopped container: " + id, id=id, status=now)
    if now == status.PAUSED and not ignore_paused:
        raise StateError(
            "cannot exec in a paused container (use --ignore-paused to override): " + id,
            id=id,
            status=now,
        )
    if status.has_systemd_unit(state, of_user=True):
        # The user's systemd may have to move the process into its scope; D-Bus needs a library.
        from hutch.front import use_interpreter

        use_interpreter()
    return state, entry.load_config()


def execute(store: "Store", execution: Execution) -> "Init":
    """Runs the process and returns when it was executed. The caller may wait for the returned
    ``Init`` or close it.

    Raises HutchError; after an error the process does not exist.
    """
    from hutch.container.host import read_host
    from hutch.plan.cgroup_paths import below
    from hutch.plan.enter import compile_exec, initial_cpus
    from hutch.plan.plan import Bindings

    state, config = execution.state, execution.config
    host = read_host()
    filter = None
    profile = config.get("linux", {}).get("seccomp")
    if profile:
        from hutch.container.filter_cache import filter_for

        filter = filter_for(profile, store.root + "/.filters")
    cgroup = state.cgroup()
    if cgroup is not None and execution.cgroup:
        cgroup = below(cgroup, execution.cgroup)
    plan = compile_exec(
        config,
        execution.process,
        host,
        id=state.id,
        filter=filter,
        cgroup=cgroup,
        preserved=execution.preserved,
        trace=execution.trace is not None,
    )
    for warning in plan.warnings:
        execution.warn(warning)
    if execution.debug is not None:
        from hutch.plan.steps import tell_steps

        tell_steps(plan, execution.debug)
    cpus = initial_cpus(execution.process)
    before = _bind_to(cpus) if cpus else set()
    try:
        pidfd = _open_first_process(state)
        try:
            init = launch_in_cgroup(
                plan,
                Bindings(cgroup),
                [pidfd],
                state.pid,
                trace=execution.trace,
                stdio=execution.stdio,
            )
        finally:
            posix.close(pidfd)
    finally:
        if before:
            posix.sched_setaffinity(0, before)
    try:
        agent = None
        if filter is not None and filter.notify:
            from hutch.container.seccomp_agent import agent_of

            agent = agent_of(config)

        accompany(init, state, status.RUNNING, execution.console, agent)
        if state.rdt:
            from hutch.container.intel_rdt import join

            join(state.rdt, init.pid)
        if execution.pid_file:
            init.write_pid_file(execution.pid_file)
        if execution.pidfd_socket:
            from hutch.container.fd_passing import hand_over

            hand_over(execution.pidfd_socket, "pidfd", b"setns", init.pidfd)
        init.answer()
        init.executed()
    except BaseException:
        init.kill()
        init.close()
        raise
    return init


def _bind_to(cpus: "list[int]") -> "set[int]":
    """Binds the runtime and the processes that it starts to CPUs; returns the CPUs that it was
    bound to before. Raises KernelError."""
    before = posix.sched_getaffinity(0)
    try:
        posix.sched_setaffinity(0, cpus)
    except OSError as error:
        raise KernelError(
            "run on the CPUs " + ",".join([str(cpu) for cpu in cpus]),
            "sched_setaffinity",
            error.errno,
            pointer="process.execCPUAffinity.initial",
            hint="the CPUs that the runtime may use are " + ",".join(map(str, sorted(before))),
        ) from None
    return before


def _open_first_process(state: "State") -> int:
    try:
        pidfd = posix.pidfd_open(state.pid)
    except ProcessLookupError:
        pidfd = -1
    if pidfd < 0 or not status.is_alive(state):
        raise StateError("cannot exec in a stopped container: " + state.id, id=state.id)
    return pidfd


def process_for(
    config: "Config",
    args: "list[str]",
    *,
    cwd: str = "",
    env: "list[str]",
    user: "tuple[int, int | None] | None" = None,
    additional_gids: "list[int]",
    capabilities: "list[str]",
    no_new_privileges: bool = False,
    apparmor: str = "",
    label: str = "",
    terminal: bool = False,
) -> "CheckedProcess":
    """The process of an exec that flags describe: the container's own process with these changes,
    as in runc. A capability is added to the bounding, effective and permitted set, and to the
    ambient set if the container's inheritable set has it (S-06). ``user`` is (uid, gid); with None
    as gid the container's gid stays, and umask and additional groups always stay. Raises
    ConfigError if the result is no valid process."""
    base = config.get("process")
    if base is None:
        raise ConfigError("process", "is missing, so exec has nothing to start from")
    process: Process = {**base, "args": args, "terminal": terminal}
    process.pop("consoleSize", None)
    if cwd:
        process["cwd"] = cwd
    if env:
        process["env"] = [*base.get("env", ()), *env]
    if user is not None:
        uid, gid = user
        process["user"] = {**base.get("user", {}), "uid": uid}
        if gid is not None:
            process["user"]["gid"] = gid
    if additional_gids:
        own = process.get("user", {})
        groups = own.get("additionalGids", ())
        process["user"] = {**own, "additionalGids": [*groups, *additional_gids]}
    if capabilities:
        process["capabilities"] = _with_capabilities(base.get("capabilities", {}), capabilities)
    if no_new_privileges:
        process["noNewPrivileges"] = True
    if apparmor:
        process["apparmorProfile"] = apparmor
    if label:
        process["selinuxLabel"] = label
    if args and not (cwd or env or user or additional_gids or apparmor or label):
        # create has checked the rest; importing the check would take an eighth of an exec's time.
        return process  # type: ignore[return-value]
    from hutch.spec.check import check_process

    return check_process(process, config)[0]


def _with_capabilities(own: "Capabilities", names: "list[str]") -> "Capabilities":
    inheritable = own.get("inheritable", [])
    raised = [name for name in names if name in inheritable]
    return {
        "bounding": [*own.get("bounding", ()), *names],
        "effective": [*own.get("effective", ()), *names],
        "permitted": [*own.get("permitted", ()), *names],
        "inheritable": inheritable,
        "ambient": [*own.get("ambient", ()), *raised],
    }
