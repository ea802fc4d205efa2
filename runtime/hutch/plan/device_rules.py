"""``linux.resources.devices``: who may open or make which device node.

The rules are read in order, the last one that speaks of an access decides, and what no rule speaks
of is denied. The devices that every container has (config-linux.md, Default Devices) are allowed
without being asked for, and so is making any node, which gives nobody the right to open it. These
defaults stand behind the last rule that denies a whole type, so that the usual "deny all" leaves
them, and a rule that denies one of them takes it away.

v1 keeps a list for the cgroup, to which one line at a time is written (device_lines); v2 asks an
eBPF program at every access (device_program.py).
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
    """One rule: ``type`` "a", "b" or "c"; ``major`` and ``minor``, None for all; access bits."""

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
        """Whether the rule leaves nothing of the earlier ones."""
        return self.type == "a" and self.any_number() and self.access == ALL

    def any_number(self) -> bool:
        return self.major is None and self.minor is None


# config-linux.md, Default Devices; 136:* are the pseudo-terminals below /dev/pts. tun (10:200) is
# none of them, but runtimes have always allowed it, and VPN programs make the node themselves.
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
    """The rules in force, the config's and the defaults, in order; the first is for everything."""
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
    """The writes to devices.allow and devices.deny (v1) that amount to the ``effective`` rules.

    The kernel keeps a behaviour, allow or deny, and a list of exceptions to it, each for one type
    and one number or all (Documentation/admin-guide/cgroup-v1/devices.rst). A hole inside an
    exception cannot be written: to deny c 1:3 does nothing where c 1:* is allowed. Raises
    ConfigError for rules that would need one. The config's own lines come first.
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
    """The writes (v1) that lead from rules in force to others.

    New exceptions come before old ones go, so that at no moment a running container has more than
    the old and the new rules allow, or less than both. Only a change between "deny all but" and
    "allow all but" starts afresh.
    """
    allow = after[0].allow
    if before[0].allow != allow:
        return device_lines(after)
    old, new = exceptions_of(before), exceptions_of(after)
    ended = _lines(allow, _difference(old, new))
    begun = _lines(not allow, _difference(new, old))
    return begun + ended


def _lines(allow: bool, exceptions: "Exceptions") -> "list[CgroupWrite]":
    """A line for each exception, those of the config before the defaults."""
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
    """What ``one`` has and ``other`` has not, access by access."""
    result: Exceptions = {}
    for key, (access, rule) in one.items():
        if rest := access & ~other.get(key, (0, rule))[0]:
            result[key] = (rest, rule)
    return result


def _star(number: "int | None") -> str:
    return "*" if number is None else str(number)


def exceptions_of(rules: "Sequence[DeviceRule]") -> "Exceptions":
    """The exceptions to the first rule that the others leave: (type, numbers) -> (access, rule)."""
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
                        f"cgroup v1 cannot {verb} a part of what {first.pointer} speaks of "
                        f"({other[0]} {_star(other[1])}:{_star(other[2])})",
                    )
    return found


def _meet(one: "Key", other: "Key") -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _within(one: "Key", other: "Key") -> bool:
    return all(b is None or a == b for a, b in zip(one, other, strict=True))
