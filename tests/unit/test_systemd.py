"""What systemd is asked for, as pure functions: names, places, properties, annotations."""

import pytest
from hutch.errors import ConfigError, HostError, HutchError, UsageError
from hutch.plan.cgroup_paths import Cgroup
from hutch.plan.device_rules import effective
from hutch.plan.features import features
from hutch.plan.host import CgroupLayout
from hutch.plan.resources_compile import compile
from hutch.plan.systemd_annotations import PREFIX, properties_of
from hutch.plan.systemd_properties import INFINITE, device_properties, properties_for
from hutch.plan.systemd_unit import Manager, resolve_unit

TOP = "/sys/fs/cgroup"
V2 = CgroupLayout(
    "v2", {}, TOP, {"": "/"}, frozenset(("cpu", "cpuset", "io", "memory", "pids", "hugetlb"))
)
HYBRID = CgroupLayout(
    "hybrid",
    {"memory": TOP + "/memory", "cpu": TOP + "/cpu", "name=systemd": TOP + "/systemd"},
    TOP + "/unified",
    {},
    frozenset(("memory", "cpu", "pids")),
)
SYSTEM = Manager(False, "")
USER = Manager(True, "/user.slice/user-1000.slice/user@1000.service")


def place(path: str | None, manager: Manager = SYSTEM, id: str = "web") -> str:
    return resolve_unit(path, id, V2, manager, {}).directories[""].removeprefix(TOP)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (None, "/system.slice/hutch-web.scope"),
        ("", "/system.slice/hutch-web.scope"),
        ("system.slice:runc:abc", "/system.slice/runc-abc.scope"),
        (":docker:abc", "/system.slice/docker-abc.scope"),
        ("user-7.slice::abc", "/user.slice/user-7.slice/abc.scope"),
        ("a-b-c.slice:p:n", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"),
        ("-.slice:p:n", "/p-n.scope"),
    ],
)
def test_names_say_where_the_scope_is(path: str | None, expected: str) -> None:
    assert place(path) == expected


def test_a_users_scope_is_below_the_users_manager() -> None:
    assert place(None, USER) == USER.root + "/user.slice/hutch-web.scope"
    with pytest.raises(HostError, match="version 1"):
        resolve_unit(None, "web", HYBRID, USER, {})


def test_on_v1_the_scope_is_in_every_hierarchy() -> None:
    directories = resolve_unit(None, "web", HYBRID, SYSTEM, {}).directories
    inner = "/system.slice/hutch-web.scope"
    assert directories == {
        "memory": TOP + "/memory" + inner,
        "cpu": TOP + "/cpu" + inner,
        "name=systemd": TOP + "/systemd" + inner,
        "": TOP + "/unified" + inner,
    }


@pytest.mark.parametrize(
    "path",
    [
        "/system.slice/web",
        "web",
        "a:b",
        "a.slice:b:c:d",
        "../x.slice:p:n",
        "x/y.slice:p:n",
        "noslice:p:n",
        ".slice:p:n",
        "-a.slice:p:n",
        "a--b.slice:p:n",
        "a..slice/..:p:n",
        "system.slice:p:a b",
        "system.slice:p:a\nb",
        "system.slice:p:" + "n" * 250,
    ],
)
def test_other_names_are_refused(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        place(path)
    assert caught.value.pointer == "linux.cgroupsPath"


def test_an_id_that_systemd_does_not_take_is_refused() -> None:
    with pytest.raises(UsageError, match="does not take"):
        place(None, id="a+b")


def test_the_state_keeps_the_unit() -> None:
    cgroup = resolve_unit("a.slice:p:n", "web", V2, USER, {})
    again = Cgroup.from_json(cgroup.to_json())
    assert again.unit is not None
    assert (again.unit.name, again.unit.slice, again.unit.user) == ("p-n.scope", "a.slice", True)


def test_limits_as_properties_on_v2() -> None:
    resources = {
        "memory": {"limit": 1 << 20, "swap": 3 << 20, "reservation": 1 << 19},
        "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0-1,8", "mems": "0"},
        "pids": {"limit": 20},
        "blockIO": {"weight": 500},
        "unified": {"memory.high": "900000", "cgroup.max.depth": "7"},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
    }
    assert {name: value for name, _, value in properties_for(compile(resources, V2))} == {
        "MemoryMax": 1 << 20,
        "MemorySwapMax": 2 << 20,
        "MemoryLow": 1 << 19,
        "MemoryHigh": 900000,
        "CPUWeight": 100,
        "CPUQuotaPerSecUSec": 500_000,
        "CPUQuotaPeriodUSec": 100_000,
        "AllowedCPUs": b"\x03\x01",
        "AllowedMemoryNodes": b"\x01",
        "TasksMax": 20,
        "IOWeight": 4950,
    }


