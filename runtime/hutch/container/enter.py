"""exec: another process in a running container."""

import posix

from hutch.container import status
from hutch.container.barriers import accompany, launch_in_cgroup
from hutch.container.store import absolute
from hutch.errors import ConfigError, HutchError, KernelError, StateError
from hutch.kernel.process import OWN_STREAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypedDict

    from hutch.container.init_process import Init
    from hutch.container.seccomp_agent import Agent
    from hutch.container.state import State
    from hutch.container.store import Store
    from hutch.container.trace import Trace
    from hutch.spec.config import Capabilities, CheckedConfig, CheckedProcess, Config, Process

    class ExecOptions(TypedDict, total=False):
        """The options of exec: the command's flags of the same names.

        ``process`` is a process in the form of config.json, or the path of a file that has one. The
        options from ``cwd`` to ``no_new_privs`` then change nothing. Without it the process is the
        container's own with these options: see ``process_for``. ``user`` is (uid, gid).
        ``cgroup`` are cgroups below the container's (plan.cgroup_paths.below). ``console`` is
        called with the terminal's master, in place of a ``console_socket``; ``stdio`` are the
        descriptors of the standard streams (-1: the caller's own). ``warn`` is called with
        each warning, ``debug`` with each step of the plan; ``trace`` takes the times of the
        steps."""

        process: Process | str | None
        tty: bool
        cwd: str
        env: Sequence[str]
        user: tuple[int, int | None] | None
        additional_gids: Sequence[int]
        cap: Sequence[str]
        apparmor: str
        process_label: str
        no_new_privs: bool
        cgroup: Sequence[str]
        preserve_fds: int
        pid_file: str
        pidfd_socket: str
        console_socket: str
        console: Callable[[int], None] | None
        stdio: tuple[int, int, int]
        warn: Callable[[HutchError], None]
        debug: Callable[[str], None] | None
        trace: Trace | None


# The options whose values may be no valid ones of a process.
TO_CHECK = ("cwd", "env", "user", "additional_gids", "apparmor", "process_label")


def enter(
    store: "Store",
    id: str,
    args: "Sequence[str]",
    options: "ExecOptions",
    *,
    detach: bool = False,
    ignore_paused: bool = False,
) -> int:
    """Runs a process in a container and waits for its end, unless ``detach`` is true. Returns its
    exit code, or 128 + the number of the signal that ended it; 0 if ``detach``. Raises
    HutchError; after an error the process does not exist. An error about a field of the file
    ``process`` names the file."""
    file = options.get("process")
    if not isinstance(file, str):
        return _enter(store, id, args, options, detach, ignore_paused)
    from hutch.spec.load import in_document

    path = absolute(file)
    warn = options.get("warn")
    if warn is not None:
        options["warn"] = lambda warning: warn(in_document(warning, path, "process"))
    try:
        return _enter(store, id, args, options, detach, ignore_paused)
    except HutchError as error:
        in_document(error, path, "process")
        raise


def _enter(
    store: "Store",
    id: str,
    args: "Sequence[str]",
    options: "ExecOptions",
    detach: bool,
    ignore_paused: bool,
) -> int:
    state, config = running(store, id, ignore_paused)
    process = _process(config, args, options)
    terminal = None
    wanted, socket = bool(process.get("terminal")), options.get("console_socket")
    if wanted or socket:
        from hutch.container.terminal import console_for

        path = absolute(socket) if socket else ""
        options["console"], terminal = console_for(wanted, detach, path, options.get("console"))
    if detach:
        execute(store, state, config, process, options).close()
        return 0
    from hutch.container.foreground import supervise
    from hutch.container.signalfd import Signals

    # Before the program starts, so that no signal for it is lost.
    signals = Signals()
    try:
        init = execute(store, state, config, process, options)
        try:
            return supervise(init, signals, terminal)
        finally:
            init.close()
    finally:
        signals.close()


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
    if state.chose("watched") or status.has_systemd_unit(state, of_user=True):
        # The user's systemd may have to move the process into its scope; D-Bus needs a library.
        from hutch.front import use_interpreter

        use_interpreter()
    return state, entry.load_config()


def _process(
    config: "CheckedConfig", args: "Sequence[str]", options: "ExecOptions"
) -> "CheckedProcess":
    """The checked process that ``args`` and ``options`` describe."""
    given = options.get("process")
    if given is None:
        return process_for(config, args, options)
    if isinstance(given, str):
        from hutch.spec.load import load_process

        process = load_process(absolute(given), config, options.get("warn"))
    else:
        from hutch.spec.check import check_process

        process, warnings = check_process(given, config)
        if "warn" in options:
            for warning in warnings:
                options["warn"](warning)
    if options.get("tty"):
        process = process.copy()
        process["terminal"] = True
    return process


