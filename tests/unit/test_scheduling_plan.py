"""Scheduler, IO priority, CPU affinity, memory policy and personality in the plan."""

from typing import Any

import pytest
from hutch.errors import ConfigError
from hutch.plan.describe import describe
from hutch.plan.enter import initial_cpus
from hutch.plan.features import features
from hutch.plan.scheduling import (
    DOMAINS,
    IO_CLASSES,
    MEMORY_FLAGS,
    MEMORY_MODES,
    POLICIES,
    SCHEDULER_FLAGS,
    as_mask,
    compile_placement,
    compile_scheduling,
    numbers_of,
)
from hutch.spec.table import LINUX, PROCESS

from tests.support.plans import arguments, compiled, entered, named, order


def words(shape: Any, *path: str) -> set[str]:
    """The words that the table allows at a path of fields; "" steps into an array."""
    for step in path:
        shape = shape[2][step] if step else shape[2]
    return set(shape[3])


def test_the_tables_have_a_number_for_every_word_of_the_spec() -> None:
    assert set(POLICIES) == words(PROCESS, "scheduler", "policy")
    assert set(SCHEDULER_FLAGS) == words(PROCESS, "scheduler", "flags", "")
    assert set(IO_CLASSES) == words(PROCESS, "ioPriority", "class")
    assert set(MEMORY_MODES) == words(LINUX, "memoryPolicy", "mode")
    assert set(MEMORY_FLAGS) == words(LINUX, "memoryPolicy", "flags", "")
    assert set(DOMAINS) == words(LINUX, "personality", "domain")


def test_features_names_the_modes_and_flags_of_memory_policy() -> None:
    policy = features()["linux"]["memoryPolicy"]
    assert set(policy["modes"]) == set(MEMORY_MODES)
    assert set(policy["flags"]) == set(MEMORY_FLAGS)


@pytest.mark.parametrize(("policy", "number"), POLICIES.items())
def test_a_scheduler_is_one_call_with_all_its_fields(policy: str, number: int) -> None:
    settings = {
        "policy": policy,
        "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MAX"],
        "nice": 3,
        "priority": 4,
        "runtime": 5,
        "deadline": 6,
        "period": 7,
    }
    (operation,) = compile_scheduling({"scheduler": settings})
    assert operation.pointer == "process.scheduler"
    assert arguments(operation) == {
        "policy": number, "flags": 0x41, "nice": 3, "priority": 4, "runtime": 5, "deadline": 6,
        "period": 7,
    }  # fmt: skip
    assert describe(operation)[1] == (
        f"be scheduled by {policy} (SCHED_FLAG_RESET_ON_FORK, SCHED_FLAG_UTIL_CLAMP_MAX, nice 3, "
        "priority 4, 5 ns of 7, within 6)"
    )


def test_fields_left_out_are_zero() -> None:
    plan = compiled(lambda config: config["process"].update(scheduler={"policy": "SCHED_BATCH"}))
    (operation,) = named(plan, "scheduler")
    assert operation.values == (3, 0, 0, 0, 0, 0, 0)