def test_limits_as_properties_on_v1() -> None:
    resources = {
        "memory": {"limit": 1 << 20},
        "cpu": {"shares": 512, "quota": -1, "period": 50000},
        "pids": {"limit": 0},
    }
    assert properties_for(compile(resources, HYBRID)) == [
        ("MemoryLimit", "t", 1 << 20),
        ("CPUShares", "t", 512),
        # systemd knows no limit of 0 tasks; the file is written all the same.
        ("TasksMax", "t", 1),
        ("CPUQuotaPerSecUSec", "t", INFINITE),
        ("CPUQuotaPeriodUSec", "t", 50000),
    ]


def test_no_limit_is_a_property_too() -> None:
    resources = {"memory": {"limit": -1}, "pids": {"limit": -1}}
    assert properties_for(compile(resources, V2)) == [
        ("MemoryMax", "t", INFINITE),
        ("TasksMax", "t", INFINITE),
    ]


def test_what_the_kernel_will_refuse_is_no_property() -> None:
    writes = compile(
        {"cpu": {"cpus": "0-"}, "unified": {"memory.max": "lots", "cpu.max": "x y"}}, V2
    )
    assert properties_for(writes) == []


def test_device_rules_as_properties() -> None:
    rules = effective(
        [
            {"allow": False, "access": "rwm"},
            {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
            {"allow": True, "type": "b", "major": 8, "access": "r"},
        ]
    )
    policy, allow = device_properties(rules)
    assert policy == ("DevicePolicy", "s", "strict")
    assert ("/dev/char/10:229", "rw") in allow[2]
    assert ("block-8", "r") in allow[2]
    assert ("char-*", "m") in allow[2]
    assert ("/dev/char/1:3", "rwm") in allow[2]


@pytest.mark.parametrize(
    "devices",
    [
        [{"allow": True}],
        [{"allow": True, "type": "c", "minor": 3, "access": "r"}],
        [
            {"allow": True, "type": "c", "major": 9, "access": "rwm"},
            {"allow": False, "type": "c", "major": 9, "minor": 1, "access": "r"},
        ],
    ],
)
def test_rules_that_are_no_list_of_the_allowed_are_not_told(
    devices: list[dict[str, object]],
) -> None:
    assert device_properties(effective(devices)) == [
        ("DevicePolicy", "s", "auto"),
        ("DeviceAllow", "a(ss)", []),
    ]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("TimeoutStopUSec", "uint64 5000000", ("TimeoutStopUSec", "t", 5_000_000)),
        ("TimeoutStopSec", "5", ("TimeoutStopUSec", "t", 5_000_000)),
        ("CollectMode", "'inactive'", ("CollectMode", "s", "inactive")),
        ("After", "['a.service', 'b.service']", ("After", "as", ["a.service", "b.service"])),
        ("Before", "[]", ("Before", "as", [])),
        ("DefaultDependencies", "true", ("DefaultDependencies", "b", True)),
        ("KillSignal", "int32 3", ("KillSignal", "i", 3)),
    ],
)
def test_s42_harmless_properties_may_be_set_by_annotations(
    name: str, text: str, expected: tuple[str, str, object]
) -> None:
    assert properties_of({PREFIX + name: text, "other": "x"}) == [expected]


@pytest.mark.parametrize(
    "name",
    ["ExecStart", "ExecStop", "Slice", "PIDs", "Delegate", "DeviceAllow", "MemoryMax", "User",
     "OnFailure", "Requires", "Wants", "", "execstart"],
)  # fmt: skip
def test_s42_all_other_properties_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="may not set") as caught:
        properties_of({PREFIX + name: "'x'"})
    assert caught.value.pointer == f'annotations["{PREFIX}{name}"]'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("KillSignal", "65"),
        ("KillSignal", "-1"),
        ("KillSignal", ""),
        ("TimeoutStopUSec", str(1 << 64)),
        ("TimeoutStopSec", "9" * 30),
        ("TimeoutStopUSec", "9" * 5000),
        ("CollectMode", "inactive"),
        ("CollectMode", "'a', 'b'"),
        ("CollectMode", "'a\\'"),
        ("After", "'a'"),
        ("After", "[a]"),
        ("SendSIGHUP", "yes"),
    ],
)
def test_values_of_another_type_are_refused(name: str, text: str) -> None:
    with pytest.raises(HutchError):
        properties_of({PREFIX + name: text})


def test_s42_features_report_it() -> None:
    assert features()["potentiallyUnsafeConfigAnnotations"] == [PREFIX]
    assert features()["linux"]["cgroup"]["systemd"] is True
