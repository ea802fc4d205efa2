"""linux.seccomp: the names it may use, and its rules.

``translate`` replaces the names in a checked profile (config-linux.md, "Seccomp") by numbers, from
which hutch.kernel.libseccomp compiles a program. The numbers are those of libseccomp's seccomp.h;
most of them are the kernel's too.
"""

from hutch.errors import ConfigError
from hutch.spec.linux_rules import WITH_ERRNO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.errors import HutchError
    from hutch.spec.config import Seccomp as Profile
    from hutch.spec.config import SyscallArgument

    # Comparison: index of the argument, operator, two values. Condition: all must be true.
    Comparison = tuple[int, int, int, int]
    Condition = tuple[Comparison, ...]

ERRNO = 0x0005_0000
TRACE = 0x7FF0_0000
NOTIFY = 0x7FC0_0000
ACTIONS = {
    "SCMP_ACT_KILL": 0,
    "SCMP_ACT_KILL_PROCESS": 0x8000_0000,
    "SCMP_ACT_KILL_THREAD": 0,
    "SCMP_ACT_TRAP": 0x0003_0000,
    "SCMP_ACT_ERRNO": ERRNO,
    "SCMP_ACT_TRACE": TRACE,
    "SCMP_ACT_ALLOW": 0x7FFF_0000,
    "SCMP_ACT_LOG": 0x7FFC_0000,
    "SCMP_ACT_NOTIFY": NOTIFY,
}

OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}

# AUDIT_ARCH_... of the kernel, except for x32, which has the AUDIT_ARCH of x86_64 there.
ARCHITECTURES = {
    "SCMP_ARCH_X86": 0x4000_0003,
    "SCMP_ARCH_X86_64": 0xC000_003E,
    "SCMP_ARCH_X32": 0x4000_003E,
    "SCMP_ARCH_ARM": 0x4000_0028,
    "SCMP_ARCH_AARCH64": 0xC000_00B7,
    "SCMP_ARCH_MIPS": 0x0000_0008,
    "SCMP_ARCH_MIPS64": 0x8000_0008,
    "SCMP_ARCH_MIPS64N32": 0xA000_0008,
    "SCMP_ARCH_MIPSEL": 0x4000_0008,
    "SCMP_ARCH_MIPSEL64": 0xC000_0008,
    "SCMP_ARCH_MIPSEL64N32": 0xE000_0008,
    "SCMP_ARCH_PPC": 0x0000_0014,
    "SCMP_ARCH_PPC64": 0x8000_0015,
    "SCMP_ARCH_PPC64LE": 0xC000_0015,
    "SCMP_ARCH_S390": 0x0000_0016,
    "SCMP_ARCH_S390X": 0x8000_0016,
    "SCMP_ARCH_PARISC": 0x0000_000F,
    "SCMP_ARCH_PARISC64": 0x8000_000F,
    "SCMP_ARCH_RISCV64": 0xC000_00F3,
    "SCMP_ARCH_LOONGARCH64": 0xC000_0102,
    "SCMP_ARCH_M68K": 0x0000_0004,
    "SCMP_ARCH_SH": 0x4000_002A,
    "SCMP_ARCH_SHEB": 0x0000_002A,
}

TSYNC = 1
NEW_LISTENER = 8
WAIT_KILLABLE_RECV = 32
SPEC_ALLOW = 4
FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": TSYNC,
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": SPEC_ALLOW,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": WAIT_KILLABLE_RECV,
}

EPERM = 1
ENOSYS = 38


class Rules:
    """A profile in numbers.

    ``default`` is the default action with its errno; ``architectures`` are (pointer, name, number)
    of those in the profile; ``syscalls`` are (names, action, conditions) of each entry, and each
    condition is a separate rule; ``flags`` are those of seccomp(2); ``notify`` says whether a rule
    notifies an agent; ``warnings`` name fields that have no effect.
    """

    __slots__ = ("architectures", "default", "flags", "notify", "syscalls", "warnings")

    def __init__(self, default: int) -> None:
        self.default = default
        self.architectures: list[tuple[str, str, int]] = []
        self.syscalls: list[tuple[list[str], int, list[Condition]]] = []
        self.flags = 0
        self.notify = False
        self.warnings: list[HutchError] = []

    def denies(self) -> bool:
        """Whether the default action prevents a system call."""
        # TRACE does not: the tracer may let the call run.
        return self.default & 0xFFFF_0000 in _DENYING


