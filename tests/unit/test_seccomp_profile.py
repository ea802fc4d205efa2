"""linux.seccomp: what is refused with which pointer, and what its rules become in numbers."""

from typing import Any

import pytest
from hutch.errors import ConfigError
from hutch.spec import table
from hutch.spec.cold.diagnostics import findings
from hutch.spec.seccomp import (
    ACTIONS,
    ARCHITECTURES,
    FLAGS,
    OPERATORS,
    Rules,
    translate,
)
from hypothesis import given
from hypothesis import strategies as st

from conformance.samples.seccomp_profile import engine_profile
from tests.support.checked import checked_linux


def profile(**fields: Any) -> dict[str, Any]:
    return {"defaultAction": "SCMP_ACT_ERRNO", **fields}


def rule(**fields: Any) -> dict[str, Any]:
    return {"names": ["mkdir"], "action": "SCMP_ACT_ALLOW", **fields}


def with_arg(**fields: Any) -> dict[str, Any]:
    return profile(
        syscalls=[rule(), rule(args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"} | fields])]
    )


def refused(given: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        checked_linux(seccomp=given)
    assert "\n" not in str(caught.value)
    return caught.value


LISTENER = {"listenerPath": "/run/agent.sock"}
NOTIFY = rule(action="SCMP_ACT_NOTIFY")


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({}, "defaultAction"),
        (profile(defaultAction="SCMP_ACT_DENY"), "defaultAction"),
        (profile(defaultErrnoRet=-1), "defaultErrnoRet"),
        (profile(defaultErrnoRet=4095), "defaultErrnoRet"),
        (profile(defaultErrnoRet="EPERM"), "defaultErrnoRet"),
        (profile(defaultAction="SCMP_ACT_ALLOW", defaultErrnoRet=1), "defaultErrnoRet"),
        (profile(defaultAction="SCMP_ACT_TRACE", defaultErrnoRet=65536), "defaultErrnoRet"),
        (profile(architectures=["SCMP_ARCH_X86", "x86"]), "architectures[1]"),
        (profile(architectures="SCMP_ARCH_X86"), "architectures"),
        (profile(flags=["SECCOMP_FILTER_FLAG_NEW_LISTENER"]), "flags[0]"),
        (profile(syscalls=[rule(), rule(names=[])]), "syscalls[1].names"),
        (profile(syscalls=[rule(names=["mkdir", ""])]), "syscalls[0].names[1]"),
        (profile(syscalls=[rule(names=["mkdir\0x"])]), "syscalls[0].names[0]"),
        (profile(syscalls=[{"action": "SCMP_ACT_ALLOW"}]), "syscalls[0].names"),
        (profile(syscalls=[{"names": ["mkdir"]}]), "syscalls[0].action"),
        (profile(syscalls=[rule(action="SCMP_ACT_IGNORE")]), "syscalls[0].action"),
        (profile(syscalls=[rule(errnoRet=1)]), "syscalls[0].errnoRet"),
        (profile(syscalls=[rule(action="SCMP_ACT_KILL", errnoRet=0)]), "syscalls[0].errnoRet"),
        (profile(syscalls=[rule(action="SCMP_ACT_ERRNO", errnoRet=4095)]), "syscalls[0].errnoRet"),
        (with_arg(op="=="), "syscalls[1].args[0].op"),
        (with_arg(index=6), "syscalls[1].args[0].index"),
        (with_arg(index=-1), "syscalls[1].args[0].index"),
        (with_arg(value=1 << 64), "syscalls[1].args[0].value"),
        (with_arg(value=1.5), "syscalls[1].args[0].value"),
        (with_arg(value=True), "syscalls[1].args[0].value"),
        (with_arg(valueTwo=-1), "syscalls[1].args[0].valueTwo"),
        (profile(listenerMetadata="x"), "listenerMetadata"),
        (profile(syscalls=[NOTIFY]), "listenerPath"),
    ],
)
def test_what_is_wrong_is_refused_with_its_pointer(given: Any, pointer: str) -> None:
    assert refused(given).pointer == "linux.seccomp." + pointer


def test_s45_notify_is_refused_as_the_default_action() -> None:
    error = refused(profile(defaultAction="SCMP_ACT_NOTIFY", **LISTENER))
    assert error.pointer == "linux.seccomp.defaultAction"
    assert error.hint


@pytest.mark.parametrize("name", ["write", "sendmsg"])
def test_s45_notify_is_refused_for_calls_of_the_first_process(name: str) -> None:
    entry = rule(names=["mkdir", name], action="SCMP_ACT_NOTIFY")
    error = refused(profile(syscalls=[rule(), entry], **LISTENER))
    assert error.pointer == "linux.seccomp.syscalls[1].names[1]"
    assert name in str(error)


def test_notify_with_a_listener_is_taken() -> None:
    checked_linux(seccomp=profile(syscalls=[NOTIFY], listenerMetadata="opaque", **LISTENER))


def test_a_listener_that_nobody_notifies_is_taken() -> None:
    checked_linux(seccomp=profile(**LISTENER))


def test_all_that_is_wrong_is_found() -> None:
    wrong = profile(
        defaultAction="SCMP_ACT_NOTIFY",
        defaultErrnoRet=1,
        listenerMetadata="x",
        syscalls=[rule(errnoRet=2), NOTIFY],
    )
    config = {"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "linux": {"seccomp": wrong}}
    assert [problem.pointer for problem in findings(config)] == [
        "linux.seccomp.defaultAction",
        "linux.seccomp.defaultErrnoRet",
        "linux.seccomp.listenerMetadata",
        "linux.seccomp.listenerPath",
        "linux.seccomp.syscalls[0].errnoRet",
    ]


def test_an_engines_profile_is_taken_without_a_word() -> None:
    checked_linux(seccomp=engine_profile())
    assert translate(engine_profile("CAP_SYS_ADMIN")).warnings == []


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (ACTIONS, table.SECCOMP_ACTION),
        (ARCHITECTURES, table.SECCOMP[2]["architectures"][2]),
        (FLAGS, table.SECCOMP[2]["flags"][2]),
        (OPERATORS, table.SECCOMP[2]["syscalls"][2][2]["args"][2][2]["op"]),
    ],
)
def test_every_name_that_a_config_may_use_has_a_number(names: dict[str, int], shape: Any) -> None:
    assert set(names) == set(shape[3])


