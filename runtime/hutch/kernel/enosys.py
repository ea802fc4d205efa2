"""The head of a seccomp filter: system calls newer than the profile are answered with ENOSYS.

A profile lists what its author knew. A program that finds a newer call refused with EPERM, or is
killed for it, does not fall back to the older call that it would use on an older kernel; with
ENOSYS it does. libseccomp has no such answer, so these instructions stand before its own. They
look at nothing but the architecture and the number of the call, which lets the kernel cache
verdicts (Linux 5.11).
"""

from sys import byteorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

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
_JUMP = 0x05  # BPF_JMP | BPF_JA
_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_GREATER_OR_EQUAL = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NUMBER = 0  # offsets in struct seccomp_data
_ARCHITECTURE = 4
_ENOSYS = 0x0005_0000 | 38


class Architecture:
    """What the profile knows of one architecture.

    ``known`` are the numbers of the calls that it names, ``actions`` the verdicts on those that
    libseccomp cannot be told of.
    """

    __slots__ = ("actions", "known", "token")

    def __init__(self, token: int) -> None:
        self.token = token
        self.known: set[int] = set()
        self.actions: dict[int, int] = {}

    def newer(self, number: int) -> int:
        """The number that a call of NEWER_CALLS has here."""
        return _BASE.get(self.token, 0) + number


def head(architectures: "Iterable[Architecture]", stub: bool) -> bytes:
    """The instructions that go before libseccomp's; ``stub``: newer calls get ENOSYS."""
    verdicts: dict[int, list[tuple[int, int, int]]] = {}
    for architecture in architectures:
        found = [(n, n + 1, action) for n, action in architecture.actions.items()]
        if stub:
            found += [(*unknown, _ENOSYS) for unknown in _unknown(architecture)]
        if found:
            token = X86_64 if architecture.token == X32 else architecture.token
            verdicts.setdefault(token, []).extend(found)
    code = b""
    for token, ranges in reversed(verdicts.items()):
        code = _section(token, sorted(ranges), len(code) // 8) + code
    return code


def _unknown(architecture: Architecture) -> "list[tuple[int, int]]":
    """The ranges [first, end) of numbers above all that the profile knows."""
    ranges = _RANGES.get(architecture.token, _ALL)
    known = [n for n in architecture.known if any(first <= n < end for first, end in ranges)]
    if not known:
        return []  # a profile that knows nothing of it says nothing of what is newer
    after = max(known) + 1
    return [(max(first, after), end) for first, end in ranges if end > after]


def _section(token: int, ranges: "list[tuple[int, int, int]]", rest: int) -> bytes:
    """The verdicts for one architecture; ``rest`` instructions of others follow."""
    tests = b""
    for first, end, verdict in ranges:
        if end == first + 1:
            tests += _instruction(_IF_EQUAL, first, 0, 1)
        else:
            tests += _instruction(_IF_GREATER_OR_EQUAL, first, 0, 1 if end == END else 2)
            if end != END:
                tests += _instruction(_IF_GREATER_OR_EQUAL, end, 1, 0)
        tests += _instruction(_RETURN, verdict)
    # Nearly all calls are below the first range and jump over the tests at once.
    body = (
        _instruction(_LOAD, _NUMBER)
        + _instruction(_IF_GREATER_OR_EQUAL, ranges[0][0], 0, len(tests) // 8)
        + tests
    )
    if rest:
        body += _instruction(_JUMP, rest)
    return (
        _instruction(_LOAD, _ARCHITECTURE)
        + _instruction(_IF_EQUAL, token, 0, len(body) // 8)
        + body
    )


def _instruction(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """A struct sock_filter."""
    return code.to_bytes(2, byteorder) + bytes((if_true, if_false)) + k.to_bytes(4, byteorder)
