"""What is said of a profile (hutch seccomp show, diff, run --seccomp-explain) is what its filter
does: the words are compared with the compiled program and with libseccomp's own Python binding."""

import json
import random
import sys
from pathlib import Path
from typing import Any

import pyseccomp
import pytest
from hutch.cli.cold.seccomp import view_of
from hutch.cli.cold.seccomp_output import changes_text, view_text
from hutch.container.cold.seccomp.filters import (
    ALLOW,
    ERRNO,
    allowing_all,
    audit_architecture,
    outcomes,
    telling,
)
from hutch.container.cold.seccomp.learnt import ALWAYS, Learnt, compared, merged
from hutch.container.cold.seccomp.profiles import View, differences
from hutch.defaults.seccomp import default_seccomp
from hutch.errors import ConfigError, UsageError
from hutch.kernel.libseccomp import call_names, call_number, compile_filter, native
from hutch.spec.cold.seccomp_rules import condition_in_words
from hutch.spec.seccomp import NOTIFY, translate

from tests.support.checked import checked_linux
from tests.support.classic_bpf import check_loadable, verdict

EPERM, ENOSYS = ERRNO | 1, ERRNO | 38


def checked(**profile: Any) -> Any:
    return checked_linux(seccomp={"defaultAction": "SCMP_ACT_ERRNO", **profile})["seccomp"]


def allow(*names: str, **fields: Any) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", **fields}


def arg(index: int, operator: str, value: int, second: int = 0) -> dict[str, Any]:
    return {"index": index, "op": "SCMP_CMP_" + operator, "value": value, "valueTwo": second}


CONDITIONS = checked(
    syscalls=[
        allow("read", "write"),
        *(
            allow(name, args=[arg(0, operator, 5, second)])
            for name, operator, second in (
                ("socket", "EQ", 0), ("personality", "NE", 0), ("prctl", "LT", 0),
                ("ptrace", "LE", 0), ("keyctl", "GE", 0), ("bpf", "GT", 0),
                ("clone", "MASKED_EQ", 4),
            )
        ),
        allow("ioctl", args=[arg(1, "EQ", 1), arg(1, "EQ", 2)]),
        {"names": ["chmod"], "action": "SCMP_ACT_KILL_PROCESS"},
        {"names": ["fchmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
    ]
)  # fmt: skip
PROFILES = {"conditions": CONDITIONS, "default": default_seccomp(["CAP_CHOWN"])}


@pytest.mark.parametrize("which", PROFILES)
def test_the_answer_that_is_told_is_the_answer_of_the_filter(which: str) -> None:
    view = View(PROFILES[which])
    program = compile_filter(translate(PROFILES[which])).program
    chosen = random.Random(7)
    arch = audit_architecture(native())
    for name, number in view.names.items():
        answers = {row.answer for row in view.rows(name)}
        assert outcomes(program, arch, number) == answers, name
        for _ in range(20):
            args = [chosen.choice((0, 1, 2, 4, 5, 6, 0x7E02_0000, 1 << 40)) for _ in range(6)]
            rule = view.profile.deciding(name, args)
            told = view.rows(name)[-1].answer if rule is None else rule.action
            assert verdict(program, arch, number, args) == told, (name, args)


def test_libseccomps_own_binding_makes_a_filter_that_agrees(tmp_path: Path) -> None:
    made = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))
    for name in ("read", "write"):
        made.add_rule(pyseccomp.ALLOW, name)
    made.add_rule(pyseccomp.ALLOW, "socket", pyseccomp.Arg(0, pyseccomp.EQ, 5))
    made.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, 0x7E02_0000, 0))
    with (tmp_path / "bpf").open("w+b") as file:
        made.export_bpf(file)
        file.seek(0)
        program = file.read()
    view = View(
        checked(
            syscalls=[
                allow("read", "write"),
                allow("socket", args=[arg(0, "EQ", 5)]),
                allow("clone", args=[arg(0, "MASKED_EQ", 0x7E02_0000, 0)]),
            ]
        )
    )
    arch = audit_architecture(native())
    for name, number in view.names.items():
        if number > view.highest:
            continue  # hutch gives ENOSYS to newer calls, libseccomp does not
        for value in (0, 5, 0x1000_0000, 0x7E02_0000):
            rule = view.profile.deciding(name, [value] * 6)
            told = view.profile.default if rule is None else rule.action
            assert verdict(program, arch, number, [value] * 6) == told, (name, value)


def test_the_names_are_those_of_libseccomp() -> None:
    names = call_names(native())
    for name in ("read", "clone3", "mseal", "io_uring_setup"):
        assert names[call_number(native(), name)] == name
    assert call_number(native(), "nothing") == -1
    if hasattr(pyseccomp, "resolve_syscall"):
        assert pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "clone3") == call_number(
            native(), "clone3"
        )


@pytest.mark.parametrize("which", PROFILES)
def test_a_filter_that_tells_of_calls_differs_only_where_it_tells(which: str) -> None:
    own = compile_filter(translate(PROFILES[which]))
    watching = telling(own, (ERRNO,))
    check_loadable(watching.program)
    arch = audit_architecture(native())
    for number in [*call_names(native()), 5000]:
        for value in (0, 5, 1 << 40):
            old = verdict(own.program, arch, number, [value] * 6)
            new = verdict(watching.program, arch, number, [value] * 6)
            assert new == (NOTIFY if old & 0xFFFF_0000 == ERRNO else old)


