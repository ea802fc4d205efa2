"""linux.seccomp by system call: the rules of each, which of them decides, and both in words."""

from collections.abc import Sequence
from errno import errorcode
from typing import TYPE_CHECKING, cast

from hutch.spec.seccomp import (
    ACTIONS,
    ARCHITECTURES,
    ERRNO,
    OPERATORS,
    TRACE,
    Rules,
    translate,
)

if TYPE_CHECKING:
    from hutch.spec.cold.config_types import SeccompOperator
    from hutch.spec.config import Seccomp
    from hutch.spec.seccomp import Comparison, Condition

ACTION = 0xFFFF_0000  # of an answer; the other bits are data: the errno
POINTER = "linux.seccomp"

_INT = 0xFFFF_FFFF  # the bits that the kernel reads of an argument that is an int
_NE, _LT, _LE, _EQ, _GE, _GT, _MASKED_EQ = range(1, 8)
_SIGNS = {_NE: "!=", _LT: "<", _LE: "<=", _EQ: "==", _GE: ">=", _GT: ">"}
OPERATOR_NAMES = {number: cast("SeccompOperator", name) for name, number in OPERATORS.items()}
_NAMES = {number: name for name, number in ACTIONS.items() if name != "SCMP_ACT_KILL"}
_ARCHITECTURES = {number: name for name, number in ARCHITECTURES.items()}
_WORDS = {
    "SCMP_ACT_ALLOW": "allowed",
    "SCMP_ACT_LOG": "allowed, and logged by the kernel",
    "SCMP_ACT_KILL_PROCESS": "the process is killed",
    "SCMP_ACT_KILL_THREAD": "the thread is killed",
    "SCMP_ACT_TRAP": "the thread gets SIGSYS",
    "SCMP_ACT_NOTIFY": "the seccomp agent decides",
}


class Rule:
    """What an entry of the profile says about a call: if all comparisons of ``condition`` are true,
    the answer is ``action``. ``pointer`` is the place of the call's name in the profile."""

    __slots__ = ("action", "condition", "pointer")

    def __init__(self, condition: "Condition", action: int, pointer: str) -> None:
        self.condition = condition
        self.action = action
        self.pointer = pointer

    @property
    def entry(self) -> str:
        """The pointer of the entry: ``linux.seccomp.syscalls[3]``."""
        return self.pointer.rpartition(".names")[0]


class Profile:
    """The rules of a checked profile, by the names of calls.

    ``default`` is the default action with its errno; ``architectures`` are the tokens of those that
    it lists; ``pointer`` is the place of the profile in its document, and ``places`` are the
    numbers that its entries have there, if not all of them are in ``profile``.
    """

    def __init__(
        self, profile: "Seccomp", pointer: str = POINTER, places: Sequence[int] | None = None
    ) -> None:
        rules = translate(profile)
        self.pointer = pointer
        self.default = rules.default
        self.flags = sorted(profile.get("flags") or ())
        self.denies = Rules(self.default).denies()
        self.architectures = [token for _, _, token in rules.architectures]
        self.named: dict[str, list[Rule]] = {}
        for index, (names, action, conditions) in enumerate(rules.syscalls):
            entry = f"{_joined(pointer, 'syscalls')}[{places[index] if places else index}]"
            for number, name in enumerate(names):
                place = f"{entry}.names[{number}]"
                known = self.named.setdefault(name, [])
                known += [Rule(condition, action, place) for condition in conditions]

    def rules(self, name: str) -> list[Rule]:
        """The rules for a call, in the order in which they are compared. One without a condition
        makes all others void; a rule for the default action has no effect. As libseccomp's."""
        first: dict[Condition, Rule] = {}
        for rule in self.named.get(name, ()):
            if rule.action != self.default:
                first.setdefault(rule.condition, rule)
        return [first[()]] if () in first else list(first.values())

    def deciding(self, name: str, args: Sequence[int], narrow: bool = False) -> Rule | None:
        """The rule that decides about a call with these arguments; None: the default action.
        ``narrow``: the arguments have 32 bits."""
        for rule in self.rules(name):
            if all(holds(comparison, args, narrow) for comparison in rule.condition):
                return rule
        return None

    def place(self, field: str) -> str:
        """The pointer of a field of the profile."""
        return _joined(self.pointer, field)


def _joined(pointer: str, field: str) -> str:
    return f"{pointer}.{field}" if pointer else field


def holds(comparison: "Comparison", args: Sequence[int], narrow: bool = False) -> bool:
    """Whether a comparison with an argument is true. ``narrow``: the arguments have 32 bits; a
    negative value, which profiles write with 64 bits, is then compared with 32."""
    index, operator, value, second = comparison
    given = args[index]
    mask = (1 << 64) - 1
    if narrow and (value < 1 << 32 or value >= (1 << 64) - (1 << 31)):
        mask = (1 << 32) - 1
    if operator == _MASKED_EQ:
        return given & value & mask == second & value & mask
    value &= mask
    given &= mask
    return {
        _NE: given != value,
        _LT: given < value,
        _LE: given <= value,
        _EQ: given == value,
        _GE: given >= value,
        _GT: given > value,
    }[operator]


def action_name(answer: int) -> str:
    """SCMP_ACT_... of an answer."""
    return _NAMES.get(answer & ACTION, hex(answer))


def errno_name(answer: int) -> str:
    """The errno of an answer, as EPERM; "" if it has none."""
    number = answer & ~ACTION
    return errorcode.get(number, str(number)) if answer & ACTION == ERRNO else ""


def architecture_name(token: int) -> str:
    """SCMP_ARCH_... of a token."""
    return _ARCHITECTURES.get(token, hex(token))


def in_words(answer: int) -> str:
    """What an answer does with a call: "allowed", "fails with EPERM"."""
    if answer & ACTION == ERRNO:
        return "fails with " + errno_name(answer)
    if answer & ACTION == TRACE:
        return "a tracer decides; without one it fails with ENOSYS"
    return _WORDS.get(action_name(answer), action_name(answer))


def condition_in_words(condition: "Condition") -> str:
    """A condition as people read it: "argument 0 & 0x7e020000 == 0"."""
    parts = []
    for index, operator, value, second in condition:
        if operator == _MASKED_EQ and value == _INT:
            parts.append(f"argument {index} (int) == {_number(second & value)}")
        elif operator == _MASKED_EQ:
            parts.append(f"argument {index} & {_number(value)} == {_number(second & value)}")
        else:
            parts.append(f"argument {index} {_SIGNS[operator]} {_number(value)}")
    return " and ".join(parts)


def _number(value: int) -> str:
    return str(value) if value < 10 else hex(value)
