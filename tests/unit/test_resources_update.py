"""Updates of limits: what is merged, written, and in which order."""

from typing import Any

import pytest
from hutch.errors import ConfigError
from hutch.plan.host import CgroupLayout
from hutch.plan.resources import CgroupWrite
from hutch.plan.resources_compile import compile
from hutch.plan.resources_update import check_memory, compile_update, merged, ordered
from hutch.spec.check import check_together
from hypothesis import given
from hypothesis import strategies as st

V1 = CgroupLayout("v1", {}, "", {}, frozenset(["cpu", "memory", "pids", "blkio"]))
V2 = CgroupLayout("v2", {}, "/sys/fs/cgroup", {}, frozenset(["cpu", "memory", "pids", "io"]))


def written(old: dict[str, Any], new: dict[str, Any], layout: CgroupLayout) -> list[Any]:
    return [(write.file, write.value) for write in compile_update(old, new, layout)]


def test_what_docker_update_sends_changes_only_what_it_names() -> None:
    old = {"memory": {"limit": 50 << 20, "swap": 100 << 20}, "pids": {"limit": 10}}
    changes = {
        "memory": {"limit": 100 << 20, "reservation": 0, "swap": 200 << 20, "kernel": 0},
        "cpu": {"shares": 0, "quota": 30000, "period": 100000},
        "pids": {"limit": 99},
        "blockIO": {"weight": 0},
    }
    assert written(old, changes, V1) == [
        ("memory.limit_in_bytes", "104857600"),
        ("memory.memsw.limit_in_bytes", "209715200"),
        ("cpu.cfs_period_us", "100000"),
        ("cpu.cfs_quota_us", "30000"),
        ("pids.max", "99"),
    ]
    result = merged(old, changes)
    assert result["pids"] == {"limit": 99}
    assert "shares" not in result["cpu"]


def test_merging_keeps_what_is_not_named_and_leaves_the_old_alone() -> None:
    old = {"memory": {"limit": 5, "swappiness": 60}, "devices": [1]}
    assert merged(old, {"memory": {"swappiness": 0, "limit": None}}) == {
        "memory": {"limit": 5, "swappiness": 0},
        "devices": [1],
    }
    assert old == {"memory": {"limit": 5, "swappiness": 60}, "devices": [1]}


def test_memory_without_limit_lifts_a_limit_of_swap_that_is_remembered() -> None:
    old = {"memory": {"limit": 64 << 20, "swap": 128 << 20}}
    unlimited = {"memory": {"limit": -1, "swap": -1}}
    for swap in ({}, {"swap": 0}, {"swap": -1}):
        changes = {"memory": {"limit": -1, **swap}}
        assert merged(old, changes) == unlimited
        assert sorted(written(old, changes, V1)) == [
            ("memory.limit_in_bytes", "-1"),
            ("memory.memsw.limit_in_bytes", "-1"),
        ]
        assert sorted(written(old, changes, V2)) == [
            ("memory.max", "max"),
            ("memory.swap.max", "max"),
        ]
    assert merged({"memory": {"limit": 5}}, {"memory": {"limit": -1}}) == {"memory": {"limit": -1}}
    with pytest.raises(ConfigError, match=r"memory\.limit = -1, which is no limit"):
        check_together(merged(old, {"memory": {"limit": -1, "swap": 5 << 20}}))


@pytest.mark.parametrize(("key", "field"), [("pids", "limit"), ("cpu", "idle"), ("cpu", "burst")])
def test_some_zeros_are_values(key: str, field: str) -> None:
    assert merged({key: {field: 1}}, {key: {field: 0}}) == {key: {field: 0}}


def test_a_value_that_is_given_again_is_written_again() -> None:
    old = {"memory": {"limit": 5}, "pids": {"limit": 3}}
    assert written(old, {"pids": {"limit": 3}}, V2) == [("pids.max", "3")]


def test_on_v2_the_limit_of_swap_follows_that_of_memory() -> None:
    old = {"memory": {"limit": 100, "swap": 300}}
    assert written(old, {"memory": {"limit": 200}}, V2) == [
        ("memory.max", "200"),
        ("memory.swap.max", "100"),
    ]


def test_on_v2_a_new_period_keeps_the_quota() -> None:
    old = {"cpu": {"quota": 5000, "period": 10000}}
    assert written(old, {"cpu": {"period": 20000}}, V2) == [("cpu.max", "5000 20000")]


def test_list_entries_are_written_again() -> None:
    io = {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 5}]}}
    assert written(io, io, V2) == [("io.max", "8:0 rbps=5")]


def test_swap_alone_may_be_updated_where_memory_is_limited() -> None:
    old = {"memory": {"limit": 100}}
    assert written(old, {"memory": {"swap": 300}}, V2) == [("memory.swap.max", "200")]
    with pytest.raises(ConfigError):
        check_together(merged({}, {"memory": {"swap": 300}}))


