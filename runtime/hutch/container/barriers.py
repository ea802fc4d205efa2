"""What the runtime does for hutch-init: at its start, and while it waits at a barrier."""

import posix
from errno import EACCES

from hutch import cgroups
from hutch.container import status
from hutch.container.init_process import launch, write_proc
from hutch.errors import ConfigError, HutchError, KernelError
from hutch.kernel.process import OWN_STREAMS
from hutch.plan import plan as barriers
from hutch.plan.operations import ASK, AT, FD, LISTENER, PID
from hutch.plan.plan import CGROUP_COUNT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.cold.seccomp.watch import Watch
    from hutch.container.init_process import Init
    from hutch.container.seccomp_agent import Agent
    from hutch.container.state import State
    from hutch.container.trace import Trace
    from hutch.plan.plan import Bindings, Plan


def launch_in_cgroup(
    plan: "Plan",
    bindings: "Bindings",
    slots: "list[int]",
    beside: int = 0,
    *,
    trace: "Trace | None" = None,
    stdio: "tuple[int, int, int]" = OWN_STREAMS,
) -> "Init":
    """Starts hutch-init with the descriptors ``slots`` and those with which it joins its cgroups.

    ``stdio`` are its standard streams. ``beside`` is the pid of the container's first process, or 0
    if there is none yet. Raises KernelError.
    """
    if trace is not None:
        slots = [*slots, trace.share(plan)]
    cgroup = bindings.cgroup
    if cgroup is None:
        return launch(plan, bindings, slots, -1, stdio)
    unit = cgroup.unit
    tasks = cgroups.join_descriptors(cgroup)
    bindings.values[CGROUP_COUNT] = len(tasks)
    directory = -1
    try:
        # With pids.max 0 a process can be moved into the cgroup, but not be started in it (v2).
        takes_none = any(write.file == "pids.max" and write.value == "0" for write in plan.writes)
        if not takes_none:
            directory = cgroups.open_directory(cgroup, beside)
        try:
            init = launch(plan, bindings, [*slots, *tasks], directory, stdio)
        except KernelError as error:
            # The caller is outside of the cgroups delegated to the user's systemd: only root's
            # systemd can move a process there (cgroup-v2.rst, "Delegation Containment").
            if directory < 0 or unit is None or not unit.user or error.errno != EACCES:
                raise
            takes_none = True
            init = launch(plan, bindings, [*slots, *tasks], -1, stdio)
        if takes_none:
            cgroups.join(cgroup, init.pid, beside)
            init.beside = beside
        return init
    finally:
        for fd in tasks:
            posix.close(fd)
        if directory >= 0:
            posix.close(directory)


def accompany(
    init: "Init",
    state: "State",
    now: str,
    console: "Callable[[int], None] | None",
    agent: "Agent | Watch | None",
) -> None:
    """Answers the messages of hutch-init up to the barrier CREATED, which is not answered.

    ``state`` is the container's, ``now`` its status as the agent is told; ``console`` is called
    with the pty's master, ``agent`` gets the listener of the seccomp filter. Raises HutchError.
    """
    plan, cgroup = init.plan, init.bindings.cgroup
    while True:
        message = init.message()
        if message is None:
            raise _died(init)
        if message.kind == FD:
            if console is None:
                posix.close(message.fd)
            else:
                console(message.fd)
        elif message.kind == LISTENER:
            assert agent is not None
            listener = init.fetch(message.number, agent.watches)
            if listener >= 0:
                agent.hand_over(state, now, init.pid, listener)
        elif message.kind == PID:
            if init.beside is not None and cgroup is not None:
                # This process may have been forked before its parent was moved to the cgroup.
                cgroups.join(cgroup, init.pid, init.beside)
            init.answer()
        elif message.kind == ASK:
            from hutch.container.bind_sources import hand_source

            operation = plan.operations[message.number]
            assert operation.name == "bind"
            source = operation.source
            hand_source(init, source if isinstance(source, str) else str(init.bindings.of(source)))
        elif message.kind == AT:
            if message.number == barriers.CREATED:
                if plan.oom_score_adj is not None:
                    _set_oom_score(init.pid, plan.oom_score_adj)
                return
            if message.number == barriers.NAMESPACES:
                if plan.mapped_namespace:
                    from hutch.container.uid_gid_maps import compare_maps

                    compare_maps(init.pid, plan)
                elif plan.uid_map:
                    from hutch.container.uid_gid_maps import write_maps

                    write_maps(init.pid, plan)
                if plan.time_offsets:
                    _set_time(init.pid, plan.time_offsets)
            elif message.number == barriers.NETWORK:
                from hutch.container.cold.net_devices import move_devices

                move_devices(plan, init.pid)
            elif message.number == barriers.MOUNTED:
                _run_hooks(init, plan, state)
            init.answer()


# How hutch-init ends if the filter that it has just loaded stops it: by SIGSYS if the filter kills
# it, by SIGILL or SIGTRAP if the filter forbids exit (native/init/failure.c, end).
FORBIDDEN = {
    128 + 4: "the filter forbids the container's first process to tell what failed, and to exit",
    128 + 5: "the filter forbids the container's first process to tell what failed, and to exit",
    128 + 31: "the filter killed the container's first process before it was ready",
}


def _set_oom_score(pid: int, score: int) -> None:
    write_proc(
        pid,
        "oom_score_adj",
        str(score),
        "process.oomScoreAdj",
        "lowering it below the caller's own value needs CAP_SYS_RESOURCE",
    )


def _set_time(pid: int, offsets: str) -> None:
    write_proc(
        pid,
        "timens_offsets",
        offsets,
        "linux.timeOffsets",
        "no clock can be set before its zero, nor beyond 146 years",
    )


def _run_hooks(init: "Init", plan: "Plan", state: "State") -> None:
    from hutch.container.hooks import run_hooks

    # In the specification (runtime.md "Lifecycle") the status is "creating" in step 2, and these
    # hooks are steps 3 to 5; but runc tells hooks "creating" until create has ended.
    now = status.CREATED if state.chose("strict") else status.CREATING
    run_hooks(plan.hooks, state.public(now, init.pid), init.warn)


def _died(init: "Init") -> HutchError:
    """The error if hutch-init has ended without a message; the memory limit is the usual cause."""
    code = init.reap()
    plan, cgroup = init.plan, init.bindings.cgroup
    if cgroup is not None:
        from hutch.container.want_of_memory import MEMORY, NEED, want_of_memory

        values = [write.value for write in plan.writes if write.pointer == MEMORY]
        limit = int(values[0]) if values and values[0].isdecimal() else None
        error = want_of_memory(cgroup, limit, "the container's first process")
        if error is not None:
            error.hint = (
                "the limit, in bytes, is too small for the container to start: that takes up to "
                f"{NEED}, and its program needs more"
            )
            error.facts = {"cause": "memory", "need": NEED}
            return error
    if code in FORBIDDEN and any(step.name == "seccomp" for step in plan.operations):
        return ConfigError(
            "linux.seccomp",
            FORBIDDEN[code],
            hint="what every program calls must be allowed: read, write, execve and exit_group, "
            "and without process.noNewPrivileges capset",
        )
    how = f"by signal {code - 128}" if code > 128 else f"with exit status {code}"
    return HutchError("the container's first process ended " + how + " before it was ready")
