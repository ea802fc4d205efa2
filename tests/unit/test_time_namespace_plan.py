"""The time namespace in the plan: made, given its offsets, and only then entered."""

from typing import Any

import pytest
from hutch.errors import ConfigError
from hutch.plan.features import features
from hutch.plan.namespaces import CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, TYPES
from hutch.plan.steps import steps
from hutch.spec.check import check
from hutch.spec.default import default_config

from tests.support.plans import arguments, compiled, entered, named, order

FIRST = ("unshare", "clone", "barrier", "become_root", "protect", "join")


def with_time(*more: dict[str, Any], **offsets: dict[str, int]) -> Any:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"] += [{"type": "time"}, *more]
        if offsets:
            config["linux"]["timeOffsets"] = offsets
        if any(space["type"] == "user" and "path" not in space for space in more):
            for field in ("uidMappings", "gidMappings"):
                config["linux"][field] = [{"containerID": 0, "hostID": 1000, "size": 5}]

    return change


def test_features_names_it() -> None:
    assert "time" in features()["linux"]["namespaces"]


def test_offsets_are_written_between_the_making_and_the_entering() -> None:
    plan = compiled(with_time(monotonic={"secs": -5, "nanosecs": 7}, boottime={"secs": 9}))
    assert plan.spawn_flags == 0
    assert order(plan, *FIRST)[:4] == ["protect", "unshare", "barrier", "clone"]
    assert arguments(named(plan, "unshare")[0])["flags"] == CLONE_NEWTIME
    assert arguments(named(plan, "clone")[0])["flags"] & CLONE_NEWPID
    assert plan.time_offsets == "monotonic -5 7\nboottime 9 0\n"
    does = "write monotonic -5 7; boottime 9 0 to its timens_offsets"
    assert does in [step.does for step in steps(plan)]


def test_without_offsets_nobody_is_waited_for() -> None:
    plan = compiled(with_time())
    assert order(plan, *FIRST)[:3] == ["protect", "unshare", "clone"]
    assert plan.time_offsets == ""


def test_a_new_user_namespace_owns_it() -> None:
    plan = compiled(with_time({"type": "user"}, boottime={"secs": 9}))
    assert plan.spawn_flags == CLONE_NEWUSER
    assert order(plan, *FIRST)[:6] == [
        "protect", "unshare", "barrier", "become_root", "clone", "protect",
    ]  # fmt: skip
    assert not arguments(named(plan, "clone")[0])["flags"] & CLONE_NEWUSER
    does = [step.does for step in steps(plan)]
    assert "write 0 1000 5 to its uid_map" in does
    assert "write boottime 9 0 to its timens_offsets" in does


def test_others_may_be_joined_beside_it() -> None:
    plan = compiled(with_time({"type": "cgroup", "path": "/proc/1/ns/cgroup"}))
    assert order(plan, *FIRST)[:4] == ["protect", "join", "unshare", "clone"]
    plan = compiled(with_time({"type": "user", "path": "/proc/1/ns/user"}))
    assert order(plan, *FIRST)[:7] == [
        "protect", "join", "clone", "unshare", "become_root", "clone", "protect",
    ]  # fmt: skip


def test_it_is_joined_by_path_and_by_an_exec() -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "time", "path": "/proc/1/ns/time"})

    (join,) = named(compiled(change), "join")
    assert arguments(join)["flags"] == TYPES["time"]
    (join,) = named(entered(change), "join")
    assert arguments(join)["flags"] & TYPES["time"]


def test_offsets_for_a_time_namespace_that_is_joined_or_absent_are_refused() -> None:
    config = default_config()
    config["linux"]["timeOffsets"] = {"boottime": {"secs": 1}}
    with pytest.raises(ConfigError, match=r"linux\.timeOffsets: needs a time namespace"):
        check(config)
    config["linux"]["namespaces"].append({"type": "time", "path": "/proc/1/ns/time"})
    with pytest.raises(ConfigError, match="has its offsets already"):
        check(config)