class Kernel:
    """The kernel's checks between values, as Linux makes them at each single write."""

    def __init__(self, files: dict[str, int]) -> None:
        self.files = files

    def write(self, write: CgroupWrite) -> None:
        if write.file == "cpu.max":
            quota, _, period = write.value.partition(" ")
            self.files["quota"] = -1 if quota == "max" else int(quota)
            self.files["period"] = int(period or self.files["period"])
        else:
            name = {
                "memory.limit_in_bytes": "memory",
                "memory.memsw.limit_in_bytes": "both",
                "cpu.cfs_quota_us": "quota",
                "cpu.cfs_period_us": "period",
                "cpu.cfs_burst_us": "burst",
                "cpu.max.burst": "burst",
            }[write.file]
            self.files[name] = int(write.value)

    def check(self, parent: float) -> None:
        files = self.files
        endless = 1 << 62
        if "memory" in files:
            memory = files["memory"] if files["memory"] >= 0 else endless
            assert memory <= (files["both"] if files["both"] >= 0 else endless)
        if files.get("quota", -1) >= 0:
            assert files["quota"] / files["period"] <= parent
            assert files.get("burst", 0) <= files["quota"]


SIZES = st.one_of(st.just(-1), st.integers(4096, 1 << 40))


@given(SIZES, SIZES, SIZES, SIZES)
def test_memory_and_swap_go_in_an_order_that_v1_accepts(a: int, b: int, c: int, d: int) -> None:
    def pair(one: int, other: int) -> tuple[int, int]:
        if -1 in {one, other}:
            return (max(one, other), -1)
        return (min(one, other), max(one, other))

    (memory, both), (new_memory, new_both) = pair(a, b), pair(c, d)
    kernel = Kernel({"memory": memory, "both": both})
    shown = {-1: "9223372036854771712\n"}
    current = {
        "memory.limit_in_bytes": shown.get(memory, f"{memory}\n"),
        "memory.memsw.limit_in_bytes": shown.get(both, f"{both}\n"),
    }
    writes = compile({"memory": {"limit": new_memory, "swap": new_both}}, V1)
    for write in ordered(writes, current):
        kernel.write(write)
        kernel.check(1)
    assert kernel.files == {"memory": new_memory, "both": new_both}


def test_no_limit_of_memory_needs_none_of_swap_first() -> None:
    writes = compile({"memory": {"limit": -1}}, V1)
    current = {"memory.limit_in_bytes": "4096\n", "memory.memsw.limit_in_bytes": "8192\n"}
    assert [(write.file, write.value) for write in ordered(writes, current)] == [
        ("memory.memsw.limit_in_bytes", "-1"),
        ("memory.limit_in_bytes", "-1"),
    ]


def test_a_limit_above_the_present_one_of_swap_is_explained() -> None:
    writes = compile({"memory": {"limit": 9000}}, V1)
    current = {"memory.limit_in_bytes": "4096\n", "memory.memsw.limit_in_bytes": "8192\n"}
    with pytest.raises(ConfigError, match=r"memory\.swap"):
        ordered(writes, current)


PERIODS = st.integers(1000, 1_000_000)
PARTS = st.floats(0.01, 1.0)


@given(PERIODS, PARTS, PARTS, PERIODS, PARTS, PARTS, st.sampled_from([V1, V2]))
def test_bandwidth_changes_in_an_order_that_a_limited_parent_accepts(
    period: int,
    part: float,
    burst: float,
    new_period: int,
    new_part: float,
    new_burst: float,
    layout: CgroupLayout,
) -> None:
    quota, new_quota = max(1000, int(period * part)), max(1000, int(new_period * new_part))
    old = {"quota": quota, "period": period, "burst": int(quota * burst)}
    new = {"quota": new_quota, "period": new_period, "burst": int(new_quota * new_burst)}
    current = {
        "cpu.cfs_quota_us": f"{quota}\n",
        "cpu.cfs_period_us": f"{period}\n",
        "cpu.cfs_burst_us": f"{old['burst']}\n",
        "cpu.max": f"{quota} {period}\n",
        "cpu.max.burst": f"{old['burst']}\n",
    }
    kernel = Kernel(dict(old))
    for write in ordered(compile({"cpu": new}, layout), current):
        kernel.write(write)
        kernel.check(max(quota / period, new_quota / new_period))
    assert kernel.files == new


def test_real_time_runtime_and_period_are_ordered_by_their_ratio() -> None:
    cpu = {"realtimeRuntime": 5000, "realtimePeriod": 10000}
    writes = compile({"cpu": cpu}, V1)
    grown = {"cpu.rt_runtime_us": "50000\n", "cpu.rt_period_us": "1000000\n"}
    assert ordered(writes, grown)[0].file == "cpu.rt_runtime_us"
    none = {"cpu.rt_runtime_us": "0\n", "cpu.rt_period_us": "1000000\n"}
    assert ordered(writes, none)[0].file == "cpu.rt_period_us"


@pytest.mark.parametrize("layout", [V1, V2])
def test_an_idle_cgroup_takes_a_weight_only_once_it_is_not_idle(layout: CgroupLayout) -> None:
    writes = compile({"cpu": {"shares": 512, "idle": 0}}, layout)
    assert ordered(writes, {"cpu.idle": "1\n"})[0].file == "cpu.idle"
    writes = compile({"cpu": {"shares": 512, "idle": 1}}, layout)
    assert ordered(writes, {"cpu.idle": "0\n"})[-1].file == "cpu.idle"


def test_check_before_update_refuses_a_limit_below_the_usage() -> None:
    memory = {"limit": 100, "checkBeforeUpdate": True}
    with pytest.raises(ConfigError, match="101 bytes"):
        check_memory({"memory": memory}, 101)
    check_memory({"memory": memory}, 100)
    check_memory({"memory": {"limit": 100}}, 101)
    check_memory({"memory": {"limit": -1, "checkBeforeUpdate": True}}, 101)
