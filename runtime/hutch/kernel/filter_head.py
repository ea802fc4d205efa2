"""The head of a seccomp filter: what stands before libseccomp's instructions, and settles what
libseccomp cannot.

- A call that is newer than all that the profile names gets ENOSYS. The profile's author did not
  know it; a program that finds it refused with EPERM, or is killed for it, does not fall back to
  the older call that it would use on an older kernel. With ENOSYS it does.
- A call that is newer than libseccomp gets its rules here.
- So does a call whose rules compare arguments. Of two rules that compare the same argument by order
  libseccomp 2.5 makes code that lets through what neither allows, some make it loop for ever, and a
  hundred take it a second.

For all other calls the head looks at nothing but architecture and number, which lets the kernel
cache the verdict (Linux 5.11).
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

# Where the numbers of an architecture begin, and the ranges [first, end) in which new calls appear:
# none among ARM's private calls, nor among those that x32 has of its own.
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
_FARTHEST = 255  # that a conditional jump goes

_NUMBER = 0  # offsets in struct seccomp_data
_ARCHITECTURE = 4
_ARGUMENTS = 16
_HIGH, _LOW = (4, 0) if byteorder == "little" else (0, 4)  # halves of an argument

_ENOSYS = 0x0005_0000 | 38


class Architecture:
    """What a profile says of one architecture's calls, by their numbers there.

    ``known`` are all that it names; ``calls`` the (condition, action) of those that the head
    settles: the first whose condition holds gives the verdict.
    """

    __slots__ = ("calls", "known", "token")

    def __init__(self, token: int) -> None:
        self.token = token
        self.known: set[int] = set()
        self.calls: dict[int, Sequence[tuple[Condition, int]]] = {}

    def numbered(self, number: int) -> int:
        """The number that a call has here whose number is the same everywhere."""
        return _BASE.get(self.token, 0) + number


def head(architectures: "Iterable[Architecture]", default: int, enosys: bool) -> bytes:
    """The instructions that go before libseccomp's; falls through where it has no verdict.

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
    """The ranges [first, end) of numbers above all that the profile knows."""
    ranges = _RANGES.get(architecture.token, _ALL)
    known = [n for n in architecture.known if any(first <= n < end for first, end in ranges)]
    if not known:
        return []  # a profile that knows nothing of it says nothing of what is newer
    after = max(known) + 1
    return [(max(first, after), end) for first, end in ranges if end > after]


def _section(token: int, verdicts: "list[tuple[int, int, bytes]]", rest: bytes) -> bytes:
    """The verdicts for one architecture; ``rest`` are the sections after it."""
    tests = b"".join([_test(first, end, code) for first, end, code in verdicts])
    # Nearly all calls are below the first and jump over the tests at once.
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
    """Runs ``code`` where the test holds and jumps over it elsewhere."""
    length = len(code) // _SIZE
    if length <= _FARTHEST:
        return _instruction(test, k, 0, length) + code
    return _instruction(test, k, 1, 0) + _instruction(_JUMP, length) + code


def _rules(rules: "Sequence[tuple[Condition, int]]", default: int, narrow: bool) -> bytes:
    """The verdict of a call's rules; ``narrow``: its arguments have 32 bits."""
    code = [_rule(condition, action, narrow) for condition, action in rules]
    return b"".join([*code, _instruction(_RETURN, default)])


def _rule(condition: "Condition", action: int, narrow: bool) -> bytes:
    code = _instruction(_RETURN, action)
    for comparison in reversed(condition):
        code = _comparison(comparison, len(code) // _SIZE, narrow) + code
    return code


# Where a test goes on: with the next instruction, as an argument that meets the comparison, or as
# one that fails it.
_NEXT, _MET, _FAILED = range(3)

# The operators of hutch.spec.seccomp: the tests of the higher half, then those of the lower one,
# each (code, where to go if true, if false).
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
    """Compares an argument in two halves; ``rest`` instructions of the rule follow."""
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
    """Whether a value is a number of 32 bits, or a negative one as profiles write it in 64."""
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
