"""What a seccomp filter answers to a call: classic BPF over struct seccomp_data (seccomp(2)).

Imported only after an error.
"""

from sys import byteorder

LOAD, JUMP, RETURN = 0x20, 0x05, 0x06
EQUAL, GREATER, NOT_LESS, ANY_BIT, AND = 0x15, 0x25, 0x35, 0x45, 0x54
ALLOW, LOG = 0x7FFF_0000, 0x7FFC_0000
# AUDIT_ARCH_... and the number of execve, as uname(2) calls the machines.
EXECVE = {
    "x86_64": (0xC000_003E, 59),
    "aarch64": (0xC000_00B7, 221),
    "riscv64": (0xC000_00F3, 221),
    "loongarch64": (0xC000_0102, 221),
    "s390x": (0x8000_0016, 11),
    "ppc64le": (0xC000_0015, 11),
}


def forbids_execve(program: bytes) -> bool:
    """Whether the filter lets no execve run on this machine; False where that is not known."""
    import posix

    known = EXECVE.get(posix.uname().machine)
    if known is None:
        return False
    answer = verdict(program, *known)
    return answer & 0xFFFF_0000 not in (ALLOW, LOG)


def verdict(program: bytes, architecture: int, number: int, args: "tuple[int, ...]" = ()) -> int:
    """SECCOMP_RET_... and its data, for a call of this number; arguments not in ``args`` are 0."""
    data = number.to_bytes(4, byteorder) + architecture.to_bytes(4, byteorder) + bytes(8)
    data += b"".join([arg.to_bytes(8, byteorder) for arg in args])
    data += bytes(64 - len(data))
    at = accumulator = 0
    while True:
        word = program[at * 8 : at * 8 + 8]
        code, if_true, if_false = int.from_bytes(word[:2], byteorder), word[2], word[3]
        value = int.from_bytes(word[4:], byteorder)
        at += 1
        if code == RETURN:
            return value
        if code == LOAD:
            accumulator = int.from_bytes(data[value : value + 4], byteorder)
        elif code == JUMP:
            at += value
        elif code == AND:
            accumulator &= value
        elif (
            (code == EQUAL and accumulator == value)
            or (code == GREATER and accumulator > value)
            or (code == NOT_LESS and accumulator >= value)
            or (code == ANY_BIT and accumulator & value)
        ):
            at += if_true
        else:
            at += if_false