def test_an_action_carries_its_errno() -> None:
    rules = translate(
        profile(
            defaultErrnoRet=38,
            syscalls=[
                rule(action="SCMP_ACT_ERRNO"),
                rule(action="SCMP_ACT_ERRNO", errnoRet=0),
                rule(action="SCMP_ACT_TRACE", errnoRet=65535),
                rule(action="SCMP_ACT_KILL"),
            ],
        )
    )
    assert rules.default == 0x0005_0000 | 38
    actions = [action for _, action, _ in rules.syscalls]
    assert actions == [0x0005_0001, 0x0005_0000, 0x7FF0_FFFF, 0]


def conditions(*indices: int) -> list[Any]:
    args = [{"index": index, "value": index + 10, "op": "SCMP_CMP_GT"} for index in indices]
    rules = translate(profile(syscalls=[rule(args=args)]))
    return rules.syscalls[0][2]


def test_comparisons_of_different_arguments_must_all_hold() -> None:
    assert conditions(0, 2, 5) == [((0, 6, 10, 0), (2, 6, 12, 0), (5, 6, 15, 0))]


def test_two_comparisons_of_one_argument_make_alternatives_of_all() -> None:
    assert conditions(0, 2, 0) == [((0, 6, 10, 0),), ((2, 6, 12, 0),), ((0, 6, 10, 0),)]


def test_a_rule_without_comparisons_has_one_empty_condition() -> None:
    assert conditions() == [()]


TSYNC, LOG, SPEC_ALLOW, NEW_LISTENER, KILLABLE = 1, 2, 4, 8, 32
ALL = list(FLAGS)


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({}, SPEC_ALLOW),
        ({"flags": []}, 0),
        ({"flags": ALL[:2]}, TSYNC | LOG),
        ({"flags": ALL}, TSYNC | LOG | SPEC_ALLOW),
        ({"syscalls": [NOTIFY]}, SPEC_ALLOW | NEW_LISTENER),
        ({"flags": ALL, "syscalls": [NOTIFY]}, LOG | SPEC_ALLOW | NEW_LISTENER | KILLABLE),
    ],
)
def test_flags_are_given_in_a_combination_that_the_kernel_takes(
    fields: dict[str, Any], flags: int
) -> None:
    rules = translate(profile(**fields))
    assert rules.flags == flags
    assert rules.notify == bool(flags & NEW_LISTENER)


def warnings(given: dict[str, Any]) -> str:
    (warning,) = translate(given).warnings
    return str(warning)


def test_a_flag_without_effect_is_told() -> None:
    assert "linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" in warnings(
        profile(flags=ALL)
    )


def test_a_second_value_without_effect_is_told() -> None:
    assert "linux.seccomp.syscalls[1].args[0].valueTwo = 7: is ignored" in warnings(
        with_arg(valueTwo=7)
    )


def test_bits_outside_of_the_mask_are_told() -> None:
    given = with_arg(op="SCMP_CMP_MASKED_EQ", value=0xF0, valueTwo=0x11)
    assert "args[0].valueTwo = 17: its bits outside of the mask 240" in warnings(given)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_default_action_denies_or_lets_run(action: str) -> None:
    lets_run = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY"}
    assert Rules(ACTIONS[action]).denies() == (action not in lets_run)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["names", "action", "args", "index", "value", "op", "errnoRet"]), inner
        )
    ),
    max_leaves=12,
)
FIELDS = ["defaultAction", "defaultErrnoRet", "architectures", "flags", "listenerPath", "syscalls"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), json_values | st.sampled_from([*ACTIONS, *FLAGS]))
    | json_values
)
def test_s46_any_value_is_accepted_or_refused_with_its_pointer(given: Any) -> None:
    try:
        checked = checked_linux(seccomp=given).get("seccomp")
    except ConfigError as error:
        assert error.pointer.startswith("linux.seccomp")
    else:
        assert checked is None or isinstance(translate(checked), Rules)