def process_for(
    config: "Config", args: "Sequence[str]", options: "ExecOptions"
) -> "CheckedProcess":
    """The container's own process with these arguments and options, as in runc. A capability of
    ``cap`` is added to the bounding, effective and permitted set, and to the ambient set if the
    container's inheritable set has it (S-06). If ``user`` has no gid, the container's gid stays;
    umask and additional groups always stay. Raises ConfigError if the result is no valid
    process."""
    base = config.get("process")
    if base is None:
        raise ConfigError("process", "is missing, so exec has nothing to start from")
    process: Process = {**base, "args": [*args], "terminal": options.get("tty", False)}
    process.pop("consoleSize", None)
    if options.get("cwd"):
        process["cwd"] = options["cwd"]
    if options.get("env"):
        process["env"] = [*base.get("env", ()), *options["env"]]
    user = options.get("user")
    if user is not None:
        uid, gid = user
        process["user"] = {**base.get("user", {}), "uid": uid}
        if gid is not None:
            process["user"]["gid"] = gid
    if options.get("additional_gids"):
        own = process.get("user", {})
        groups = own.get("additionalGids", ())
        process["user"] = {**own, "additionalGids": [*groups, *options["additional_gids"]]}
    if options.get("cap"):
        process["capabilities"] = _with_capabilities(base.get("capabilities", {}), options["cap"])
    if options.get("no_new_privs"):
        process["noNewPrivileges"] = True
    if options.get("apparmor"):
        process["apparmorProfile"] = options["apparmor"]
    if options.get("process_label"):
        process["selinuxLabel"] = options["process_label"]
    if args and not any(options.get(name) for name in TO_CHECK):
        # create has checked the rest; importing the check would take an eighth of an exec's time.
        return process  # type: ignore[return-value]
    from hutch.spec.check import check_process

    return check_process(process, config)[0]


def _with_capabilities(own: "Capabilities", names: "Sequence[str]") -> "Capabilities":
    inheritable = own.get("inheritable", [])
    raised = [name for name in names if name in inheritable]
    return {
        "bounding": [*own.get("bounding", ()), *names],
        "effective": [*own.get("effective", ()), *names],
        "permitted": [*own.get("permitted", ()), *names],
        "inheritable": inheritable,
        "ambient": [*own.get("ambient", ()), *raised],
    }


def execute(
    store: "Store",
    state: "State",
    config: "CheckedConfig",
    process: "CheckedProcess",
    options: "ExecOptions",
) -> "Init":
    """Runs a checked process and returns when it was executed. ``state`` and ``config`` are those
    of the container, as ``running`` returns them. The caller may wait for the returned ``Init`` or
    close it.

    Raises HutchError; after an error the process does not exist.
    """
    from hutch.container.host import read_host
    from hutch.plan.cgroup_paths import below
    from hutch.plan.enter import compile_exec, initial_cpus
    from hutch.plan.plan import Bindings

    warn, debug, trace = options.get("warn"), options.get("debug"), options.get("trace")
    host = read_host()
    filter = None
    agent: Agent | None = None
    profile = config.get("linux", {}).get("seccomp")
    if state.chose("watched"):
        from hutch.container.cold.seccomp.watch import joined

        filter, agent = joined(store, state, profile)
    elif profile:
        from hutch.container.filter_cache import filter_for

        filter = filter_for(profile, store.root + "/.filters")
    cgroup = state.cgroup()
    if cgroup is not None and options.get("cgroup"):
        cgroup = below(cgroup, options["cgroup"])
    plan = compile_exec(
        config,
        process,
        host,
        id=state.id,
        filter=filter,
        cgroup=cgroup,
        preserved=options.get("preserve_fds", 0),
        trace=trace is not None,
    )
    if warn is not None:
        for warning in plan.warnings:
            warn(warning)
    if debug is not None:
        from hutch.plan.steps import tell_steps

        tell_steps(plan, debug)
    cpus = initial_cpus(process)
    before = _bind_to(cpus) if cpus else set()
    try:
        pidfd = _open_first_process(state)
        try:
            init = launch_in_cgroup(
                plan,
                Bindings(cgroup),
                [pidfd],
                state.pid,
                trace=trace,
                stdio=options.get("stdio", OWN_STREAMS),
            )
        finally:
            posix.close(pidfd)
    finally:
        if before:
            posix.sched_setaffinity(0, before)
    init.root = "/proc/" + str(state.pid) + "/root"
    init.warn = warn
    try:
        if agent is None and filter is not None and filter.notify:
            from hutch.container.seccomp_agent import agent_of

            agent = agent_of(config)

        accompany(init, state, status.RUNNING, options.get("console"), agent)
        if state.rdt:
            from hutch.container.intel_rdt import join

            join(state.rdt, init.pid)
        if options.get("pid_file"):
            init.write_pid_file(absolute(options["pid_file"]))
        if options.get("pidfd_socket"):
            from hutch.container.fd_passing import hand_over

            hand_over(absolute(options["pidfd_socket"]), "pidfd", b"setns", init.pidfd)
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
