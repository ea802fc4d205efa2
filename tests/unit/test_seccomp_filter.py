"""Compiled filters, run in Python: any profile gives each system call the verdict it should.

There are two oracles. One builds the same profile through libseccomp's other binding and knows
nothing of ENOSYS; the other reads a profile as the specification does and knows nothing of
libseccomp.
"""

import tempfile
from typing import Any

import pyseccomp
from hutch.kernel.filter_head import NEWER_CALLS, WIDE
from hutch.kernel.libseccomp import compile_filter
from hutch.kernel.seccomp import Filter
from hutch.spec.seccomp import ACTIONS, ARCHITECTURES, OPERATORS, translate
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.samples.seccomp_profile import ALLOWED
from tests.support.checked import checked_linux
from tests.support.classic_bpf import check_loadable, verdict

ENOSYS = 0x0005_0000 | 38
X86_64, X32 = ARCHITECTURES["SCMP_ARCH_X86_64"], ARCHITECTURES["SCMP_ARCH_X32"]
X32_BIT = 0x4000_0000
THREE = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
NATIVE = pyseccomp.system_arch()
ALL = 1 << 64


def compiled(profile: dict[str, Any]) -> Filter:
    made = compile_filter(translate(checked_linux(seccomp=profile)["seccomp"]))
    check_loadable(made.program)
    return made


def number(arch: int, name: str) -> int:
    return int(pyseccomp.resolve_syscall(arch, name))


def audit(arch: int) -> int:
    return X86_64 if arch == X32 else arch


# The oracles


