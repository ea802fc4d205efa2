"""linux.resources to cgroup files, on v1 and v2."""

from math import ceil, log2
from typing import Any

import pytest
from hutch.errors import ConfigError, HostError
from hutch.plan.host import CgroupLayout
from hutch.plan.resources import controllers_needed
from hutch.plan.resources_compile import compile
from hutch.plan.resources_v2 import io_weight, weight_of_shares
from hypothesis import given
from hypothesis import strategies as st

from tests.support.checked import checked_linux

NAMES_V1 = "cpu cpuacct cpuset memory pids blkio hugetlb net_cls net_prio rdma devices freezer"
NAMES_V2 = "cpu cpuset memory pids io hugetlb rdma misc"
V1 = CgroupLayout("v1", {}, "", {}, frozenset(NAMES_V1.split()))
V2 = CgroupLayout("v2", {}, "/sys/fs/cgroup", {}, frozenset(NAMES_V2.split()))
BOTH = pytest.mark.parametrize("layout", [V1, V2], ids=["v1", "v2"])


def files(resources: dict[str, Any], layout: CgroupLayout) -> list[tuple[str, str]]:
    return [(write.file, write.value) for write in compile(resources, layout)]


def refused(resources: dict[str, Any], layout: CgroupLayout) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        compile(checked_linux(resources=resources)["resources"], layout)
    return caught.value


@BOTH
def test_no_resources_are_no_writes(layout: CgroupLayout) -> None:
    assert compile(None, layout) == []
    assert compile({}, layout) == []
    assert compile({"memory": {}, "unknown": {"x": 1}}, layout) == []


@BOTH
def test_the_zeros_that_docker_sends_ask_for_nothing(layout: CgroupLayout) -> None:
    zeros = {
        "memory": {"limit": 0, "reservation": 0, "swap": 0, "kernel": 0, "disableOOMKiller": False},
        "cpu": {"shares": 0, "quota": 0, "period": 0, "cpus": "", "mems": ""},
        "blockIO": {"weight": 0},
    }
    assert all(write.neutral for write in compile(zeros, layout))


def test_memory_on_v1_goes_before_memory_and_swap() -> None:
    memory = {
        "limit": 1 << 20,
        "swap": 2 << 20,
        "reservation": 4096,
        "kernel": -1,
        "kernelTCP": 8192,
        "swappiness": 0,
        "disableOOMKiller": True,
        "useHierarchy": True,
    }
    assert files({"memory": memory}, V1) == [
        ("memory.use_hierarchy", "1"),
        ("memory.limit_in_bytes", "1048576"),
        ("memory.soft_limit_in_bytes", "4096"),
        ("memory.kmem.limit_in_bytes", "-1"),
        ("memory.kmem.tcp.limit_in_bytes", "8192"),
        ("memory.memsw.limit_in_bytes", "2097152"),
        ("memory.swappiness", "0"),
        ("memory.oom_control", "1"),
    ]


def test_memory_on_v2_limits_swap_alone() -> None:
    memory = {"limit": 100, "swap": 250, "reservation": 50}
    assert files({"memory": memory}, V2) == [
        ("memory.max", "100"),
        ("memory.low", "50"),
        ("memory.swap.max", "150"),
    ]


def test_swap_equal_to_memory_is_no_swap_and_needs_no_file() -> None:
    writes = compile({"memory": {"limit": 100, "swap": 100}}, V2)
    assert [(write.file, write.value, write.optional) for write in writes] == [
        ("memory.max", "100", False),
        ("memory.swap.max", "0", True),
    ]
    assert not writes[1].neutral


def test_no_limit_is_max_on_v2() -> None:
    memory = {"limit": -1, "swap": -1, "reservation": -1}
    assert {value for _, value in files({"memory": memory}, V2)} == {"max"}


@BOTH
@pytest.mark.parametrize("memory", [{"swap": 5}, {"limit": 9, "swap": 5}, {"limit": -1, "swap": 5}])
def test_swap_counts_memory_too(layout: CgroupLayout, memory: dict[str, int]) -> None:
    assert refused({"memory": memory}, layout).pointer == "linux.resources.memory.swap"


