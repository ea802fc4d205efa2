"""Runs seccomp filters in Python: classic BPF over a struct seccomp_data (<linux/filter.h>)."""

import struct
import sys
from collections.abc import Sequence

BIG = sys.byteorder == "big"
LOAD, JUMP, EQUAL, GREATER, NOT_LESS, ANY_BIT, AND, RETURN = (
    0x20,
    5,
    0x15,
    0x25,
    0x35,
    0x45,
    0x54,
    6,
)
TESTS = {
    EQUAL: lambda a, k: a == k,
    GREATER: lambda a, k: a > k,
    NOT_LESS: lambda a, k: a >= k,
    ANY_BIT: lambda a, k: a & k != 0,
}


def instructions(program: bytes) -> list[tuple[int, int, int, int]]:
    """(code, jump if true, jump if false, k) of each instruction."""
    return list(struct.iter_unpack("=HBBI", program))


def verdict(program: bytes, arch: int, number: int, args: Sequence[int] = ()) -> int:
    """The return value of the filter for a system call: SECCOMP_RET_... with its data."""
    data = seccomp_data(arch, number, args)
    code = instructions(program)
    at = accumulator = 0
    while True:
        operation, if_true, if_false, k = code[at]
        at += 1
        if operation == RETURN:
            return k
        if operation == LOAD:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif operation == JUMP:
            at += k
        elif operation == AND:
            accumulator &= k
        else:
            at += if_true if TESTS[operation](accumulator, k) else if_false


def seccomp_data(arch: int, number: int, args: Sequence[int]) -> bytes:
    filled = [*args, *[0] * (6 - len(args))]
    return struct.pack("=IIQ6Q", number, arch, 0, *filled)


def check_loadable(program: bytes) -> None:
    """The checks of the kernel before it accepts a filter (bpf_check_classic, seccomp)."""
    code = instructions(program)
    assert 0 < len(code) <= 4096
    assert code[-1][0] == RETURN
    for at, (operation, if_true, if_false, k) in enumerate(code):
        rest = len(code) - at - 1
        if operation == LOAD:
            assert k % 4 == 0 and k < 64
        elif operation == JUMP:
            assert k < rest
        elif operation in TESTS:
            assert max(if_true, if_false) < rest
        else:
            assert operation in (AND, RETURN)
