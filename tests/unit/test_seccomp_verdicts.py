"""Compiled filters, run in Python: what particular profiles mean, and what is said of them."""

import sys
from typing import Any

import pyseccomp
import pytest
from hutch.errors import ConfigError, HostError
from hutch.kernel import libseccomp
from hutch.kernel.filter_head import NEWER_CALLS
from hutch.kernel.libseccomp import compile_filter
from hutch.kernel.seccomp import Filter
from hutch.spec.seccomp import ACTIONS, ARCHITECTURES, FLAGS, translate

from conformance.samples.seccomp_profile import AF_VSOCK, ALLOWED, NEW_NAMESPACES, engine_profile
from tests.support.checked import checked_linux
from tests.support.classic_bpf import check_loadable, instructions, verdict

ALLOW, LOG, KILL = ACTIONS["SCMP_ACT_ALLOW"], ACTIONS["SCMP_ACT_LOG"], ACTIONS["SCMP_ACT_KILL"]
EPERM, ENOSYS = 0x0005_0001, 0x0005_0000 | 38
X86_64, X86 = ARCHITECTURES["SCMP_ARCH_X86_64"], ARCHITECTURES["SCMP_ARCH_X86"]
ARM = ARCHITECTURES["SCMP_ARCH_ARM"]
X32_BIT = 0x4000_0000
READ, MKDIR, CLONE, PERSONALITY, FUTEX, CLONE3 = 0, 83, 56, 135, 202, 435  # of x86_64


def profile(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    architectures = ["SCMP_ARCH_X86_64"]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": architectures,
        "syscalls": list(entries),
        **fields,
    }


def allow(*names: str, **fields: Any) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", **fields}


def arg(index: int, operator: str, value: int, second: int = 0) -> dict[str, Any]:
    return {"index": index, "op": "SCMP_CMP_" + operator, "value": value, "valueTwo": second}


def compiled(*entries: dict[str, Any], **fields: Any) -> Filter:
    given = checked_linux(seccomp=profile(*entries, **fields))
    made = compile_filter(translate(given["seccomp"]))
    check_loadable(made.program)
    return made


def answers(made: Filter, number: int, *args: int, arch: int = X86_64) -> int:
    return verdict(made.program, arch, number, args)


# Calls newer than the profile


def test_s45_a_call_newer_than_the_profile_gets_enosys() -> None:
    made = compiled(allow("read", "mkdir"))
    assert [answers(made, number) for number in (READ, 1, MKDIR, MKDIR + 1, 9999)] == [
        ALLOW, EPERM, ALLOW, ENOSYS, ENOSYS,
    ]  # fmt: skip


def test_s45_it_does_so_without_architectures_too() -> None:
    made = compile_filter(translate({**profile(allow("futex_waitv")), "architectures": []}))
    native = pyseccomp.system_arch()
    assert answers(made, 449, arch=native) == ALLOW
    assert answers(made, 450, arch=native) == ENOSYS


@pytest.mark.parametrize("action", ["KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO"])
def test_newer_calls_get_enosys_whatever_way_the_default_denies(action: str) -> None:
    made = compiled(allow("mkdir"), defaultAction="SCMP_ACT_" + action)
    assert answers(made, MKDIR + 1) == ENOSYS
    assert answers(made, MKDIR - 1) & 0xFFFF_0000 == ACTIONS["SCMP_ACT_" + action]


@pytest.mark.parametrize("action", ["ALLOW", "LOG", "TRACE"])
def test_newer_calls_run_where_the_default_lets_them(action: str) -> None:
    entry = {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}
    made = compiled(entry, defaultAction="SCMP_ACT_" + action)
    assert answers(made, MKDIR + 1) & 0xFFFF_0000 == ACTIONS["SCMP_ACT_" + action]


def test_a_default_of_enosys_needs_no_head() -> None:
    given = (allow("mkdir"),)
    assert len(compiled(*given, defaultErrnoRet=38).program) < len(compiled(*given).program)


def test_a_profile_that_names_nothing_has_no_newer_calls() -> None:
    assert answers(compiled(defaultAction="SCMP_ACT_KILL"), 9999) == KILL