@BOTH
@pytest.mark.parametrize(
    ("resources", "pointer"),
    [
        ({"memory": {"limit": -2}}, "memory.limit"),
        ({"memory": {"limit": 1 << 63}}, "memory.limit"),
        ({"memory": {"limit": "1g"}}, "memory.limit"),
        ({"memory": {"limit": True}}, "memory.limit"),
        ({"cpu": {"shares": -1}}, "cpu.shares"),
        ({"cpu": {"period": 999}}, "cpu.period"),
        ({"cpu": {"period": 1_000_001}}, "cpu.period"),
        ({"cpu": {"quota": 999}}, "cpu.quota"),
        ({"cpu": {"quota": -2}}, "cpu.quota"),
        ({"cpu": {"quota": 2000, "burst": 2001}}, "cpu.burst"),
        ({"cpu": {"idle": 2}}, "cpu.idle"),
        ({"cpu": {"cpus": "0\n1"}}, "cpu.cpus"),
        ({"cpu": {"mems": "0\0"}}, "cpu.mems"),
        ({"pids": {"limit": -2}}, "pids.limit"),
        ({"blockIO": {"weight": 9}}, "blockIO.weight"),
        ({"blockIO": {"weight": 1001}}, "blockIO.weight"),
        ({"blockIO": {"weightDevice": [{"major": 8, "minor": 0}]}}, "blockIO.weightDevice[0]"),
        (
            {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "rate": 1}]}},
            "blockIO.throttleReadBpsDevice[0].minor",
        ),
        (
            {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 1 << 20, "rate": 1}]}},
            "blockIO.throttleReadBpsDevice[0].minor",
        ),
        (
            {"blockIO": {"throttleWriteIOPSDevice": [{"major": 8, "minor": 0}]}},
            "blockIO.throttleWriteIOPSDevice[0].rate",
        ),
        ({"hugepageLimits": [{"pageSize": "2M", "limit": 1}]}, "hugepageLimits[0].pageSize"),
        ({"hugepageLimits": [{"pageSize": "../2MB", "limit": 1}]}, "hugepageLimits[0].pageSize"),
        ({"hugepageLimits": [{"pageSize": "2MB"}]}, "hugepageLimits[0].limit"),
        ({"rdma": {"mlx5": {}}}, 'rdma["mlx5"]'),
        ({"rdma": {"a b": {"hcaHandles": 1}}}, 'rdma["a b"]'),
        ({"rdma": {"mlx5": {"hcaHandles": -1}}}, 'rdma["mlx5"].hcaHandles'),
    ],
)
def test_a_wrong_value_is_named(
    layout: CgroupLayout, resources: dict[str, Any], pointer: str
) -> None:
    assert refused(resources, layout).pointer == "linux.resources." + pointer


def test_cpu_on_v1_sets_period_before_quota_before_burst_and_shares_before_idle() -> None:
    cpu = {
        "idle": 1,
        "burst": 1000,
        "quota": 50000,
        "period": 100000,
        "shares": 512,
        "realtimeRuntime": 950000,
        "realtimePeriod": 1000000,
        "cpus": "0-1",
        "mems": "0",
    }
    assert files({"cpu": cpu}, V1) == [
        ("cpuset.cpus", "0-1"),
        ("cpuset.mems", "0"),
        ("cpu.shares", "512"),
        ("cpu.cfs_period_us", "100000"),
        ("cpu.cfs_quota_us", "50000"),
        ("cpu.cfs_burst_us", "1000"),
        ("cpu.rt_period_us", "1000000"),
        ("cpu.rt_runtime_us", "950000"),
        ("cpu.idle", "1"),
    ]


@pytest.mark.parametrize(
    ("cpu", "value"),
    [
        ({"quota": 50000, "period": 100000}, "50000 100000"),
        ({"quota": 50000}, "50000"),
        ({"period": 20000}, "max 20000"),
        ({"quota": -1, "period": 20000}, "max 20000"),
        ({"quota": -1}, "max"),
    ],
)
def test_cpu_max_holds_quota_and_period(cpu: dict[str, int], value: str) -> None:
    assert files({"cpu": cpu}, V2) == [("cpu.max", value)]


def test_cpu_on_v2() -> None:
    cpu = {"shares": 1024, "quota": 50000, "burst": 1000, "idle": 1, "cpus": "1", "mems": "0"}
    assert files({"cpu": cpu}, V2) == [
        ("cpuset.cpus", "1"),
        ("cpuset.mems", "0"),
        ("cpu.weight", "100"),
        ("cpu.max", "50000"),
        ("cpu.max.burst", "1000"),
        ("cpu.idle", "1"),
    ]


@pytest.mark.parametrize(
    ("shares", "weight"),
    [
        (1, 1),
        (2, 1),
        (102, 17),
        (512, 59),
        (1024, 100),
        (2048, 174),
        (262144, 10000),
        (9**9, 10000),
    ],
)
def test_the_weight_of_shares(shares: int, weight: int) -> None:
    assert weight_of_shares(shares) == weight


