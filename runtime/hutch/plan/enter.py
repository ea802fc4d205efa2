"""The compiler for exec: a second process in a running container.

hutch-init joins all of the container's namespaces at once through a pidfd of the container's first
process (setns(2)), and clones itself to get into the pid namespace. Then it sets itself up like
the first process.
"""

from hutch.plan import operations as op
from hutch.plan.namespaces import FIRST_SLOT, TYPES, are_groups_denied
from hutch.plan.plan import (
    ALL_CPUS,
    CGROUP_COUNT,
    CREATED,
    KEYRING,
    PROCFS,
    SESSION,
    TRACE,
    Later,
    Plan,
)
from hutch.plan.process import (
    UNTRACED,
    compile_console,
    compile_limits,
    compile_program,
    compile_rights,
    placement_of,
    scheduling_of,
    variables_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.errors import HutchError
    from hutch.kernel.seccomp import Filter
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.host import Host
    from hutch.plan.operations import Operation
    from hutch.spec.config import CheckedConfig, CheckedProcess, Process

EXEC = "runtime: exec"
FIRST_PROCESS = "the container's first process"


def compile_exec(
    config: "CheckedConfig",
    process: "CheckedProcess",
    host: "Host",
    *,
    id: str,
    filter: "Filter | None",
    cgroup: "Cgroup | None" = None,
    preserved: int = 0,
    new_keyring: bool = True,
    trace: bool = False,
) -> Plan:
    """The plan of an exec.

    ``config`` is the container's config at create, ``process`` the checked process to run. Slot 2
    is a pidfd of the container's first process. Raises ConfigError or HostError for a field that
    cannot be carried out.
    """
    warnings: list[HutchError] = []
    flags = 0
    kinds = set()
    for namespace in config.get("linux", {}).get("namespaces") or []:
        flags |= TYPES[namespace["type"]]
        kinds.add(namespace["type"])
    in_user_namespace = "user" in kinds
    slot = FIRST_SLOT + 1
    trace_slot = 0
    operations: list[Operation] = []
    if trace:
        trace_slot = slot
        slot += 1
        operations.append(op.trace("", trace_slot, reason=TRACE))
    protect = op.protect(reason=UNTRACED)
    operations.append(protect)
    operations.append(op.enter_cgroups("", slot, Later(CGROUP_COUNT, 0), reason=EXEC))
    operations += _affinity(process)
    if flags:
        operations.append(op.join("", FIRST_SLOT, flags, reason=EXEC))
    operations.append(op.clone("", 0, reason=EXEC))
    if in_user_namespace:
        operations += [op.become_root(reason=EXEC), protect]
    operations.append(op.session(reason=SESSION))
    operations.append(op.open_proc(reason=PROCFS))
    operations.append(op.current_root(reason=EXEC))
    if new_keyring:
        operations.append(op.keyring("", "_ses." + id, reason=KEYRING))
    operations += compile_console(process, bind=False)
    operations += compile_limits(process)
    operations += placement_of(config.get("linux", {}))
    operations += scheduling_of(process)
    operations += compile_program(process, in_user_namespace)
    operations += compile_rights(
        process,
        host,
        in_user_namespace,
        groups_denied=are_groups_denied(config.get("linux", {}), host, in_user_namespace),
        filter=filter,
        warnings=warnings,
        outlive=EXEC,
    )
    operations.append(op.barrier("", CREATED, reason=EXEC))
    operations.append(op.exec("process.args", process["args"], variables_of(process)))
    return Plan(
        operations,
        warnings,
        cgroup=cgroup,
        preserved=preserved,
        oom_score_adj=process.get("oomScoreAdj"),
        slots=[("", EXEC, FIRST_PROCESS)],
        trace_slot=trace_slot,
    )


def initial_cpus(process: "Process") -> "list[int]":
    """The CPUs that the runtime itself must run on when it starts the process; []: any.

    This is execCPUAffinity.initial of config.md.
    """
    text = process.get("execCPUAffinity", {}).get("initial")
    if not text:
        return []
    from hutch.plan.scheduling import numbers_of

    return numbers_of(text)


def _affinity(process: "Process") -> "list[Operation]":
    """config.md "execCPUAffinity": the CPUs after the process has entered its cgroup.

    They are the final ones. With initial CPUs only, the kernel has reduced these to the CPUs of the
    cpuset already. With neither, they are all CPUs of the cpuset.
    """
    affinity = process.get("execCPUAffinity", {})
    if affinity.get("final"):
        from hutch.plan.scheduling import compile_affinity

        return [compile_affinity(affinity["final"], "process.execCPUAffinity.final")]
    if affinity.get("initial"):
        return []
    return [op.affinity("", b"", reason=ALL_CPUS)]