def test_a_filter_that_tells_of_all_tells_not_of_what_hutch_init_needs() -> None:
    watching = telling(allowing_all(), (ALLOW,))
    check_loadable(watching.program)
    arch = audit_architecture(native())
    for number, name in call_names(native()).items():
        expected = ALLOW if name in ("read", "write") else NOTIFY
        assert verdict(watching.program, arch, number) == expected
    with pytest.raises(ConfigError, match="does not always allow write"):
        given = checked(syscalls=[allow("read"), allow("write", args=[arg(0, "EQ", 1)])])
        telling(compile_filter(translate(given)), (ERRNO,))


# show and diff


def written(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def test_show_takes_a_profile_a_config_and_dockers_format(tmp_path: Path) -> None:
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [allow("read"), allow("mkdir")]}
    config = {"ociVersion": "1.3.0", "linux": {"seccomp": profile}}
    dockers = {
        **profile,
        "syscalls": [
            {"names": ["mkdir"], "action": "SCMP_ACT_KILL", "includes": {"caps": ["CAP_BPF"]}},
            *profile["syscalls"],
        ],
    }
    places = [
        view_of(written(tmp_path / "one", document)).rows("mkdir")[0].pointer
        for document in (profile, config, dockers)
    ]
    assert places == [
        "syscalls[1].names[0]", "linux.seccomp.syscalls[1].names[0]", "syscalls[2].names[0]"
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"one: syscalls\[0\]\.action"):
        view_of(written(tmp_path / "one", {**profile, "syscalls": [{"names": ["read"]}]}))
    with pytest.raises(ConfigError, match=r"one: linux\.seccomp: is missing"):
        view_of(written(tmp_path / "one", {"ociVersion": "1.3.0"}))


def test_show_says_what_happens_to_one_call_and_to_all() -> None:
    view = View(CONDITIONS, "")
    assert view_text(view, "clone").splitlines()[1:] == [
        "    if argument 0 & 5 == 4: allowed  [syscalls[7].names[0]]",
        "    otherwise: fails with EPERM  [defaultAction]",
    ]
    assert "    fails with ENOSYS  [syscalls]" in view_text(view, "mseal")
    text = view_text(view)
    assert "allowed (2):\n    read write\n" in text
    assert "the process is killed (1):\n    chmod\n" in text
    assert "    socket: allowed if argument 0 == 5; otherwise fails with EPERM\n" in text
    assert view.find("mkdir") == view.find(str(call_number(native(), "mkdir"))) == "mkdir"
    with pytest.raises(UsageError, match="did you mean mkdir"):
        view.find("mkdri")


def test_diff_says_what_changes_for_each_call() -> None:
    one = checked(syscalls=[allow("statx", "mkdir"), allow("clone", args=[arg(0, "EQ", 1)])])
    other = checked(syscalls=[allow("chmod"), allow("statx"), allow("clone")])
    assert changes_text(differences(View(one), View(other))).splitlines() == [
        "chmod: fails with EPERM -> allowed",
        "clone: allowed if argument 0 == 1; otherwise fails with EPERM -> allowed",
        "mkdir: allowed -> fails with EPERM",
    ]
    assert differences(View(one), View(one)) == []
    killing = {**one, "defaultAction": "SCMP_ACT_KILL_PROCESS"}
    assert changes_text(differences(View(one), View(killing))) == (
        "defaultAction: fails with EPERM -> the process is killed\n"
    )


# What was learnt


def test_runs_are_merged_by_conditions_and_names_are_sorted() -> None:
    first = Learnt()
    first.architectures = {"SCMP_ARCH_X86_64"}
    for name in ALWAYS:
        first.allow(name)
    first.allow("socket", compared("socket", [2] * 6))
    first.refused["clone3"] = 38
    profile, notes = merged(first, None)
    assert notes == []
    second = Learnt()
    second.architectures = {"SCMP_ARCH_X86"}
    second.allow("socket", compared("socket", [1] * 6))
    second.allow("accept4")
    second.refused["clone3"] = 38
    again, notes = merged(second, profile)
    assert notes == [] and merged(second, again)[0] == again
    assert again["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert again["syscalls"][0]["names"] == sorted([*ALWAYS, "accept4"])
    sockets = [entry["args"][0]["valueTwo"] for entry in again["syscalls"][1:3]]
    assert sockets == [1, 2]
    assert again["syscalls"][3:] == [
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
    ]
    view = View(checked(**again))
    assert [condition_in_words(rule.condition) for rule in view.profile.rules("socket")] == [
        "argument 0 (int) == 1", "argument 0 (int) == 2"
    ]  # fmt: skip


def test_a_call_with_too_many_values_is_allowed_with_all() -> None:
    learnt = Learnt()
    for value in range(65):
        learnt.allow("ioctl", compared("ioctl", [value] * 6))
    profile, _ = merged(learnt, None)
    assert profile["syscalls"] == [{"names": ["ioctl"], "action": "SCMP_ACT_ALLOW"}]


def test_a_refusal_with_the_errno_of_the_default_action_is_not_written() -> None:
    """It would be taken for a refusal by hand in the next recording."""
    learnt = Learnt()
    learnt.refused = {"mkdir": 1, "clone3": 38}
    assert merged(learnt, None)[0]["syscalls"] == [
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
    ]


def test_a_refusal_by_hand_stays() -> None:
    learnt = Learnt()
    learnt.allow("mkdir")
    log = {"names": ["mkdir"], "action": "SCMP_ACT_LOG"}
    before = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [log]}
    profile, notes = merged(learnt, before)
    assert profile["syscalls"] == [log]
    assert notes == ["mkdir was called, but stays refused, as the profile says"]


if sys.byteorder == "big":  # pragma: no cover
    pytestmark = pytest.mark.skip("the oracle's programs are little-endian")
