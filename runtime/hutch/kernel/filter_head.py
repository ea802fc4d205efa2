"""The head of a seccomp filter: instructions before those of libseccomp. They decide about system
calls that libseccomp cannot handle.

- A call that is newer than all calls in the profile gets ENOSYS. The profile's author did not know
  the call. If it failed with EPERM or killed the program, the program would not use the older call
  instead. With ENOSYS it does, as on an older kernel.
- A call that is newer than libseccomp gets its rules here.
- A call whose rules compare arguments gets its rules here too. For two rules that compare the same
  argument with "less" or "greater", libseccomp 2.5 makes code that allows what neither rule allows.
  With some rules it loops for ever, and a hundred rules take it a second.

For all other calls the head reads only the architecture and the number, so that the kernel can
cache the decision (Linux 5.11).
"""

from sys import byteorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hutch.spec.seccomp import Comparison, Condition

# Calls that came after Linux 6.7, where Debian 12's libseccomp ends. Since Linux 5.1 a new call has
# the same number on all architectures, counted from the base below.
NEWER_CALLS = {
    "statmount": 457,
    "listmount": 458,
    "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460,
    "lsm_list_modules": 461,
    "mseal": 462,
    "setxattrat": 463,
    "getxattrat": 464,
    "listxattrat": 465,
    "removexattrat": 466,
    "open_tree_attr": 467,
    "file_getattr": 468,
    "file_setattr": 469,
    "listns": 470,
}

X86_64 = 0xC000_003E
X32 = 0x4000_003E
X32_BIT = 0x4000_0000  # marks the numbers of x32, which has x86_64's AUDIT_ARCH
WIDE = 0x8000_0000  # __AUDIT_ARCH_64BIT
ARM = 0x4000_0028
END = 1 << 32

# The first number of an architecture, and the ranges [first, end) in which new calls appear. These
# leave out ARM's private calls and the calls that only x32 has.
_BASE = {
    X32: X32_BIT,
    0x0000_0008: 4000,  # MIPS, of 32 and of 64 bits and n32
    0x4000_0008: 4000,
    0x8000_0008: 5000,
    0xC000_0008: 5000,
    0xA000_0008: 6000,
    0xE000_0008: 6000,
}
_RANGES = {
    X86_64: ((0, X32_BIT),),
    X32: ((X32_BIT, X32_BIT + 512), (X32_BIT + 548, END)),
    ARM: ((0, 0xF_0000),),
}
_ALL = ((0, END),)

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JUMP = 0x05  # BPF_JMP | BPF_JA
_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_GREATER = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_NOT_LESS = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_SIZE = 8  # of a struct sock_filter
_FARTHEST = 255  # the longest conditional jump, in instructions

_NUMBER = 0  # offsets in struct seccomp_data
_ARCHITECTURE = 4
_ARGUMENTS = 16
_HIGH, _LOW = (4, 0) if byteorder == "little" else (0, 4)  # halves of an argument

_ENOSYS = 0x0005_0000 | 38


class Architecture:
    """The calls of a profile on one architecture, by their numbers on it.

    ``known`` are the numbers of all calls in the profile. ``calls`` maps the number of each call
    that the head decides about to its (condition, action) pairs: the first pair whose condition is
    true decides.
    """

    __slots__ = ("calls", "known", "token")

    def __init__(self, token: int) -> None:
        self.token = token
        self.known: set[int] = set()
        self.calls: dict[int, Sequence[tuple[Condition, int]]] = {}

    def numbered(self, number: int) -> int:
        """The number on this architecture of a call that has the same number on all of them."""
        return _BASE.get(self.token, 0) + number


def head(architectures: "Iterable[Architecture]", default: int, enosys: bool) -> bytes:
    """The instructions before those of libseccomp. For a call that they do not decide about, the
    filter continues with libseccomp's.

    ``default`` is the default action, ``enosys`` whether newer calls get ENOSYS instead.
    """
    sections: dict[int, list[tuple[int, int, bytes]]] = {}
    for architecture in architectures:
        narrow = not architecture.token & WIDE
        verdicts = [
            (number, number + 1, _rules(rules, default, narrow))
            for number, rules in architecture.calls.items()
        ]
        if enosys:
            answer = _instruction(_RETURN, _ENOSYS)
            verdicts += [(first, end, answer) for first, end in _unknown(architecture)]
        if verdicts:
            token = X86_64 if architecture.token == X32 else architecture.token
            sections.setdefault(token, []).extend(verdicts)
    code = b""
    for token, verdicts in reversed(sections.items()):
        code = _section(token, sorted(verdicts), code) + code
    return code


def _unknown(architecture: Architecture) -> "list[tuple[int, int]]":
    """The ranges [first, end) of numbers above all calls in the profile."""
    ranges = _RANGES.get(architecture.token, _ALL)
    known = [n for n in architecture.known if any(first <= n < end for first, end in ranges)]
    if not known:
        return []  # without a call of this architecture, no call can be newer than the profile
    after = max(known) + 1
    return [(max(first, after), end) for first, end in ranges if end > after]


