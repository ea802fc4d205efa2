"""The limits of a container as properties of its systemd scope.

The runtime also writes all limits to the files of the cgroup, with exact values. But when systemd
reloads, it writes the limits that it knows to the files again, so it must know them. It does not
change files for which it has no property (systemd.resource-control(5)).
"""

from hutch.errors import ConfigError
from hutch.plan.device_rules import LETTERS, exceptions_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hutch.plan.device_rules import DeviceRule
    from hutch.plan.resources import CgroupWrite
    from hutch.plan.scope import Property

INFINITE = (1 << 64) - 1
PERIOD = "100000"  # the kernel's default, in microseconds
CPUS_MAX = 8192  # CONFIG_NR_CPUS at its largest


def properties_for(writes: "Sequence[CgroupWrite]") -> "list[Property]":
    """The properties for those writes that systemd has a property for."""
    files = {write.file: write.value for write in writes}
    for write in writes:
        if write.fallback:
            files.setdefault(*write.fallback)
    result: list[Property] = []
    for file, name, convert in SIMPLE:
        if file in files:
            value = convert(files[file])
            if value is not None:
                result.append((name, "ay" if isinstance(value, bytes) else "t", value))
    quota, period = _bandwidth(files)
    if quota is not None and period:
        per_second = INFINITE if quota == INFINITE else quota * 1_000_000 // period
        result.append(("CPUQuotaPerSecUSec", "t", per_second))
        result.append(("CPUQuotaPeriodUSec", "t", period))
    return result


def _bandwidth(files: "dict[str, str]") -> "tuple[int | None, int | None]":
    """Quota and period in microseconds, of cpu.max or of the two files of v1."""
    if "cpu.max" in files:
        quota, _, period = files["cpu.max"].partition(" ")
    else:
        quota, period = files.get("cpu.cfs_quota_us", ""), files.get("cpu.cfs_period_us", "")
    return _number(quota), _number(period or PERIOD)


def _number(text: str) -> "int | None":
    if text in ("max", "-1"):
        return INFINITE
    return int(text) if text.isascii() and text.isdigit() else None


def _tasks(text: str) -> "int | None":
    # systemd has no limit of 0 tasks, so 1 is the nearest value.
    return _number(text) or 1


def _default_weight(text: str) -> "int | None":
    """The default weight in a line of io.weight or blkio.weight; None for the weight of a device,
    because systemd takes only the device's path, not its number."""
    name, _, number = text.rpartition(" ")
    return _number(number) if name in ("", "default") else None


def _set_of_numbers(text: str) -> "bytes | None":
    """ "0-2,5" as a bit mask, the lowest byte first."""
    mask = 0
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        high = high if dash else low
        if not (low.isdigit() and high.isdigit()) or int(high) >= CPUS_MAX:
            return None  # the write to the cgroup's file fails then, with the kernel's error
        for number in range(int(low), int(high) + 1):
            mask |= 1 << number
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


SIMPLE: "tuple[tuple[str, str, Callable[[str], int | bytes | None]], ...]" = (
    ("memory.max", "MemoryMax", _number),
    ("memory.high", "MemoryHigh", _number),
    ("memory.low", "MemoryLow", _number),
    ("memory.min", "MemoryMin", _number),
    ("memory.swap.max", "MemorySwapMax", _number),
    ("memory.limit_in_bytes", "MemoryLimit", _number),
    ("cpu.weight", "CPUWeight", _number),
    ("cpu.shares", "CPUShares", _number),
    ("cpuset.cpus", "AllowedCPUs", _set_of_numbers),
    ("cpuset.mems", "AllowedMemoryNodes", _set_of_numbers),
    ("io.weight", "IOWeight", _default_weight),
    ("blkio.weight", "BlockIOWeight", _default_weight),
    ("pids.max", "TasksMax", _tasks),
)


def device_properties(rules: "Sequence[DeviceRule]") -> "list[Property]":
    """DevicePolicy and DeviceAllow for ``effective`` rules.

    systemd can only have a list of allowed devices. If the rules are not such a list, systemd gets
    no device rules, and only hutch's device program (v2) or lines (v1) limit the access.
    """
    allowed: list[tuple[str, str]] | None = None
    if not rules[0].allow:
        allowed = _allowed(rules)
    policy = "auto" if allowed is None else "strict"
    return [("DevicePolicy", "s", policy), ("DeviceAllow", "a(ss)", allowed or [])]


def _allowed(rules: "Sequence[DeviceRule]") -> "list[tuple[str, str]] | None":
    try:
        exceptions = exceptions_of(rules)
    except ConfigError:
        return None
    result = []
    for (kind, major, minor), (access, _) in exceptions.items():
        name = "char" if kind == "c" else "block"
        if major is None and minor is not None:
            return None
        if minor is not None:
            node = f"/dev/{name}/{major}:{minor}"
        else:
            node = f"{name}-{'*' if major is None else major}"
        result.append((node, "".join([c for c, bit in LETTERS.items() if access & bit])))
    return result