_DENYING = (
    ACTIONS["SCMP_ACT_KILL_PROCESS"],
    ACTIONS["SCMP_ACT_KILL_THREAD"],
    ACTIONS["SCMP_ACT_TRAP"],
    ERRNO,
)


def translate(profile: "Profile") -> Rules:
    """The rules of a checked profile."""
    rules = Rules(_action(profile["defaultAction"], profile.get("defaultErrnoRet", EPERM)))
    for index, name in enumerate(profile.get("architectures") or ()):
        pointer = f"linux.seccomp.architectures[{index}]"
        rules.architectures.append((pointer, name, ARCHITECTURES[name]))
    for index, entry in enumerate(profile.get("syscalls") or ()):
        args = entry.get("args") or []
        action = _action(entry["action"], entry.get("errnoRet", EPERM))
        rules.syscalls.append((entry["names"], action, _conditions(args)))
        rules.notify = rules.notify or action == NOTIFY
        for number, arg in enumerate(args):
            _warn_of_value(arg, f"linux.seccomp.syscalls[{index}].args[{number}]", rules.warnings)
    rules.flags = _flags(profile, rules)
    return rules


def _action(name: str, errno: int) -> int:
    """The number of an action; SCMP_ACT_ERRNO and SCMP_ACT_TRACE have an errno in the lower 16
    bits."""
    return ACTIONS[name] | errno if name in WITH_ERRNO else ACTIONS[name]


def _conditions(args: "list[SyscallArgument]") -> "list[Condition]":
    """The conditions for the args of an entry.

    All comparisons must be true. But if two of them are about the same argument, one true
    comparison is enough. The specification does not say so, but runc, crun and youki do this.
    """
    comparisons = [
        (arg["index"], OPERATORS[arg["op"]], arg["value"], arg.get("valueTwo", 0)) for arg in args
    ]
    if len({index for index, _, _, _ in comparisons}) < len(comparisons):
        return [(comparison,) for comparison in comparisons]
    return [tuple(comparisons)]


def _warn_of_value(arg: "SyscallArgument", pointer: str, warnings: "list[HutchError]") -> None:
    second = arg.get("valueTwo", 0)
    if arg["op"] != "SCMP_CMP_MASKED_EQ":
        reason = "is ignored: only SCMP_CMP_MASKED_EQ has two values" if second else ""
    else:
        outside = second & ~arg["value"]
        reason = f"its bits outside of the mask {arg['value']} are not compared" if outside else ""
    if reason:
        warnings.append(ConfigError(pointer + ".valueTwo", reason, value=second))


def _flags(profile: "Profile", rules: Rules) -> int:
    """The flags of seccomp(2), in a combination that the kernel accepts."""
    # Without flags in the profile, the mitigation of speculative store bypass stays unchanged, as
    # with runc and crun, and as by default on kernels since 5.16.
    flags = 0 if "flags" in profile else SPEC_ALLOW
    for name in profile.get("flags") or ():
        flags |= FLAGS[name]
    if rules.notify:
        # A listener excludes TSYNC without a flag of Linux 5.7 (seccomp(2), TSYNC_ESRCH). TSYNC is
        # not needed: the process that loads the filter has one thread.
        return flags & ~TSYNC | NEW_LISTENER
    if flags & WAIT_KILLABLE_RECV:
        rules.warnings.append(
            ConfigError(
                "linux.seccomp.flags",
                "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV has no effect without a rule whose action "
                "is SCMP_ACT_NOTIFY",
            )
        )
    return flags & ~WAIT_KILLABLE_RECV
