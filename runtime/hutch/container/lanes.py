"""The runtime's lanes: what it does beside hutch-init between the spawn and the last barrier.

Joining the cgroup begins as soon as there is a process. On cgroup v1 the first write sleeps for an
RCU grace period, some milliseconds in which hutch-init mounts; only where a barrier needs the
process in its cgroup does it wait for us.
"""

import posix

from hutch.container import status
from hutch.container.init import AT, FD, PID
from hutch.errors import HutchError, KernelError
from hutch.plan import plan as barriers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hutch.container.init import Init
    from hutch.plan.plan import Plan


def accompany(
    init: "Init",
    plan: "Plan",
    cgroup_mode: str,
    state: "dict[str, Any] | None" = None,
    console: "Callable[[int], None] | None" = None,
) -> None:
    """Goes along with hutch-init to the barrier CREATED, which is not answered.

    ``state`` is what hooks read; ``console`` takes the pty's master. Raises what went wrong.
    """
    # A process that is only a stepping stone need not join: the one that goes on will.
    stepping = any(operation.name == "clone" for operation in plan.operations)
    if not stepping:
        _place(init, plan, cgroup_mode)
    while True:
        message = init.message()
        if message is None:
            raise _died(init, plan)
        if message.kind == FD:
            if console is None:
                posix.close(message.fd)
            else:
                console(message.fd)
        elif message.kind == PID:
            _place(init, plan, cgroup_mode)
            init.answer()
        elif message.kind == AT:
            if message.number == barriers.CREATED:
                return
            if message.number == barriers.NAMESPACES:
                _write_map(init.pid, "uid_map", plan.uid_map)
                _write_map(init.pid, "gid_map", plan.gid_map)
            elif message.number == barriers.MOUNTED:
                _run_hooks(init, plan, state or {})
            init.answer()


def _place(init: "Init", plan: "Plan", cgroup_mode: str) -> None:
    # On v2 the process was cloned into its cgroup.
    if plan.cgroup is not None and cgroup_mode != "v2":
        from hutch.cgroups import join

        join(plan.cgroup, init.pid)
    if plan.oom_score_adj is not None:
        _write_proc(
            init.pid,
            "oom_score_adj",
            str(plan.oom_score_adj),
            "process.oomScoreAdj",
            "lowering it below the caller's own takes CAP_SYS_RESOURCE",
        )


def _run_hooks(init: "Init", plan: "Plan", state: "dict[str, Any]") -> None:
    from hutch.container.hooks import run_hooks

    shown = status.public_state({**state, "pid": init.pid}, status.CREATING)
    run_hooks(plan.hooks, shown)


def _write_map(pid: int, name: str, text: str) -> None:
    if name == "gid_map" and posix.geteuid() != 0:
        # user_namespaces(7): without privilege a gid map takes giving up setgroups first.
        _write_proc(pid, "setgroups", "deny", "linux.gidMappings", "")
    field = "linux.uidMappings" if name == "uid_map" else "linux.gidMappings"
    _write_proc(
        pid,
        name,
        text,
        field,
        "the ranges must not overlap, and without root only the caller's own id can be mapped",
    )


def _write_proc(pid: int, name: str, text: str, pointer: str, hint: str) -> None:
    path = "/proc/" + str(pid) + "/" + name
    try:
        fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
        try:
            posix.write(fd, text.encode())
        finally:
            posix.close(fd)
    except OSError as error:
        shown = "; ".join(text.split("\n")).strip("; ")
        raise KernelError(
            "write " + shown + " to " + path, "write", error.errno, pointer=pointer, hint=hint
        ) from None


def _died(init: "Init", plan: "Plan") -> HutchError:
    """The init ended without a word: by the memory limit more often than by anything else."""
    code = init.reap()
    if plan.cgroup is not None:
        from hutch.cgroups import oom_killed

        if oom_killed(plan.cgroup):
            return HutchError(
                "config.json: linux.resources.memory.limit: the kernel killed the container's "
                "first process for want of memory",
                hint="the limit is too small for the container to start; 256 KiB is the least",
            )
    how = f"by signal {code - 128}" if code > 128 else f"with exit status {code}"
    return HutchError("the container's first process ended " + how + " before it was ready")