def action(name: str, errno: int = 1) -> int:
    return ACTIONS[name] | (errno if name in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE") else 0)


def alternatives(args: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    indices = [arg["index"] for arg in args]
    return [[arg] for arg in args] if len(set(indices)) < len(indices) else [args]


def built_by_the_other_binding(given: dict[str, Any]) -> bytes:
    default = action(given["defaultAction"], given.get("defaultErrnoRet", 1))
    other = pyseccomp.SyscallFilter(default)
    for name in given.get("architectures", []):
        if not other.exist_arch(ARCHITECTURES[name]):
            other.add_arch(ARCHITECTURES[name])
    for entry in given["syscalls"]:
        wanted = action(entry["action"], entry.get("errnoRet", 1))
        for name in entry["names"]:
            if number(NATIVE, name) == -1 or wanted == default:
                continue
            for together in alternatives(entry.get("args", [])):
                other.add_rule(
                    wanted,
                    name,
                    *(
                        pyseccomp.Arg(
                            arg["index"], OPERATORS[arg["op"]], arg["value"], arg.get("valueTwo", 0)
                        )
                        for arg in together
                    ),
                )
    with tempfile.TemporaryFile() as file:
        other.export_bpf(file)
        file.seek(0)
        return file.read()


COMPARE = {
    "SCMP_CMP_NE": lambda value, arg: value != arg["value"],
    "SCMP_CMP_LT": lambda value, arg: value < arg["value"],
    "SCMP_CMP_LE": lambda value, arg: value <= arg["value"],
    "SCMP_CMP_EQ": lambda value, arg: value == arg["value"],
    "SCMP_CMP_GE": lambda value, arg: value >= arg["value"],
    "SCMP_CMP_GT": lambda value, arg: value > arg["value"],
    "SCMP_CMP_MASKED_EQ": lambda value, arg: value & arg["value"] == arg.get("valueTwo", 0),
}


def as_specified(given: dict[str, Any], called: str, args: tuple[int, ...], narrow: bool) -> int:
    """The verdict on a call: of the rule without args, or else of the first that holds."""
    default = action(given["defaultAction"], given.get("defaultErrnoRet", 1))
    rules = [
        (together, action(entry["action"], entry.get("errnoRet", 1)))
        for entry in given["syscalls"]
        if called in entry["names"]
        for together in alternatives(entry.get("args", []))
    ]
    rules = [rule for rule in rules if rule[1] != default]
    for together, wanted in sorted(rules, key=lambda rule: rule[0] != []):
        if all(holds(arg, args[arg["index"]], narrow) for arg in together):
            return wanted
    return default


def holds(arg: dict[str, Any], value: int, narrow: bool) -> bool:
    """``narrow``: arguments have 32 bits, so -1 is 0xFFFFFFFF however the profile writes it."""
    if narrow:
        fields = [field for field in ("value", "valueTwo") if arg.get(field, 0) >= -(1 << 31) % ALL]
        arg = arg | {field: arg[field] & 0xFFFF_FFFF for field in fields}
    return bool(COMPARE[arg["op"]](value, arg))


# Profiles

CALLS = """
    read write open close mmap brk ioctl pread64 writev access pipe dup2 nanosleep getpid clone
    fork execve kill uname fcntl fsync getcwd mkdir creat chmod getuid ptrace setuid capget prctl
    mount reboot gettid futex openat unshare splice getrandom bpf statx openat2 faccessat2
    futex_waitv
"""
NAMES = CALLS.split()
EDGES = (0, 1, 2, 7, 40, 0xFF, 0x10000, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32)
VALUES = st.sampled_from([*EDGES, (1 << 32) + 1, 5 << 32, 1 << 63, (1 << 64) - 1])


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    arg: dict[str, Any] = {
        "index": draw(st.integers(0, 5)),
        "value": draw(VALUES),
        "op": draw(st.sampled_from(list(OPERATORS))),
    }
    if arg["op"] == "SCMP_CMP_MASKED_EQ":
        arg["valueTwo"] = draw(VALUES) & arg["value"]
    return arg


@st.composite
def profiles(
    draw: st.DrawFn, names: list[str], simple: bool = False, entries: int = 6
) -> dict[str, Any]:
    """A profile; ``simple``: each name has one rule at most, or libseccomp may hang."""
    left = draw(st.permutations(names))
    verdicts = st.sampled_from([name for name in ACTIONS if name != "SCMP_ACT_NOTIFY"])
    made: dict[str, Any] = {"defaultAction": draw(verdicts), "syscalls": []}
    if made["defaultAction"] in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE") and draw(st.booleans()):
        made["defaultErrnoRet"] = draw(st.sampled_from([0, 1, 13, 38, 4094]))
    for _ in range(draw(st.integers(0, entries))):
        count = draw(st.sampled_from([1, 1, 2, 5, 20]))
        entry: dict[str, Any] = {"names": left[:count], "action": draw(verdicts)}
        if simple:
            left = left[count:]
        elif draw(st.booleans()):
            left = draw(st.permutations(left))
        if not entry["names"]:
            break
        if entry["action"] == "SCMP_ACT_ERRNO":
            entry["errnoRet"] = draw(st.sampled_from([1, 5, 38]))
        if draw(st.booleans()):
            by_index = (lambda arg: arg["index"]) if simple else None
            entry["args"] = draw(st.lists(comparisons(), max_size=3, unique_by=by_index))
        made["syscalls"].append(entry)
    return made


def calls(given: dict[str, Any]) -> list[tuple[int, ...]]:
    """Arguments on all sides of what the profile compares with."""
    found = {(0,) * 6}
    for entry in given["syscalls"]:
        base = [0] * 6
        for arg in entry.get("args", []):
            base[arg["index"]] = arg["valueTwo"] if "valueTwo" in arg else arg["value"]
        found.add(tuple(base))
        for arg in entry.get("args", []):
            for near in (-1, 1, 1 << 32, -(1 << 32)):
                changed = list(base)
                changed[arg["index"]] = (base[arg["index"]] + near) % (1 << 64)
                found.add(tuple(changed))
    return sorted(found)


def newer_than_all(given: dict[str, Any], arch: int, called: int) -> bool:
    """Whether a call is newer than all that the profile names, and would be denied."""
    denied = {"KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO"}
    if given["defaultAction"].removeprefix("SCMP_ACT_") not in denied:
        return False
    named = [number(arch, name) for entry in given["syscalls"] for name in entry["names"]]
    if arch == X32:
        own = range(X32_BIT + 512, X32_BIT + 548)
        named = [known for known in named if known not in own]
        if called in own:
            return False
    known = [one for one in named if one >= 0]
    return bool(known) and called > max(known)


@settings(max_examples=200, deadline=None)
@given(profiles(NAMES, simple=True), st.sampled_from([[], THREE[:1], THREE[:2], THREE]))
def test_verdicts_are_those_of_libseccomp_but_for_newer_calls(
    given: dict[str, Any], architectures: list[str]
) -> None:
    given["architectures"] = architectures
    program = compiled(given).program
    other = built_by_the_other_binding(given)
    large = any(arg["value"] >> 32 for e in given["syscalls"] for arg in e.get("args", []))
    for arch in {NATIVE, *(ARCHITECTURES[name] for name in architectures)}:
        if large and not arch & WIDE:
            continue  # libseccomp compares the lower halves of numbers that cannot be equal
        bit = X32_BIT if arch == X32 else 0
        edges = {bit, bit + 450, bit + 511, bit + 512, bit + 547, bit + 548, bit + 100_000}
        numbers = {number(arch, name) for name in NAMES} | edges
        for called in sorted(one for one in numbers if one >= 0):
            for args in calls(given):
                wanted = verdict(other, audit(arch), called, args)
                if newer_than_all(given, arch, called):
                    wanted = ENOSYS
                assert verdict(program, audit(arch), called, args) == wanted, (arch, called, args)


@settings(max_examples=300, deadline=None)
@given(profiles(NAMES[:12]), st.sampled_from(THREE))
def test_verdicts_are_those_of_the_specification(given: dict[str, Any], machine: str) -> None:
    given["architectures"] = THREE
    program = compiled(given).program
    arch = ARCHITECTURES[machine]
    for name in NAMES[:12]:
        called = number(arch, name)
        for args in calls(given):
            if not arch & WIDE:
                args = tuple(arg & 0xFFFF_FFFF for arg in args)
            wanted = as_specified(given, name, args, not arch & WIDE)
            if newer_than_all(given, arch, called):
                wanted = ENOSYS
            assert verdict(program, audit(arch), called, args) == wanted, (name, args)


@settings(max_examples=30, deadline=None)
@given(profiles([name for name in ALLOWED if name not in NEWER_CALLS], simple=True, entries=30))
def test_many_rules_make_a_tree_with_the_same_verdicts(given: dict[str, Any]) -> None:
    program = compiled(given).program
    other = built_by_the_other_binding(given)
    for called in range(480):
        for args in calls(given)[:3]:
            wanted = verdict(other, audit(NATIVE), called, args)
            if newer_than_all(given, NATIVE, called):
                wanted = ENOSYS
            assert verdict(program, audit(NATIVE), called, args) == wanted
