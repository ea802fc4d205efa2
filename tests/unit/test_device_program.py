"""The eBPF program of the device rules, run by a small interpreter against what the rules mean."""

from typing import Any

from hutch.plan.device_program import device_program
from hutch.plan.device_rules import effective
from hypothesis import given, settings

from tests.support.device_cases import RULES, allowed, requests

MASK = (1 << 64) - 1


def decode(program: bytes) -> list[tuple[int, int, int, int, int]]:
    """(opcode, destination, source, jump, number) of each instruction, little-endian."""
    assert len(program) % 8 == 0
    return [
        (
            program[at],
            program[at + 1] & 15,
            program[at + 1] >> 4,
            int.from_bytes(program[at + 2 : at + 4], "little", signed=True),
            int.from_bytes(program[at + 4 : at + 8], "little", signed=True),
        )
        for at in range(0, len(program), 8)
    ]


def run(program: bytes, kind: str, major: int, minor: int, access: int) -> int:
    """The program's answer, as the kernel's interpreter computes it."""
    context = {0: access << 16 | {"b": 1, "c": 2}[kind], 4: major, 8: minor}
    registers: dict[int, int] = {1: -1}
    code = decode(program)
    at = 0
    for _ in range(len(code)):
        opcode, to, source, jump, number = code[at]
        at += 1
        if opcode == 0x61:
            assert source == 1
            registers[to] = context[jump]
        elif opcode == 0xBF:
            registers[to] = registers[source]
        elif opcode == 0xB7:
            registers[to] = number & MASK
        elif opcode == 0x54:
            registers[to] = registers[to] & number & 0xFFFFFFFF
        elif opcode == 0x74:
            registers[to] = (registers[to] & 0xFFFFFFFF) >> number
        elif opcode == 0x05:
            at += jump
        elif opcode == 0x55:
            at += jump if registers[to] != number & MASK else 0
        elif opcode == 0x45:
            at += jump if registers[to] & number else 0
        elif opcode == 0x95:
            return registers[0]
        else:
            raise AssertionError(f"unknown instruction {opcode:#x}")
    raise AssertionError("the program does not end")


def reached(program: bytes) -> set[int]:
    """The instructions that some path comes to, as the verifier counts them."""
    code = decode(program)
    found: set[int] = set()
    todo = [0]
    while todo:
        at = todo.pop()
        if at in found:
            continue
        found.add(at)
        opcode, _, _, jump, _ = code[at]
        if opcode != 0x95:
            if opcode in (0x05, 0x55, 0x45):
                todo.append(at + 1 + jump)
            if opcode != 0x05:
                todo.append(at + 1)
    return found


@settings(deadline=None)
@given(RULES)
def test_the_program_answers_as_the_rules_say(devices: list[dict[str, Any]]) -> None:
    rules = effective(devices)
    program = device_program(rules)
    for request in requests():
        expected = allowed(rules, *request)
        assert (run(program, *request) == 1 if program else True) == expected


@given(RULES)
def test_every_instruction_can_be_reached_and_every_jump_lands_inside(
    devices: list[dict[str, Any]],
) -> None:
    program = device_program(effective(devices))
    if program:
        assert reached(program) == set(range(len(program) // 8))


def test_no_program_is_needed_where_everything_is_allowed() -> None:
    assert device_program(effective([{"allow": True, "access": "rwm"}])) == b""


def test_a_hundred_rules_stay_below_the_limit_of_old_kernels() -> None:
    many = [{"allow": True, "type": "b", "major": 8, "minor": i, "access": "r"} for i in range(100)]
    assert len(device_program(effective(many))) // 8 < 4096