@given(st.integers(2, 262144))
def test_the_weight_follows_the_published_formula(shares: int) -> None:
    log = log2(shares)
    exact = 10 ** ((log * log + 125 * log) / 612 - 7 / 34)
    assert ceil(exact - 1e-6) <= weight_of_shares(shares) <= ceil(exact)


@given(st.integers(1, 1 << 63), st.integers(0, 1 << 62))
def test_more_shares_never_weigh_less(shares: int, more: int) -> None:
    assert 1 <= weight_of_shares(shares) <= weight_of_shares(shares + more) <= 10000


@BOTH
@pytest.mark.parametrize(
    ("limit", "value"),
    [(0, "0"), (1, "1"), (-1, "max"), (4194304, "4194304"), (4194305, "max")],
)
def test_pids_zero_is_a_limit_and_minus_one_is_none(
    layout: CgroupLayout, limit: int, value: str
) -> None:
    (write,) = compile({"pids": {"limit": limit}}, layout)
    assert (write.file, write.value, write.neutral) == ("pids.max", value, value == "max")


BLOCK_IO = {
    "weight": 500,
    "weightDevice": [{"major": 8, "minor": 0, "weight": 10}],
    "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}],
    "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 0}],
}


def test_block_io_on_v1_falls_back_to_the_scheduler_bfq() -> None:
    writes = compile({"blockIO": BLOCK_IO}, V1)
    assert [(write.file, write.value, write.fallback) for write in writes] == [
        ("blkio.weight", "500", ("blkio.bfq.weight", "500")),
        ("blkio.weight_device", "8:0 10", ("blkio.bfq.weight_device", "8:0 10")),
        ("blkio.throttle.read_bps_device", "8:0 600", None),
        ("blkio.throttle.write_iops_device", "8:16 0", None),
    ]


def test_block_io_on_v2_is_bfqs_weight_or_the_cost_models() -> None:
    writes = compile({"blockIO": BLOCK_IO}, V2)
    assert [(write.file, write.value, write.fallback) for write in writes] == [
        ("io.bfq.weight", "default 500", ("io.weight", "default 4950")),
        ("io.bfq.weight", "8:0 10", ("io.weight", "8:0 1")),
        ("io.max", "8:0 rbps=600", None),
        ("io.max", "8:16 wiops=max", None),
    ]


def test_leaf_weights_are_for_v1() -> None:
    leaf = {"leafWeight": 20, "weightDevice": [{"major": 8, "minor": 0, "leafWeight": 30}]}
    assert files({"blockIO": leaf}, V1) == [
        ("blkio.leaf_weight", "20"),
        ("blkio.leaf_weight_device", "8:0 30"),
    ]
    assert refused({"blockIO": leaf}, V2).pointer == "linux.resources.blockIO.leafWeight"


@given(st.integers(10, 1000))
def test_io_weight_stays_in_its_range(weight: int) -> None:
    assert 1 <= io_weight(weight) <= 10000
    assert (io_weight(10), io_weight(1000)) == (1, 10000)


@pytest.mark.parametrize(
    ("layout", "suffix"), [(V1, "limit_in_bytes"), (V2, "max")], ids=["v1", "v2"]
)
def test_huge_pages_are_limited_in_use_and_in_reservations(
    layout: CgroupLayout, suffix: str
) -> None:
    used, reserved = compile({"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}, layout)
    assert (used.file, used.value, used.optional) == (f"hugetlb.2MB.{suffix}", "4194304", False)
    assert (reserved.file, reserved.value) == (f"hugetlb.2MB.rsvd.{suffix}", "4194304")
    assert reserved.optional  # kernels before 5.7


NETWORK = {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]}


def test_network_is_for_v1() -> None:
    assert files({"network": NETWORK}, V1) == [
        ("net_cls.classid", "1048577"),
        ("net_prio.ifpriomap", "eth0 500"),
    ]
    assert refused({"network": NETWORK}, V2).pointer == "linux.resources.network.classID"
    assert files({"network": {"classID": 0, "priorities": []}}, V2) == []


@BOTH
def test_rdma_leaves_out_what_is_not_said(layout: CgroupLayout) -> None:
    rdma = {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}, "rxe3": {"hcaObjects": 4294967295}}
    assert files({"rdma": rdma}, layout) == [
        ("rdma.max", "mlx5_1 hca_handle=3 hca_object=10000"),
        ("rdma.max", "rxe3 hca_object=2147483647"),
    ]


