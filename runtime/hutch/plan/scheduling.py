"""process.scheduler, ioPriority and execCPUAffinity, linux.memoryPolicy and personality: the CPUs
and memory nodes of the process, and its scheduling.

The names are those of runtime-spec (config.md "Linux Process", config-linux.md "Memory policy",
"Personality"), the numbers those of <linux/sched.h>, <linux/ioprio.h>, <linux/mempolicy.h> and
<linux/personality.h>.
"""

from hutch.errors import ConfigError
from hutch.plan import operations as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.operations import Operation
    from hutch.spec.config import Linux, Process

POLICIES = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
SCHEDULER_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}
IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
IO_CLASS_SHIFT = 13

MEMORY_MODES = {
    "MPOL_DEFAULT": 0,
    "MPOL_PREFERRED": 1,
    "MPOL_BIND": 2,
    "MPOL_INTERLEAVE": 3,
    "MPOL_LOCAL": 4,
    "MPOL_PREFERRED_MANY": 5,
    "MPOL_WEIGHTED_INTERLEAVE": 6,
}
MEMORY_FLAGS = {
    "MPOL_F_NUMA_BALANCING": 1 << 13,
    "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_STATIC_NODES": 1 << 15,
}
DOMAINS = {"LINUX": 0x0000, "LINUX32": 0x0008}

# The sizes of hutch-init's masks: the largest NR_CPUS and MAX_NUMNODES of any kernel.
CPUS_MAX = 8192
NODES_MAX = 1024


def compile_scheduling(process: "Process") -> "list[Operation]":
    """The scheduling policy and the IO priority (sched_setattr(2), ioprio_set(2))."""
    result: list[Operation] = []
    settings = process.get("scheduler")
    if settings:
        flags = 0
        for flag in settings.get("flags") or []:
            flags |= SCHEDULER_FLAGS[flag]
        result.append(
            op.scheduler(
                "process.scheduler",
                policy=POLICIES[settings["policy"]],
                flags=flags,
                nice=settings.get("nice", 0),
                priority=settings.get("priority", 0),
                runtime=settings.get("runtime", 0),
                deadline=settings.get("deadline", 0),
                period=settings.get("period", 0),
            )
        )
    priority = process.get("ioPriority")
    if priority:
        value = IO_CLASSES[priority["class"]] << IO_CLASS_SHIFT | priority.get("priority", 0)
        result.append(op.io_priority("process.ioPriority", value))
    return result


def compile_placement(linux: "Linux") -> "list[Operation]":
    """The memory policy and the personality (set_mempolicy(2), personality(2)).

    They are settings of the container, so they hold for each process that the runtime starts in it.
    """
    result: list[Operation] = []
    policy = linux.get("memoryPolicy")
    if policy:
        mode = MEMORY_MODES[policy["mode"]]
        for flag in policy.get("flags") or []:
            mode |= MEMORY_FLAGS[flag]
        pointer = "linux.memoryPolicy"
        nodes = as_mask(policy.get("nodes") or "", NODES_MAX, pointer + ".nodes")
        result.append(op.memory_policy(pointer, mode, nodes))
    personality = linux.get("personality")
    if personality:
        pointer = "linux.personality.domain"
        result.append(op.personality(pointer, DOMAINS[personality["domain"]]))
    return result


def compile_affinity(text: str, pointer: str) -> "Operation":
    """Binds the process to the CPUs of a list such as "0-3,7" (sched_setaffinity(2))."""
    return op.affinity(pointer, as_mask(text, CPUS_MAX, pointer))


def as_mask(text: str, room: int, pointer: str) -> bytes:
    """A list such as "0-3,7" as a bit mask for the kernel: the lowest byte first, a multiple of 8
    bytes long. Raises ConfigError for a number that is not below ``room``."""
    numbers = numbers_of(text)
    if not numbers:
        return b""
    if numbers[-1] >= room:
        raise ConfigError(pointer, "no kernel counts that far", value=text)
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits.to_bytes((numbers[-1] // 64 + 1) * 8, "little")


def numbers_of(text: str) -> "list[int]":
    """The numbers of a checked list such as "0-3,7", sorted. A range is cut after CPUS_MAX numbers,
    more than any kernel has."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first.strip():
            begin = int(first)
            end = int(last) if dash else begin
            found.update(range(begin, min(end, begin + CPUS_MAX) + 1))
    return sorted(found)