def _section(token: int, verdicts: "list[tuple[int, int, bytes]]", rest: bytes) -> bytes:
    """The instructions for one architecture; ``rest`` are those for the architectures after it."""
    tests = b"".join([_test(first, end, code) for first, end, code in verdicts])
    # Nearly all calls have smaller numbers than the first verdict, and skip all tests.
    code = _instruction(_LOAD, _NUMBER) + _if(_NOT_LESS, verdicts[0][0], tests)
    if rest:
        code += _instruction(_JUMP, len(rest) // _SIZE)
    return _instruction(_LOAD, _ARCHITECTURE) + _if(_EQUAL, token, code)


def _test(first: int, end: int, code: bytes) -> bytes:
    """Runs ``code`` for the numbers [first, end)."""
    if end == first + 1:
        return _if(_EQUAL, first, code)
    if end == END:
        return _if(_NOT_LESS, first, code)
    below = _instruction(_NOT_LESS, end, len(code) // _SIZE, 0)
    return _if(_NOT_LESS, first, below + code)


def _if(test: int, k: int, code: bytes) -> bytes:
    """Runs ``code`` if the test is true, and jumps over it if not."""
    length = len(code) // _SIZE
    if length <= _FARTHEST:
        return _instruction(test, k, 0, length) + code
    return _instruction(test, k, 1, 0) + _instruction(_JUMP, length) + code


def _rules(rules: "Sequence[tuple[Condition, int]]", default: int, narrow: bool) -> bytes:
    """The instructions for the rules of a call; ``narrow``: its arguments have 32 bits."""
    code = [_rule(condition, action, narrow) for condition, action in rules]
    return b"".join([*code, _instruction(_RETURN, default)])


def _rule(condition: "Condition", action: int, narrow: bool) -> bytes:
    code = _instruction(_RETURN, action)
    for comparison in reversed(condition):
        code = _comparison(comparison, len(code) // _SIZE, narrow) + code
    return code


# Where the program continues after a test: at the next instruction, after the comparison if the
# argument meets it, or at the next rule if not.
_NEXT, _MET, _FAILED = range(3)

# By operator of hutch.spec.seccomp: the tests of the argument's higher half, then those of its
# lower half. Each is (code, where to continue if true, where if false).
_TESTS = {
    1: (((_EQUAL, _NEXT, _MET),), (_EQUAL, _FAILED, _MET)),  # NE
    2: (((_GREATER, _FAILED, _NEXT), (_EQUAL, _NEXT, _MET)), (_NOT_LESS, _FAILED, _MET)),  # LT
    3: (((_GREATER, _FAILED, _NEXT), (_EQUAL, _NEXT, _MET)), (_GREATER, _FAILED, _MET)),  # LE
    4: (((_EQUAL, _NEXT, _FAILED),), (_EQUAL, _MET, _FAILED)),  # EQ
    5: (((_GREATER, _MET, _NEXT), (_EQUAL, _NEXT, _FAILED)), (_NOT_LESS, _MET, _FAILED)),  # GE
    6: (((_GREATER, _MET, _NEXT), (_EQUAL, _NEXT, _FAILED)), (_GREATER, _MET, _FAILED)),  # GT
}
_MASKED_EQUAL = 7
_EQUAL_TO = 4


def _comparison(comparison: "Comparison", rest: int, narrow: bool) -> bytes:
    """The instructions that compare an argument, in two halves of 32 bits; ``rest`` is the number
    of the rule's instructions after them."""
    index, operator, value, second = comparison
    mask = None
    if operator == _MASKED_EQUAL:
        operator, mask, value = _EQUAL_TO, value, second & value
    high, low = _TESTS[operator]
    at = _ARGUMENTS + 8 * index
    steps = _half(at + _LOW, value & 0xFFFF_FFFF, mask and mask & 0xFFFF_FFFF, (low,))
    if not (narrow and _is_narrow(value)):
        steps = _half(at + _HIGH, value >> 32, mask and mask >> 32, high) + steps
    code = b""
    for place, (test, k, if_true, if_false) in enumerate(steps, 1):
        left = len(steps) - place
        distance = (0, left, left + rest)
        code += _instruction(test, k, distance[if_true], distance[if_false])
    return code


def _is_narrow(value: int) -> bool:
    """Whether ``value`` fits in 32 bits, or is a negative number of 32 bits, which profiles write
    with 64 bits."""
    return value < 1 << 32 or value >= (1 << 64) - (1 << 31)


def _half(
    at: int, value: int, mask: "int | None", tests: "Iterable[tuple[int, int, int]]"
) -> "list[tuple[int, int, int, int]]":
    steps = [(_LOAD, at, _NEXT, _NEXT)]
    if mask is not None:
        steps.append((_AND, mask, _NEXT, _NEXT))
    return steps + [(test, value, if_true, if_false) for test, if_true, if_false in tests]


def _instruction(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """A struct sock_filter."""
    return code.to_bytes(2, byteorder) + bytes((if_true, if_false)) + k.to_bytes(4, byteorder)
