"""linux.resources.devices: the rules in force, and their lines for cgroup v1."""

from typing import Any

import pytest
from hutch.errors import ConfigError
from hutch.plan.device_rules import device_changes, device_lines, effective, parse
from hutch.plan.resources import CgroupWrite
from hypothesis import given

from tests.support.checked import checked_linux
from tests.support.device_cases import RULES, SAMPLES, DevicesCgroup, allowed, requests

DENY_ALL = {"allow": False, "access": "rwm"}
ALLOW_ALL = {"allow": True, "access": "rwm"}
DEFAULT_LINES = [
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
    "c 10:200 rwm",
]


def device(allow: bool, kind: str, major: int, minor: int, access: str = "rwm") -> dict[str, Any]:
    return {"allow": allow, "type": kind, "major": major, "minor": minor, "access": access}


def lines(devices: list[dict[str, Any]] | None) -> list[tuple[str, str]]:
    return [(write.file, write.value) for write in device_lines(effective(devices))]


def test_without_rules_only_the_default_devices_are_allowed() -> None:
    expected = [("devices.deny", "a"), *(("devices.allow", line) for line in DEFAULT_LINES)]
    assert lines(None) == lines([]) == lines([DENY_ALL]) == expected


def test_the_configs_rules_come_before_the_defaults_and_in_order() -> None:
    rules = [DENY_ALL, device(True, "c", 10, 229, "rw"), device(True, "b", 8, 20, "rw")]
    assert lines(rules)[:4] == [
        ("devices.deny", "a"),
        ("devices.allow", "c 10:229 rw"),
        ("devices.allow", "b 8:20 rw"),
        ("devices.allow", "c *:* m"),
    ]


def test_a_line_knows_its_field_and_whether_it_may_be_missed() -> None:
    writes = device_lines(effective([DENY_ALL, device(True, "c", 10, 229)]))
    assert [(write.pointer, write.optional) for write in writes[:3]] == [
        ("linux.resources.devices[0]", False),
        ("linux.resources.devices[1]", False),
        ("linux.resources.devices", True),
    ]


def test_the_rules_of_a_privileged_container_are_one_line() -> None:
    assert lines([ALLOW_ALL]) == [("devices.allow", "a")]
    assert lines([DENY_ALL, device(True, "c", 1, 3), ALLOW_ALL]) == [("devices.allow", "a")]


def test_what_is_denied_after_everything_was_allowed_is_an_exception() -> None:
    assert lines([ALLOW_ALL, device(False, "b", 8, 0, "w")]) == [
        ("devices.allow", "a"),
        ("devices.deny", "b 8:0 w"),
    ]


def test_a_denial_of_what_was_never_allowed_needs_no_line() -> None:
    """Docker's last rule denies fuse, 10:229."""
    assert lines([DENY_ALL, device(False, "c", 10, 229)]) == lines([DENY_ALL])


def test_a_later_denial_takes_back_an_earlier_permission() -> None:
    rules = [DENY_ALL, device(True, "c", 10, 229), device(False, "c", 10, 229, "w")]
    assert ("devices.allow", "c 10:229 rm") in lines(rules)
    wide = [DENY_ALL, device(True, "c", 10, 229), device(False, "c", 10, -1)]
    assert not any("10:229" in line for _, line in lines(wide))


def test_a_rule_can_take_a_default_device_away() -> None:
    found = lines([DENY_ALL, device(False, "c", 1, 8)])
    assert ("devices.allow", "c 1:8 rwm") not in found
    assert ("devices.allow", "c 1:9 rwm") in found


@pytest.mark.parametrize("kind", ["b", "c"])
def test_a_denial_of_a_whole_type_leaves_the_default_devices(kind: str) -> None:
    assert lines([{"allow": False, "type": kind, "access": "rwm"}]) == lines([DENY_ALL])


def test_a_rule_for_all_types_with_a_number_is_a_rule_for_each() -> None:
    found = lines([DENY_ALL, {"allow": True, "major": 7, "access": "r"}])
    assert found[1:3] == [("devices.allow", "c 7:* r"), ("devices.allow", "b 7:* r")]


@pytest.mark.parametrize(
    "rules",
    [
        [DENY_ALL, device(True, "c", 1, -1), device(False, "c", 1, 3)],
        [ALLOW_ALL, device(False, "c", 1, -1), device(True, "c", 1, 3)],
        [DENY_ALL, device(False, "c", 136, 5)],
    ],
)
def test_a_hole_in_a_range_is_refused_since_v1_cannot_make_it(rules: list[dict[str, Any]]) -> None:
    with pytest.raises(ConfigError) as caught:
        lines(rules)
    assert caught.value.pointer == f"linux.resources.devices[{len(rules) - 1}]"


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"allow": True, "type": "u", "access": "r"}, "type"),
        ({"allow": True, "type": "p", "access": "r"}, "type"),
        ({"allow": True, "access": ""}, "access"),
        ({"allow": True, "access": "x"}, "access"),
        ({"allow": True, "major": 4294967295, "access": "r"}, "major"),
        ({"allow": True, "major": 4096, "access": "r"}, "major"),
        ({"allow": True, "major": -2, "access": "r"}, "major"),
        ({"allow": True, "minor": 1048576, "access": "r"}, "minor"),
        ({"allow": True, "minor": "3", "access": "r"}, "minor"),
    ],
)
def test_a_wrong_rule_is_named(rule: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_linux(resources={"devices": [rule]})
    assert caught.value.pointer == f"linux.resources.devices[0].{field}"


def test_absent_fields_mean_all() -> None:
    assert parse([{"allow": False}])[0].everything()
    assert parse([{"allow": False, "type": "a", "major": -1, "minor": -1}])[0].everything()


def settled(cgroup: DevicesCgroup, writes: list[CgroupWrite]) -> DevicesCgroup:
    for write in writes:
        cgroup.write(write.file, write.value)
    return cgroup


@given(RULES)
def test_the_lines_amount_to_the_rules(devices: list[dict[str, Any]]) -> None:
    rules = effective(devices)
    try:
        cgroup = settled(DevicesCgroup(), device_lines(rules))
    except ConfigError:
        return
    for kind, major, minor in SAMPLES:
        for access in (1, 2, 4):
            expected = allowed(rules, kind, major, minor, access)
            found = cgroup.allows(kind, major, minor, access)
            # A denied node may still be made: v1 has no hole in "make any node".
            assert found == expected or (access == 1 and found)


@given(RULES, RULES)
def test_an_update_never_allows_what_neither_the_old_nor_the_new_rules_do(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    old, new = effective(before), effective(after)
    try:
        cgroup = settled(DevicesCgroup(), device_lines(old))
        changes = device_changes(old, new)
        wanted = settled(DevicesCgroup(), device_lines(new))
    except ConfigError:
        return
    was, will = cgroup.granted(), wanted.granted()
    for write in changes:
        cgroup.write(write.file, write.value)
        if old[0].allow == new[0].allow:
            assert cgroup.granted() <= was | will
            assert cgroup.granted() >= was & will
    assert cgroup.granted() == will


@given(RULES)
def test_an_update_to_the_same_rules_writes_nothing(devices: list[dict[str, Any]]) -> None:
    try:
        assert device_changes(effective(devices), effective(devices)) == []
    except ConfigError:
        return


def test_every_request_of_a_sample_is_tried() -> None:
    assert len(list(requests())) == len(SAMPLES) * 7
