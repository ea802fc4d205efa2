"""``linux.resources.devices``: which device nodes the container may open or make.

The rules are read in order. The last rule that names an access decides about it; an access that no
rule names is denied. Without any rule of the config, a container may use the default devices
(config-linux.md, Default Devices) and may make any node: a node alone gives no right to open it.
These default rules are inserted after the last rule of the config that denies a whole type. So the
usual "deny all" does not deny the default devices, but a rule that denies one of them does.

On v1 the cgroup has a list, which is changed by one line at a time (device_lines). On v2 an eBPF
program decides about each access (device_program.py).
"""

from hutch.errors import ConfigError
from hutch.plan.resources import POINTER, CgroupWrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.spec.config import DeviceRule as Entry

    Key = tuple[str, int | None, int | None]
    Exceptions = dict[Key, tuple[int, "DeviceRule"]]

AT = f"{POINTER}.devices"

# The bits of <linux/bpf.h>, BPF_DEVCG_ACC_*.
MKNOD, READ, WRITE = 1, 2, 4
ALL = MKNOD | READ | WRITE
FILES = {True: "devices.allow", False: "devices.deny"}
LETTERS = {"r": READ, "w": WRITE, "m": MKNOD}


class DeviceRule:
    """One rule: ``type`` is "a" (all), "b" or "c"; ``major`` and ``minor`` are numbers, None for
    all; ``access`` is a mask of MKNOD, READ and WRITE."""

    __slots__ = ("access", "allow", "major", "minor", "pointer", "type")

    def __init__(
        self,
        allow: bool,
        type: str,
        major: "int | None",
        minor: "int | None",
        access: int,
        pointer: str,
    ) -> None:
        self.allow = allow
        self.type = type
        self.major = major
        self.minor = minor
        self.access = access
        self.pointer = pointer

    def everything(self) -> bool:
        """Whether the rule is for all accesses to all devices, so that earlier rules are void."""
        return self.type == "a" and self.any_number() and self.access == ALL

    def any_number(self) -> bool:
        return self.major is None and self.minor is None


# config-linux.md, Default Devices; 136:* are the pseudo-terminals below /dev/pts. tun (10:200) is
# not a default device, but other runtimes allow it, and VPN programs make the node themselves.
DEFAULTS = (
    ("c", None, None, MKNOD),
    ("b", None, None, MKNOD),
    ("c", 1, 3, ALL),  # null
    ("c", 1, 5, ALL),  # zero
    ("c", 1, 7, ALL),  # full
    ("c", 1, 8, ALL),  # random
    ("c", 1, 9, ALL),  # urandom
    ("c", 5, 0, ALL),  # tty
    ("c", 5, 2, ALL),  # ptmx
    ("c", 136, None, ALL),
    ("c", 10, 200, ALL),
)


def parse(devices: "Sequence[Entry]") -> "list[DeviceRule]":
    """The rules of the config.

    An absent type, number or access means all, and so does -1 for a number.
    """
    return [
        DeviceRule(
            entry["allow"],
            entry.get("type", "a"),
            _or_all(entry.get("major", -1)),
            _or_all(entry.get("minor", -1)),
            sum([LETTERS[letter] for letter in set(entry.get("access", "rwm"))]),
            f"{AT}[{i}]",
        )
        for i, entry in enumerate(devices)
    ]


def _or_all(number: int) -> "int | None":
    return None if number == -1 else number


def effective(devices: "Sequence[Entry] | None") -> "list[DeviceRule]":
    """The rules of the config and the default rules, in order. The first rule is for all accesses
    to all devices."""
    rules = parse(devices or ())
    start = DeviceRule(False, "a", None, None, ALL, AT)
    for i in range(len(rules) - 1, -1, -1):
        if rules[i].everything():
            start = rules[i]
            rules = rules[i + 1 :]
            break
    if start.allow:
        return [start, *rules]
    place = 0
    for i, rule in enumerate(rules):
        if rule.any_number() and not rule.allow:
            place = i + 1
    defaults = [
        DeviceRule(True, kind, major, minor, access, AT) for kind, major, minor, access in DEFAULTS
    ]
    return [start, *rules[:place], *defaults, *rules[place:]]