def test_a_call_named_only_to_be_refused_is_known() -> None:
    made = compiled(allow("read"), {"names": ["clone3"], "action": "SCMP_ACT_ERRNO"})
    assert answers(made, CLONE3) == EPERM
    assert answers(made, CLONE3 + 1) == ENOSYS


def test_calls_of_x32_are_killed_where_it_is_not_listed() -> None:
    made = compiled(allow("read"))
    assert answers(made, X32_BIT | READ) == KILL
    assert answers(made, X32_BIT | 9999) == KILL


def test_x32_has_its_own_newest_call() -> None:
    made = compiled(
        allow("read", "mkdir", "execve"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]
    )
    # execve is 520 there, among the numbers that x32 has for itself.
    wanted = {READ: ALLOW, MKDIR: ALLOW, MKDIR + 1: ENOSYS, 511: ENOSYS, 512: EPERM, 520: ALLOW}
    wanted |= {547: EPERM, 548: ENOSYS}
    assert {n: answers(made, X32_BIT | n) for n in wanted} == wanted


def test_arms_private_calls_are_not_its_newest() -> None:
    made = compiled(allow("read", "set_tls", "mkdir"), architectures=["SCMP_ARCH_ARM"])
    assert answers(made, 39, arch=ARM) == ALLOW
    assert answers(made, 40, arch=ARM) == ENOSYS
    assert answers(made, 0xF0005, arch=ARM) == ALLOW
    assert answers(made, 0xF0001, arch=ARM) == EPERM


