"""linux.resources of a container from what was asked (docs: "Runtime constraints on resources")."""

from typing import TYPE_CHECKING

from hutch.engine.containers.options import Options
from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.spec.config import Resources

LEAST_MEMORY = 6 << 20
PERIOD = 100_000  # microseconds in which --cpus has a quota


def resources(options: Options) -> "Resources":
    """What the options limit; the rest is left out. Raises UsageError for what contradicts."""
    found: Resources = {}
    check(options)
    memory = found.setdefault("memory", {})
    if options.memory:
        memory["limit"] = options.memory
        # As Docker: with no word on swap, as much again.
        memory["swap"] = options.memory_swap or (2 * options.memory if options.memory > 0 else 0)
        if not memory["swap"]:
            del memory["swap"]
    elif options.memory_swap:
        memory["swap"] = options.memory_swap
    if options.memory_reservation:
        memory["reservation"] = options.memory_reservation
    if options.memory_swappiness is not None:
        memory["swappiness"] = options.memory_swappiness
    if options.oom_kill_disable:
        memory["disableOOMKiller"] = True
    cpu = found.setdefault("cpu", {})
    if options.cpu_shares:
        cpu["shares"] = options.cpu_shares
    if options.nano_cpus:
        cpu["period"], cpu["quota"] = PERIOD, options.nano_cpus * PERIOD // 1_000_000_000
    if options.cpu_period:
        cpu["period"] = options.cpu_period
    if options.cpu_quota:
        cpu["quota"] = options.cpu_quota
    if options.cpuset_cpus:
        cpu["cpus"] = options.cpuset_cpus
    if options.cpuset_mems:
        cpu["mems"] = options.cpuset_mems
    if options.pids_limit is not None:
        found["pids"] = {"limit": options.pids_limit or -1}
    if options.blkio_weight:
        found["blockIO"] = {"weight": options.blkio_weight}
    if not memory:
        del found["memory"]
    if not cpu:
        del found["cpu"]
    return found


def check(options: Options) -> None:
    """Raises UsageError for limits that cannot be meant."""
    if 0 < options.memory < LEAST_MEMORY:
        raise UsageError("--memory: the least is 6m")
    if options.memory_swap > 0 and not options.memory:
        raise UsageError("--memory-swap counts memory and swap together: give --memory too")
    if 0 < options.memory_swap < options.memory:
        raise UsageError("--memory-swap must not be less than --memory: it counts both together")
    if 0 < options.memory < options.memory_reservation:
        raise UsageError("--memory-reservation must be less than --memory")
    if options.blkio_weight and not 10 <= options.blkio_weight <= 1000:
        raise UsageError("--blkio-weight is 10 to 1000")