def test_scheduling_comes_while_there_are_the_rights_for_it() -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["scheduler"] = {"policy": "SCHED_IDLE"}
        config["process"]["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 7}

    asked = ("scheduler", "io_priority", "outlive", "hook", "user")
    rights = ["scheduler", "io_priority", "user", "outlive"]
    assert order(compiled(change), *asked) == rights

    def hooked(config: dict[str, Any]) -> None:
        change(config)
        config["hooks"] = {"startContainer": [{"path": "/bin/hook"}]}

    assert order(compiled(hooked), *asked) == [*rights, "hook"]


def test_what_may_not_fork_can_run_no_start_container_hook() -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["scheduler"] = {
            "policy": "SCHED_DEADLINE",
            "runtime": 1024,
            "deadline": 2048,
        }
        config["hooks"] = {"startContainer": [{"path": "/bin/hook"}]}

    with pytest.raises(ConfigError, match=r"process\.scheduler\.policy.*startContainer") as caught:
        compiled(change)
    assert "SCHED_FLAG_RESET_ON_FORK" in caught.value.hint

    def forking(config: dict[str, Any]) -> None:
        change(config)
        config["process"]["scheduler"]["flags"] = ["SCHED_FLAG_RESET_ON_FORK"]

    assert order(compiled(forking), "scheduler", "hook") == ["scheduler", "hook"]


@pytest.mark.parametrize(("kind", "number"), IO_CLASSES.items())
def test_an_io_priority_is_class_and_level_in_one_number(kind: str, number: int) -> None:
    value = {"class": kind, "priority": 5}
    plan = compiled(lambda config: config["process"].update(ioPriority=value))
    (operation,) = named(plan, "io_priority")
    assert operation.values == (number << 13 | 5,)
    assert describe(operation)[1].endswith(f"to {kind} 5")
    del value["priority"]
    plan = compiled(lambda config: config["process"].update(ioPriority=value))
    assert named(plan, "io_priority")[0].values == (number << 13,)


@pytest.mark.parametrize(("mode", "number"), MEMORY_MODES.items())
def test_a_memory_policy_is_mode_flags_and_a_mask(mode: str, number: int) -> None:
    policy = {"mode": mode, "nodes": "0-2,64", "flags": ["MPOL_F_STATIC_NODES"]}
    (operation,) = compile_placement({"memoryPolicy": policy})
    nodes = b"\7" + bytes(7) + b"\1" + bytes(7)
    assert operation.values == (number | 1 << 15, nodes)
    assert describe(operation)[1] == (
        f"take memory by {mode} (MPOL_F_STATIC_NODES) of node 0,1,2,64"
    )


@pytest.mark.parametrize(("domain", "number"), DOMAINS.items())
def test_a_personality_is_its_number(domain: str, number: int) -> None:
    plan = compiled(lambda config: config["linux"].update(personality={"domain": domain}))
    (operation,) = named(plan, "personality")
    assert operation.values == (number,)
    assert describe(operation)[1] == f"be of personality {domain}"


def test_memory_policy_and_personality_are_the_containers_so_also_those_of_an_exec() -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
        config["linux"]["personality"] = {"domain": "LINUX32"}

    plan = entered(change, scheduler={"policy": "SCHED_IDLE"})
    assert order(plan, "memory_policy", "personality", "scheduler", "io_priority") == [
        "memory_policy", "personality", "scheduler",
    ]  # fmt: skip


def test_the_first_process_may_run_wherever_its_cpuset_allows() -> None:
    plan = compiled(
        lambda config: config["process"].update(execCPUAffinity={"initial": "0", "final": "1"})
    )
    (operation,) = named(plan, "affinity")
    assert operation.values == (b"",)
    assert order(plan, "enter_cgroups", "affinity") == ["enter_cgroups", "affinity"]
    assert describe(operation)[1] == "run on any allowed CPU"


@pytest.mark.parametrize(
    ("affinity", "masks"),
    [
        (None, [b""]),
        ({}, [b""]),
        ({"initial": "1"}, []),
        ({"final": "1"}, [b"\2" + bytes(7)]),
        ({"initial": "0", "final": "0-1,3"}, [b"\x0b" + bytes(7)]),
    ],
)
def test_an_exec_runs_on_its_final_cpus(affinity: Any, masks: list[bytes]) -> None:
    given = {} if affinity is None else {"execCPUAffinity": affinity}
    plan = entered(lambda _: None, **given)
    assert [operation.values[0] for operation in named(plan, "affinity")] == masks
    assert initial_cpus({}) == []
    assert initial_cpus({"execCPUAffinity": {"initial": "0-2"}}) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("", []), ("0", [0]), ("0-3,7", [0, 1, 2, 3, 7]), (" 2 - 3 , , 1,2", [1, 2, 3])],
)
def test_lists_of_numbers(text: str, numbers: list[int]) -> None:
    assert numbers_of(text) == numbers


def test_a_mask_is_whole_words_and_has_an_end() -> None:
    assert as_mask("63", 1024, "x") == bytes(7) + b"\x80"
    assert as_mask("1023", 1024, "x") == bytes(127) + b"\x80"
    with pytest.raises(ConfigError, match=r'linux.x = "0-1024": no kernel counts that far'):
        as_mask("0-1024", 1024, "linux.x")
    with pytest.raises(ConfigError):
        as_mask("999999999", 1024, "linux.x")
