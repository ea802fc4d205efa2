"""Filters that tell a supervisor of calls, made from the filter of a profile.

A filter is classic BPF over struct seccomp_data (seccomp(2)). In the new filter, some of the
answers are replaced by SECCOMP_RET_USER_NOTIF. The supervisor then asks the old filter what it
would have answered (hutch.container.filter_verdict).
"""

import struct
from collections.abc import Collection

from hutch.container.filter_verdict import AND, EQUAL, GREATER, JUMP, LOAD, NOT_LESS, RETURN
from hutch.errors import ConfigError
from hutch.kernel.filter_head import X32, X86_64
from hutch.kernel.libseccomp import MAX_INSTRUCTIONS, call_number, flag_known, native
from hutch.kernel.seccomp import Filter
from hutch.spec.seccomp import ACTIONS, NEW_LISTENER, NOTIFY, TSYNC, WAIT_KILLABLE_RECV

ACTION = 0xFFFF_0000  # of a filter's answer; the other bits are data
ALLOW = ACTIONS["SCMP_ACT_ALLOW"]
LOG = ACTIONS["SCMP_ACT_LOG"]
ERRNO = ACTIONS["SCMP_ACT_ERRNO"]
KILLING = (ACTIONS["SCMP_ACT_KILL_PROCESS"], ACTIONS["SCMP_ACT_KILL_THREAD"])

# With these calls hutch-init tells the runtime about the listener. Nobody can answer for them
# before the runtime has the listener, so the filter must allow them itself.
UNTOLD = ("read", "write")
_SIZE = 8  # of a struct sock_filter


def audit_architecture(token: int) -> int:
    """The architecture that a filter sees, for one of hutch.spec.seccomp.ARCHITECTURES."""
    return X86_64 if token == X32 else token


def telling(filter: Filter, replaced: Collection[int], pointer: str = "linux.seccomp") -> Filter:
    """A filter that tells of the calls for which the action of ``filter`` is one of ``replaced``.

    It answers all other calls as ``filter`` does. Raises ConfigError if it would tell of read and
    write, too, where the old filter does not always allow them, or has an agent of its own.
    """
    if filter.notify:
        raise ConfigError(
            pointer,
            "has rules with SCMP_ACT_NOTIFY, and a process can have one agent only",
            hint="replace them by SCMP_ACT_ALLOW or SCMP_ACT_ERRNO for this run",
        )
    token = native()
    allowed = []
    for name in UNTOLD:
        number = call_number(token, name)
        if outcomes(filter.program, audit_architecture(token), number) - {ALLOW, LOG}:
            raise ConfigError(
                pointer,
                f"does not always allow {name}, which the container's first process calls when "
                "the filter is loaded",
                hint="what every program calls must be allowed: read, write, execve, exit_group",
            )
        allowed.append(number)
    program = b"".join(
        _instruction(RETURN, NOTIFY) if code == RETURN and k & ACTION in replaced else word
        for word, (code, _, _, k) in zip(
            _words(filter.program), _decoded(filter.program), strict=True
        )
    )
    program = _exempt(audit_architecture(token), allowed) + program
    if len(program) > MAX_INSTRUCTIONS * _SIZE:
        raise ConfigError(pointer, "is too long by some instructions to be watched")
    flags = filter.flags & ~TSYNC | NEW_LISTENER
    if flag_known(WAIT_KILLABLE_RECV):
        flags |= WAIT_KILLABLE_RECV  # else a signal makes the process call again (Linux 5.19)
    return Filter(program, flags, True, filter.warnings)


def allowing_all() -> Filter:
    """The filter of a container without a profile."""
    return Filter(_instruction(RETURN, ALLOW), 0, False, [])


def outcomes(program: bytes, architecture: int, number: int) -> set[int]:
    """All answers that the filter has for a call, whatever its arguments are."""
    code = list(_decoded(program))
    known = {0: number, 4: architecture}
    found: set[int] = set()
    # An accumulator of None holds an argument, which may have any value.
    begun: set[tuple[int, int | None]] = set()
    waiting: list[tuple[int, int | None]] = [(0, None)]
    while waiting:
        place = waiting.pop()
        if place in begun:
            continue
        begun.add(place)
        at, accumulator = place
        operation, if_true, if_false, k = code[at]
        at += 1
        if operation == RETURN:
            found.add(k)
        elif operation == LOAD:
            waiting.append((at, known.get(k)))
        elif operation == JUMP:
            waiting.append((at + k, accumulator))
        elif operation == AND:
            waiting.append((at, None if accumulator is None else accumulator & k))
        elif accumulator is None:
            waiting += [(at + if_true, None), (at + if_false, None)]
        else:
            met = (
                (operation == EQUAL and accumulator == k)
                or (operation == GREATER and accumulator > k)
                or (operation == NOT_LESS and accumulator >= k)
            )
            waiting.append((at + (if_true if met else if_false), accumulator))
    return found


def _exempt(architecture: int, numbers: list[int]) -> bytes:
    """The instructions that allow these calls of this machine; others continue after them."""
    tests = b""
    for left, number in zip(range(len(numbers) - 1, -1, -1), numbers, strict=True):
        tests += _instruction(EQUAL, number, left, 0 if left else 1)
    tests += _instruction(RETURN, ALLOW)
    body = _instruction(LOAD, 0) + tests
    return _instruction(LOAD, 4) + _instruction(EQUAL, architecture, 0, len(body) // _SIZE) + body


def _words(program: bytes) -> list[bytes]:
    return [program[at : at + _SIZE] for at in range(0, len(program), _SIZE)]


def _decoded(program: bytes) -> "list[tuple[int, int, int, int]]":
    return list(struct.iter_unpack("=HBBI", program))


def _instruction(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, k)