def test_a_negative_number_in_64_bits_is_one_in_32_where_arguments_have_32() -> None:
    rule = allow("futex", args=[arg(0, "EQ", (1 << 64) - 100)])
    made = compiled(rule, architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
    assert answers(made, 240, (1 << 32) - 100, arch=X86) == ALLOW
    assert answers(made, FUTEX, (1 << 32) - 100) == EPERM
    assert answers(made, FUTEX, (1 << 64) - 100) == ALLOW


def test_calls_through_socketcall_are_not_taken_for_newer_ones() -> None:
    made = compiled(allow("read", "socket"), architectures=["SCMP_ARCH_X86"])
    assert answers(made, 359, arch=X86) == ALLOW
    assert answers(made, 102, 1, arch=X86) == ALLOW  # SYS_SOCKET
    assert answers(made, 102, 2, arch=X86) == EPERM


def test_an_ordinary_call_passes_the_head_in_four_instructions() -> None:
    made = compiled(allow("read", "mkdir"))
    head = instructions(made.program)[:4]
    loads = [instruction for instruction in head if instruction[0] == 0x20]
    assert [k for _, _, _, k in loads] == [4, 0]
    _, _, past, first = head[3]
    assert first == MKDIR + 1
    assert instructions(made.program)[4 + past] == (0x20, 0, 0, 4)  # where libseccomp begins


# Calls newer than libseccomp

LISTNS = NEWER_CALLS["listns"]


@pytest.mark.parametrize(
    ("arch", "number"), [(X86_64, LISTNS), (X86, LISTNS), (X86_64, X32_BIT | LISTNS)]
)
def test_calls_that_libseccomp_does_not_know_yet_have_rules_all_the_same(
    arch: int, number: int
) -> None:
    made = compiled(
        allow("listns", args=[arg(1, "LT", 1 << 40)]),
        architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    )
    assert made.warnings == []
    assert answers(made, number, 0, 1, arch=arch) == ALLOW
    assert answers(made, number, 0, 1 << 40, arch=arch) == EPERM
    assert answers(made, number - 1, arch=arch) == EPERM
    assert answers(made, number + 1, arch=arch) == ENOSYS


def test_they_can_be_refused_alone() -> None:
    entry = {"names": ["listns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
    made = compiled(entry, defaultAction="SCMP_ACT_ALLOW")
    assert [answers(made, LISTNS + n) for n in (-1, 0, 1)] == [ALLOW, ENOSYS, ALLOW]


# Several rules for one call


def test_rules_that_libseccomp_mixes_up_are_told_apart() -> None:
    # libseccomp 2.5.4 allows an argument of 8 here.
    made = compiled(
        allow("futex", args=[arg(0, "LE", 7)]), allow("futex", args=[arg(0, "GE", 5 << 32)])
    )
    wanted = {0: ALLOW, 7: ALLOW, 8: EPERM, (5 << 32) - 1: EPERM, 5 << 32: ALLOW}
    assert {value: answers(made, FUTEX, value) for value in wanted} == wanted


def test_rules_on_which_libseccomp_hangs_are_compiled() -> None:
    low = arg(0, "LT", (1 << 32) + 1)
    made = compiled(
        allow("futex", args=[arg(1, "GE", 1 << 63), low]),
        allow("futex", args=[low, arg(1, "NE", (1 << 32) + 1)]),
    )
    assert answers(made, FUTEX, 1 << 32, 0) == ALLOW
    assert answers(made, FUTEX, 1 << 32, (1 << 32) + 1) == EPERM


def test_of_two_actions_the_first_that_holds_is_taken() -> None:
    deny = {"names": ["futex"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}
    made = compiled(
        {**deny, "args": [arg(0, "EQ", 16), arg(2, "EQ", 9)]},
        allow("futex", args=[arg(0, "EQ", 16)]),
        allow("futex", args=[arg(2, "NE", 9)]),
    )
    assert answers(made, FUTEX, 16, 0, 9) == 0x0005_0000 | 13
    assert answers(made, FUTEX, 16, 0, 1) == ALLOW
    assert answers(made, FUTEX, 1, 0, 1) == ALLOW
    assert answers(made, FUTEX, 1, 0, 9) == EPERM


def test_a_rule_without_args_makes_those_with_args_pointless() -> None:
    made = compiled(
        allow("futex", args=[arg(0, "EQ", 1)]),
        {"names": ["futex"], "action": "SCMP_ACT_LOG"},
        allow("futex"),
    )
    assert answers(made, FUTEX, 1) == answers(made, FUTEX, 2) == LOG


def test_a_call_with_several_rules_keeps_its_own_number_beside_socketcall() -> None:
    made = compiled(
        allow("socket", args=[arg(0, "EQ", 1)]),
        allow("socket", args=[arg(0, "EQ", 2)]),
        architectures=["SCMP_ARCH_X86"],
    )
    assert [answers(made, 359, family, arch=X86) for family in (1, 2, 3)] == [ALLOW, ALLOW, EPERM]


# A profile as engines write it


@pytest.mark.parametrize("arch", [X86_64, X86])
def test_an_engines_profile_means_what_it_says(arch: int) -> None:
    given = engine_profile() | {"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]}
    made = compile_filter(translate(given))
    check_loadable(made.program)
    assert made.warnings == []
    personality, clone, socket, mount = (
        (PERSONALITY, CLONE, 41, 165) if arch == X86_64 else (136, 120, 359, 21)
    )
    assert answers(made, personality, 0x20008, arch=arch) == ALLOW
    assert answers(made, personality, 0x20009, arch=arch) == EPERM
    assert answers(made, clone, 0x11, arch=arch) == ALLOW
    assert answers(made, clone, NEW_NAMESPACES & -NEW_NAMESPACES, arch=arch) == EPERM
    assert answers(made, CLONE3, arch=arch) == ENOSYS
    assert answers(made, socket, 1, arch=arch) == ALLOW
    assert answers(made, socket, AF_VSOCK, arch=arch) == EPERM
    assert answers(made, mount, arch=arch) == EPERM
    assert answers(made, NEWER_CALLS["statmount"], arch=arch) == ALLOW
    assert answers(made, NEWER_CALLS["mseal"], arch=arch) == ALLOW
    assert answers(made, NEWER_CALLS["open_tree_attr"], arch=arch) == EPERM
    assert answers(made, NEWER_CALLS["listns"], arch=arch) == ENOSYS


def test_an_engines_profile_is_a_tree() -> None:
    made = compile_filter(translate(engine_profile()))
    assert executed(made, FUTEX) < 60 < len(ALLOWED)


def executed(made: Filter, number: int) -> int:
    """How many instructions decide on a call: each is a step of the path to the verdict."""
    code = instructions(made.program)
    at = steps = 0
    accumulator = 0
    while code[at][0] != 6:
        operation, if_true, if_false, k = code[at]
        at, steps = at + 1, steps + 1
        if operation == 0x20:
            accumulator = {0: number, 4: X86_64}.get(k, 0)
        elif operation == 5:
            at += k
        else:
            holds = {0x15: accumulator == k, 0x25: accumulator > k, 0x35: accumulator >= k}
            at += if_true if holds[operation] else if_false
    return steps


# What is said of a profile


def test_an_unknown_name_is_a_warning_with_the_nearest_known_one() -> None:
    made = compiled(allow("read", "opne"), allow("zzzzzz"))
    version = libseccomp.library_version()
    assert list(map(str, made.warnings)) == [
        'config.json: linux.seccomp.syscalls[0].names[1] = "opne": is left out: libseccomp '
        f'{version} knows no system call of this name (hint: did you mean "open"?)',
        'config.json: linux.seccomp.syscalls[1].names[0] = "zzzzzz": is left out: libseccomp '
        f"{version} knows no system call of this name",
    ]


def test_many_unknown_names_are_summed_up() -> None:
    made = compiled(allow(*(f"unknown{number}" for number in range(1000))))
    assert len(made.warnings) < 20
    assert str(made.warnings[-1]).endswith("984 more unknown names")


def test_an_unknown_name_stays_on_one_line() -> None:
    (warning,) = compiled(allow("read\n\x1b[2J\ud800")).warnings
    assert str(warning).isprintable()


def test_an_architecture_of_the_other_byte_order_is_left_out_with_a_warning() -> None:
    made = compiled(allow("read"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"])
    (warning,) = made.warnings
    assert (warning.pointer, warning.value) == ("linux.seccomp.architectures[1]", "SCMP_ARCH_S390X")
    assert "byte order" in str(warning)
    assert answers(made, 3, arch=ARCHITECTURES["SCMP_ARCH_S390X"]) == KILL


def test_every_architecture_is_taken_or_left_out_with_a_warning() -> None:
    made = compiled(allow("read"), architectures=list(ARCHITECTURES))
    told = [warning.value for warning in made.warnings]
    for name in set(ARCHITECTURES) - set(told) - {"SCMP_ARCH_X32"}:
        assert answers(made, 9999, arch=ARCHITECTURES[name]) == ENOSYS, name
    assert "SCMP_ARCH_X86" not in told
    assert "SCMP_ARCH_S390X" in told


def test_a_filter_too_long_for_the_kernel_is_refused_with_its_length() -> None:
    entries = [allow("futex", args=[arg(5, "EQ", value)]) for value in range(1500)]
    with pytest.raises(ConfigError, match=r"would take \d{4} instructions.*takes 4096") as caught:
        compiled(*entries)
    assert caught.value.pointer == "linux.seccomp.syscalls"


def test_a_filter_far_too_long_is_refused_alike_and_soon() -> None:
    entries = [
        allow(name, args=[arg(index, "GT", number) for index in range(6)])
        for number, name in enumerate(ALLOWED)
    ]
    with pytest.raises(ConfigError, match="instructions"):
        compiled(*entries, architectures=list(ARCHITECTURES))


def test_notify_asks_for_a_listener() -> None:
    entry = {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}
    made = compiled(entry, listenerPath="/run/agent.sock", defaultAction="SCMP_ACT_ALLOW")
    assert made.notify
    assert made.flags & 8
    assert answers(made, MKDIR) == ACTIONS["SCMP_ACT_NOTIFY"]


def test_s54_without_libseccomp_a_profile_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hutch._seccomp", None)
    with pytest.raises(HostError) as caught:
        compile_filter(translate(profile(allow("read"))))
    assert caught.value.pointer == "linux.seccomp"
    assert caught.value.hint


def test_the_library_can_be_told() -> None:
    assert libseccomp.library_version().startswith("2.")
    assert "/libseccomp.so" in libseccomp.library_file()


def test_the_kernel_knows_the_actions_and_flags_that_it_knows() -> None:
    assert all(libseccomp.action_known(action) for action in ACTIONS.values())
    assert not libseccomp.action_known(0x1234_0000)
    assert libseccomp.flag_known(FLAGS["SECCOMP_FILTER_FLAG_TSYNC"])
    assert libseccomp.flag_known(FLAGS["SECCOMP_FILTER_FLAG_LOG"])
    assert not libseccomp.flag_known(1 << 30)