def device_lines(rules: "Sequence[DeviceRule]") -> "list[CgroupWrite]":
    """The writes to devices.allow and devices.deny (v1) that carry out the ``effective`` rules.

    The kernel keeps a behaviour, allow or deny, and a list of exceptions to it, each for one type
    and one number or all (Documentation/admin-guide/cgroup-v1/devices.rst). An exception to an
    exception is not possible: if c 1:* is allowed, denying c 1:3 has no effect. Raises ConfigError
    for rules that would need it. The lines of the config come before those of the default rules.
    """
    start = rules[0]
    return [
        CgroupWrite(
            "devices", FILES[start.allow], "a", start.pointer, optional=start.pointer == AT
        ),
        *_lines(not start.allow, exceptions_of(rules)),
    ]


def device_changes(
    before: "Sequence[DeviceRule]", after: "Sequence[DeviceRule]"
) -> "list[CgroupWrite]":
    """The writes (v1) that change the rules ``before`` of a running container to ``after``.

    New exceptions are added before old ones are removed. So at every moment the container may do
    only what the old or the new rules allow, and may do all that both allow. A change between "deny
    all but" and "allow all but" writes all lines again.
    """
    allow = after[0].allow
    if before[0].allow != allow:
        return device_lines(after)
    old, new = exceptions_of(before), exceptions_of(after)
    ended = _lines(allow, _difference(old, new))
    begun = _lines(not allow, _difference(new, old))
    return begun + ended


def _lines(allow: bool, exceptions: "Exceptions") -> "list[CgroupWrite]":
    """A line for each exception; those of the config come before the default ones."""
    own: list[CgroupWrite] = []
    defaults: list[CgroupWrite] = []
    for (kind, major, minor), (access, rule) in exceptions.items():
        letters = "".join(letter for letter, bit in LETTERS.items() if access & bit)
        value = f"{kind} {_star(major)}:{_star(minor)} {letters}"
        default = rule.pointer == AT
        write = CgroupWrite("devices", FILES[allow], value, rule.pointer, optional=default)
        (defaults if default else own).append(write)
    return own + defaults


def _difference(one: "Exceptions", other: "Exceptions") -> "Exceptions":
    """The accesses of the exceptions in ``one`` that ``other`` does not have."""
    result: Exceptions = {}
    for key, (access, rule) in one.items():
        if rest := access & ~other.get(key, (0, rule))[0]:
            result[key] = (rest, rule)
    return result


def _star(number: "int | None") -> str:
    return "*" if number is None else str(number)


def exceptions_of(rules: "Sequence[DeviceRule]") -> "Exceptions":
    """The exceptions to the first rule that all rules together make.

    Each is (type, major, minor) -> (access, the rule that it is from). Raises ConfigError if a rule
    needs an exception to an exception.
    """
    allow = rules[0].allow
    found: Exceptions = {}
    for rule in rules[1:]:
        for kind in ("c", "b") if rule.type == "a" else (rule.type,):
            key = (kind, rule.major, rule.minor)
            if rule.allow != allow:
                access, first = found.get(key, (0, rule))
                found[key] = (access | rule.access, first)
                continue
            for other in list(found):
                access, first = found[other]
                common = access & rule.access
                if not common or not _meet(key, other):
                    continue
                if _within(other, key):
                    if access == common:
                        del found[other]
                    else:
                        found[other] = (access & ~common, first)
                elif not (common == MKNOD and first.pointer == AT):
                    verb = "allow" if allow else "deny"
                    raise ConfigError(
                        rule.pointer,
                        f"cgroup v1 cannot {verb} a part of the devices of {first.pointer} "
                        f"({other[0]} {_star(other[1])}:{_star(other[2])})",
                    )
    return found


def _meet(one: "Key", other: "Key") -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _within(one: "Key", other: "Key") -> bool:
    return all(b is None or a == b for a, b in zip(one, other, strict=True))
