"""The device rules of a cgroup v2 as an eBPF program, put together by hand.

A program of type BPF_PROG_TYPE_CGROUP_DEVICE runs at every open and mknod of a device node by the
cgroup's processes. It sees a bpf_cgroup_dev_ctx (<linux/bpf.h>) and answers 1 to allow or 0 to
deny:

    u32 access_type   the access asked for (mknod 1, read 2, write 4) << 16 | the type (b 1, c 2)
    u32 major
    u32 minor

The program tests the rules from the last to the first. If a rule matches the device, it decides the
accesses that it names. A "deny" rule that names an access which is still undecided ends the program
with 0. An "allow" rule removes its accesses from the undecided ones; if none is left, the program
ends with 1.
"""

from sys import byteorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hutch.plan.device_rules import DeviceRule

# Opcodes of <linux/bpf.h>: class | source or size | operation or mode.
LOAD_WORD = 0x61  # BPF_LDX | BPF_W | BPF_MEM
MOVE = 0xBF  # BPF_ALU64 | BPF_X | BPF_MOV
MOVE_NUMBER = 0xB7  # BPF_ALU64 | BPF_K | BPF_MOV
AND_NUMBER = 0x54  # BPF_ALU | BPF_K | BPF_AND
SHIFT_RIGHT = 0x74  # BPF_ALU | BPF_K | BPF_RSH
JUMP = 0x05  # BPF_JMP | BPF_JA
JUMP_UNEQUAL = 0x55  # BPF_JMP | BPF_K | BPF_JNE
JUMP_IF_SET = 0x45  # BPF_JMP | BPF_K | BPF_JSET
EXIT = 0x95  # BPF_JMP | BPF_EXIT

# r0 is the answer, r1 the context.
ANSWER, CONTEXT, TYPE, ACCESS, MAJOR, MINOR = range(6)
TYPES = {"b": 1, "c": 2}
ALL = 7


def device_program(rules: "Sequence[DeviceRule]") -> bytes:
    """The program for the ``effective`` rules; b"" if they allow everything: no program is needed.

    The first rule is for all devices, so every path through the program ends. No other rule may be
    for all devices: the verifier refuses a program with instructions that cannot be reached.
    """
    if rules[0].allow and len(rules) == 1:
        return b""
    program = [
        _instruction(LOAD_WORD, TYPE, CONTEXT, 0),
        _instruction(MOVE, ACCESS, TYPE),
        _instruction(AND_NUMBER, TYPE, number=0xFFFF),
        _instruction(SHIFT_RIGHT, ACCESS, number=16),
        _instruction(LOAD_WORD, MAJOR, CONTEXT, 4),
        _instruction(LOAD_WORD, MINOR, CONTEXT, 8),
    ]
    for rule in reversed(rules[1:]):
        program += _rule(rule)
    program += _answer(rules[0].allow)
    return b"".join(program)


def _rule(rule: "DeviceRule") -> "list[bytes]":
    if rule.access == ALL:
        act = _answer(rule.allow)
    elif rule.allow:
        act = [
            _instruction(AND_NUMBER, ACCESS, number=ALL & ~rule.access),
            _instruction(JUMP_UNEQUAL, ACCESS, jump=2, number=0),
            *_answer(True),
        ]
    else:
        act = [
            _instruction(JUMP_IF_SET, ACCESS, jump=1, number=rule.access),
            _instruction(JUMP, jump=2),
            *_answer(False),
        ]
    tests = []
    if rule.type != "a":
        tests.append((TYPE, TYPES[rule.type]))
    if rule.major is not None:
        tests.append((MAJOR, rule.major))
    if rule.minor is not None:
        tests.append((MINOR, rule.minor))
    over = len(act) + len(tests)
    return [
        _instruction(JUMP_UNEQUAL, register, jump=over - i - 1, number=value)
        for i, (register, value) in enumerate(tests)
    ] + act


def _answer(allow: bool) -> "list[bytes]":
    return [_instruction(MOVE_NUMBER, ANSWER, number=int(allow)), _instruction(EXIT)]


def _instruction(
    code: int, destination: int = 0, source: int = 0, jump: int = 0, number: int = 0
) -> bytes:
    """A struct bpf_insn. Its registers are bit fields, whose order depends on the byte order."""
    little = byteorder == "little"
    registers = source << 4 | destination if little else destination << 4 | source
    return bytes((code, registers)) + jump.to_bytes(2, byteorder) + number.to_bytes(4, byteorder)