@pytest.mark.parametrize(
    ("memory", "key"),
    [
        ({"kernel": 1}, "kernel"),
        ({"kernelTCP": 1}, "kernelTCP"),
        ({"swappiness": 0}, "swappiness"),
        ({"disableOOMKiller": True}, "disableOOMKiller"),
        ({"useHierarchy": False}, "useHierarchy"),
    ],
)
def test_memory_settings_of_v1_are_refused_on_v2(memory: dict[str, Any], key: str) -> None:
    assert refused({"memory": memory}, V2).pointer == f"linux.resources.memory.{key}"


@pytest.mark.parametrize("key", ["realtimeRuntime", "realtimePeriod"])
def test_realtime_bandwidth_is_refused_on_v2_unless_zero(key: str) -> None:
    assert files({"cpu": {key: 0}}, V2) == []
    assert refused({"cpu": {key: 1000}}, V2).pointer == f"linux.resources.cpu.{key}"


def test_what_v2_does_anyway_is_accepted() -> None:
    usual = {"kernel": -1, "kernelTCP": -1, "disableOOMKiller": False, "useHierarchy": True}
    assert files({"memory": usual}, V2) == []


def test_unified_is_written_as_it_stands_line_by_line_and_last() -> None:
    unified = {"io.max": "259:0 rbps=1\n253:0 rbps=2", "memory.high": "10", "memory.max": "30"}
    writes = compile({"unified": unified, "memory": {"limit": 20}}, V2)
    assert [(write.controller, write.file, write.value) for write in writes] == [
        ("memory", "memory.max", "20"),
        ("io", "io.max", "259:0 rbps=1"),
        ("io", "io.max", "253:0 rbps=2"),
        ("memory", "memory.high", "10"),
        ("memory", "memory.max", "30"),
    ]
    assert writes[1].pointer == 'linux.resources.unified["io.max"]'


def test_unified_may_name_core_files() -> None:
    (write,) = compile({"unified": {"cgroup.max.depth": "3"}}, V2)
    assert write.controller == ""


@pytest.mark.parametrize("file", ["", ".", "..", "memory", "../memory.max", "a/b.c", "x\0.y"])
def test_unified_keys_are_names_of_files(file: str) -> None:
    error = refused({"unified": {file: "1"}}, V2)
    assert error.pointer == f'linux.resources.unified["{file}"]'


def test_unified_needs_v2() -> None:
    assert refused({"unified": {"memory.high": "1"}}, V1).pointer == "linux.resources.unified"
    assert compile({"unified": {}}, V1) == []


@pytest.mark.parametrize(
    ("resources", "layout", "pointer"),
    [
        ({"network": {"classID": 7}}, "v1", "linux.resources.network.classID"),
        ({"pids": {"limit": 7}}, "v1", "linux.resources.pids.limit"),
        ({"pids": {"limit": 7}}, "v2", "linux.resources.pids.limit"),
        ({"unified": {"foo.max": "1"}}, "v2", 'linux.resources.unified["foo.max"]'),
    ],
)
def test_a_controller_that_the_host_lacks_is_named(
    resources: dict[str, Any], layout: str, pointer: str
) -> None:
    bare = CgroupLayout(layout, {}, "", {}, frozenset({"memory"}))
    with pytest.raises(HostError) as caught:
        compile(resources, bare)
    assert caught.value.pointer == pointer
    assert compile({"pids": {"limit": -1}, "memory": {"limit": 5}}, bare)[0].file.startswith("mem")


def test_the_controllers_needed_are_those_of_values_that_matter() -> None:
    resources = {"memory": {"limit": 5, "reservation": 4}, "pids": {"limit": -1}}
    assert controllers_needed(compile(resources, V2)) == {"memory": "linux.resources.memory.limit"}


LIMITS = st.one_of(st.none(), st.integers(-1, 1 << 40))


@given(LIMITS, LIMITS, LIMITS)
def test_on_v2_memory_and_swap_never_exceed_what_was_asked(
    limit: int | None, swap: int | None, reservation: int | None
) -> None:
    given = {"limit": limit, "swap": swap, "reservation": reservation}
    memory = {field: value for field, value in given.items() if value is not None}
    try:
        result = dict(files(checked_linux(resources={"memory": memory})["resources"], V2))
    except ConfigError:
        assert swap is not None and swap > 0
        return
    if swap and swap > 0:
        assert int(result["memory.max"]) + int(result["memory.swap.max"]) == swap
    assert all(value == "max" or int(value) >= 0 for value in result.values())
