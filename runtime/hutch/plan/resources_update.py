"""Changing the limits of a cgroup that is in use: what to write, and in which order.

At each write the kernel compares some values with each other: memory with memory and swap, quota
with period (their ratio may not exceed the parent's), burst with quota, weight with idle. So it may
refuse an order that is right for a new cgroup. ``ordered`` reads the present values and chooses an
order that the kernel accepts.
"""

from hutch.errors import ConfigError
from hutch.plan.resources import POINTER, CgroupWrite
from hutch.plan.resources_compile import compile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hutch.plan.host import CgroupLayout
    from hutch.spec.config import Resources

MEMORY, MEMORY_AND_SWAP = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
UNLIMITED = 1 << 62  # v1 shows "no limit" as 1 << 63 minus one page, which is more than this

# (dividend, divisor): the kernel compares their ratio with the parent's.
BANDWIDTHS = (
    ("cpu.cfs_quota_us", "cpu.cfs_period_us"),
    ("cpu.rt_runtime_us", "cpu.rt_period_us"),
)
BURSTS = (("cpu.cfs_burst_us", "cpu.cfs_quota_us"), ("cpu.max.burst", "cpu.max"))
WEIGHTS = ("cpu.shares", "cpu.weight")

# By controller: if one of these files is written, ``ordered`` needs the present content of all.
COMPARED = {
    "memory": (MEMORY, MEMORY_AND_SWAP),
    "cpu": (
        *(file for pair in BANDWIDTHS for file in pair),
        *(file for pair in BURSTS for file in pair),
        "cpu.idle",
    ),
}

# The fields in which 0 is a value; in all other fields engines send 0 for "not set".
ZERO_COUNTS = frozenset(("memory.swappiness", "cpu.burst", "cpu.idle", "pids.limit"))


def merged(resources: "Resources | None", changes: "Resources") -> "Resources":
    """The container's resources after an update, to save for the next one.

    A field stays as it is if ``changes`` lacks it, or has it as null, "", [] or a zero for "not
    set". One exception: removing the memory limit also removes the limit of memory and swap
    together, which would still limit memory.
    """
    result: dict[str, object] = {**(resources or {})}
    for key, change in changes.items():
        if isinstance(change, dict):
            before = result.get(key)
            inside = {**before} if isinstance(before, dict) else {}
            for name, value in change.items():
                if _asks(f"{key}.{name}", value):
                    inside[name] = value
            if key == "memory" and change.get("limit") == -1 and inside.get("swap"):
                inside["swap"] = change.get("swap") or -1
            result[key] = inside
        elif change:
            result[key] = change
    return result  # type: ignore[return-value]


def _asks(field: str, value: object) -> bool:
    if value == 0 and type(value) is int:
        return field in ZERO_COUNTS
    return value is not None and value not in ("", [])


def compile_update(
    resources: "Resources | None", changes: "Resources", layout: "CgroupLayout"
) -> "list[CgroupWrite]":
    """The writes that update ``resources`` by ``changes``, in the order for a new cgroup.

    A field of ``changes`` is written even if it had the same value before. Another field is written
    if its value in the cgroup changes (on v2 the limit of swap depends on that of memory). Devices
    are not included. Raises the same errors as ``resources_compile.compile``.
    """
    before = {(write.file, write.value) for write in compile(resources, layout)}
    given = tuple(
        f"{POINTER}.{key}.{name}"
        for key, change in changes.items()
        if isinstance(change, dict)
        for name, value in change.items()
        if _asks(f"{key}.{name}", value)
    )
    return [
        write
        for write in compile(merged(resources, changes), layout)
        if (write.file, write.value) not in before or _under(write.pointer, given)
    ]


def _under(pointer: str, fields: "Sequence[str]") -> bool:
    return pointer in fields or pointer.partition("[")[0] in fields


def ordered(writes: "Sequence[CgroupWrite]", current: "Mapping[str, str]") -> "list[CgroupWrite]":
    """The writes of an update in an order that the kernel accepts.

    ``current`` has the present content of those files in COMPARED that exist. Raises ConfigError
    for a memory limit above the present limit of memory and swap.
    """
    result = list(writes)
    new = {write.file: write.value for write in writes}
    _order_memory(result, new, current)
    for dividend, divisor in BANDWIDTHS:
        if dividend in new and divisor in new and dividend in current and divisor in current:
            top, bottom = int(new[dividend]), int(new[divisor])
            was_top, was_bottom = int(current[dividend]), int(current[divisor])
            # After the first of the two writes, one file has its new value and the other its old
            # one. The order is chosen for the smaller of the two possible ratios. It is not above
            # both the old and the new ratio, so the kernel, which allows these, allows it too.
            if top == -1 or (was_top != -1 and top * bottom <= was_top * was_bottom):
                _put_before(result, dividend, divisor)
    for burst, quota in BURSTS:
        if burst in new and burst in current and quota in new:
            limit = new[quota].split()[0]
            if limit not in {"max", "-1"} and int(current[burst]) > int(limit):
                _put_before(result, burst, quota)
    if current.get("cpu.idle", "0").strip() != "0":
        for weight in WEIGHTS:
            _put_before(result, "cpu.idle", weight)
    return result


def _order_memory(
    result: "list[CgroupWrite]", new: "dict[str, str]", current: "Mapping[str, str]"
) -> None:
    if MEMORY not in new or MEMORY_AND_SWAP not in current:
        return
    limit, both = _bytes(new[MEMORY]), _bytes(current[MEMORY_AND_SWAP])
    if MEMORY_AND_SWAP in new:
        if _bytes(new[MEMORY_AND_SWAP]) >= both:
            _put_before(result, MEMORY_AND_SWAP, MEMORY)
    elif limit > both:
        at = next(i for i, write in enumerate(result) if write.file == MEMORY)
        pointer = result[at].pointer
        if limit < UNLIMITED:
            raise ConfigError(
                pointer,
                f"is above the present limit of memory and swap together, {both}",
                value=limit,
                hint="give memory.swap as well",
            )
        result.insert(at, CgroupWrite("memory", MEMORY_AND_SWAP, "-1", pointer))


def _bytes(content: str) -> int:
    value = int(content)
    return UNLIMITED if value < 0 else min(value, UNLIMITED)


def _put_before(writes: "list[CgroupWrite]", first: str, second: str) -> None:
    """Moves the write to file ``first`` before that to file ``second``, if there are both."""
    files = [write.file for write in writes]
    if first in files and second in files and files.index(first) > files.index(second):
        writes.insert(files.index(second), writes.pop(files.index(first)))


def check_memory(resources: "Resources", usage: int) -> None:
    """Raises ConfigError for a memory limit below the present ``usage`` (bytes), if
    ``checkBeforeUpdate`` asks for this check.

    On v1 the kernel refuses such a limit; on v2 it takes the limit and may kill processes
    (config-linux.md, Memory).
    """
    memory = resources.get("memory", {})
    limit = memory.get("limit") or 0
    if memory.get("checkBeforeUpdate") and 0 < limit < usage:
        raise ConfigError(
            f"{POINTER}.memory.limit", f"is below the present usage, {usage} bytes", value=limit
        )
