"""Cgroup v2, on a host that has nothing else; run it in the test host's virtual machine."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hutch import cgroups
from hutch.errors import ConfigError, HostError, KernelError, StateError
from hutch.plan.cgroup_paths import Cgroup, below, resolve
from hutch.plan.resources_compile import compile
from hutch.plan.resources_update import check_memory, compile_update

from tests.support.cgroups import (
    ON_V2,
    Place,
    in_child,
    membership,
    top_of,
    value,
    wait_for,
)

pytestmark = ON_V2
USUAL = {"cpu", "cpuset", "io", "memory", "pids"}
NOBODY = 65534


def leaf(cgroup: Cgroup) -> str:
    return cgroup.directories[""]


# Making and removing


def test_a_cgroup_has_the_usual_controllers_and_goes_again(place: Place) -> None:
    cgroup = place.made(at="/deep/down/a")
    assert set(value(leaf(cgroup), "cgroup.controllers").split()) >= USUAL
    kept = json.dumps(cgroup.to_json())
    cgroups.destroy(Cgroup.from_json(json.loads(kept)))
    assert top_of(cgroup, place.name) == []
    cgroups.destroy(cgroup)


def test_other_controllers_are_enabled_where_a_limit_needs_them(place: Place) -> None:
    size = sorted(os.listdir("/sys/kernel/mm/hugepages"))[0].split("-")[1]
    size = f"{int(size[:-2]) // 1024}MB" if size == "2048kB" else "1GB"
    limits = {"hugepageLimits": [{"pageSize": size, "limit": 0}]}
    cgroup = place.made(limits, at="/deep/a")
    assert "hugetlb" in value(leaf(cgroup), "cgroup.controllers")
    assert value(leaf(cgroup), f"hugetlb.{size}.rsvd.max") == "0"


def test_a_relative_path_stands_beside_the_caller(place: Place) -> None:
    own = membership(os.getpid())[""]
    cgroup = resolve(f"{place.name}/a", "unused", place.layout)
    place.cgroups.append(cgroup)
    assert leaf(cgroup) == f"/sys/fs/cgroup{own.rpartition('/')[0]}/{place.name}/a"
    cgroups.prepare(cgroup)
    cgroups.create(cgroup, place.layout, compile({"memory": {"limit": 1 << 30}}, place.layout))
    assert value(leaf(cgroup), "memory.max") == str(1 << 30)


def test_a_directory_that_existed_before_is_not_removed(place: Place) -> None:
    first = place.made(at="/pod/one")
    cgroup = place.cgroup("/pod/one")
    cgroups.prepare(cgroup)
    assert cgroup.made == []
    cgroups.create(cgroup, place.layout, [])
    cgroups.destroy(cgroup)
    assert Path(leaf(first)).is_dir()


def test_a_cgroup_in_use_or_frozen_is_refused(place: Place) -> None:
    cgroup = place.made()
    pid = place.process()
    cgroups.join(cgroup, pid)
    with pytest.raises(StateError, match=str(pid)):
        cgroups.prepare(place.cgroup("/a"))
    parent = place.made(at="/parent")
    cgroups.freeze(parent)
    for at in ("/parent", "/parent/a/b"):
        with pytest.raises(StateError, match="frozen"):
            cgroups.prepare(place.cgroup(at))


# Controllers that are kept back


def test_a_parent_with_processes_of_its_own_is_named(place: Place) -> None:
    parent = place.made(at="/parent")
    cgroups.join(parent, place.process())
    cgroup = place.cgroup("/parent/a")
    cgroups.prepare(cgroup)
    limits = compile({"memory": {"limit": 1 << 20}}, place.layout)
    with pytest.raises(HostError, match="because it has processes") as caught:
        cgroups.create(cgroup, place.layout, limits)
    assert leaf(parent) in str(caught.value)
    assert caught.value.pointer == "linux.resources.memory.limit"
    cgroups.destroy(cgroup)
    # Nothing asked for, nothing enabled, and the parent is not made threaded either.
    cgroups.prepare(cgroup)
    cgroups.create(cgroup, place.layout, [])
    cgroups.join(cgroup, place.process())
    assert value(leaf(parent), "cgroup.type") == "domain"


def as_nobody(place: Place, at: str, resources: dict[str, Any] | None) -> str:
    def create() -> object:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        cgroup = resolve(at, "unused", place.layout, rootless=True)
        cgroups.prepare(cgroup)
        cgroups.create(cgroup, place.layout, compile(resources, place.layout))
        cgroups.device_rules(cgroup, None)
        return (sorted(cgroup.directories.values()), cgroups.open_directory(cgroup) >= 0)

    return in_child(create)


def test_a_controller_that_is_not_delegated_is_traced_to_who_keeps_it(place: Place) -> None:
    service = place.made(at="/some.service")
    cgroups.delegate(service, NOBODY)
    Path(leaf(service)).parent.joinpath("cgroup.subtree_control").write_text("-memory")
    at = f"/{place.name}/some.service/a"
    result = as_nobody(place, at, {"memory": {"limit": 1 << 20}})
    assert result.startswith("HostError: config.json: linux.resources.memory.limit: ")
    assert f"/sys/fs/cgroup/{place.name}/cgroup.subtree_control" in result
    # Where the cgroup is delegated with the controller all is well.
    Path(leaf(service)).parent.joinpath("cgroup.subtree_control").write_text("+memory")
    assert as_nobody(place, at, {"memory": {"limit": 1 << 20}}).endswith("True)")
    assert value(leaf(service) + "/a", "memory.max") == str(1 << 20)


def test_the_hint_names_the_unit(place: Place) -> None:
    service = place.made(at="/some.service")
    cgroups.join(below(service, [""]), place.process())
    os.chown(leaf(service), NOBODY, -1)
    result = as_nobody(place, f"/{place.name}/some.service/a", {"pids": {"limit": 5}})
    assert "Delegate=pids in the unit some.service" in result


def test_a_caller_without_root_does_without_if_nothing_is_asked_for(place: Place) -> None:
    at = f"/{place.name}"
    assert as_nobody(place, at, {"pids": {"limit": -1}}) == "([], False)"
    result = as_nobody(place, at, {"pids": {"limit": 5}})
    assert "permission denied" in result
    assert "Delegate=yes" in result


def test_an_unknown_controller_and_an_unknown_file_are_told_apart(place: Place) -> None:
    with pytest.raises(HostError, match="no cgroup controller foo"):
        place.made({"unified": {"foo.max": "1"}})
    with pytest.raises(HostError, match=r"has no file memory\.foo") as caught:
        place.made({"unified": {"memory.foo": "1"}})
    assert caught.value.pointer == 'linux.resources.unified["memory.foo"]'


# Limits


def block_device() -> tuple[int, int]:
    major, minor = value("/sys/block/vda", "dev").split(":")
    return int(major), int(minor)


def test_limits_are_in_the_kernel(place: Place) -> None:
    major, minor = block_device()
    device = {"major": major, "minor": minor}
    resources = {
        "memory": {"limit": 64 << 20, "swap": 128 << 20, "reservation": 32 << 20},
        "cpu": {
            "shares": 1024,
            "quota": 50000,
            "period": 100000,
            "burst": 10000,
            "cpus": "0",
            "mems": "0",
        },
        "pids": {"limit": 20},
        "blockIO": {
            "weight": 500,
            "throttleReadBpsDevice": [{**device, "rate": 1 << 20}],
            "throttleWriteIOPSDevice": [{**device, "rate": 100}],
        },
        "unified": {"memory.high": str(60 << 20), "cgroup.max.depth": "7"},
    }
    found = leaf(place.made(resources))
    assert value(found, "memory.max") == str(64 << 20)
    assert value(found, "memory.swap.max") == str(64 << 20)
    assert value(found, "memory.low") == str(32 << 20)
    assert value(found, "memory.high") == str(60 << 20)
    assert value(found, "cpu.weight") == "100"
    assert value(found, "cpu.max") == "50000 100000"
    assert value(found, "cpu.max.burst") == "10000"
    assert value(found, "cpuset.cpus") == "0"
    assert value(found, "pids.max") == "20"
    assert value(found, "cgroup.max.depth") == "7"
    assert value(found, "io.max") == f"{major}:{minor} rbps=1048576 wbps=max riops=max wiops=100"
    if Path(found, "io.bfq.weight").exists():
        assert value(found, "io.bfq.weight") == "default 500"
    else:
        assert value(found, "io.weight") == "default 4950"


def test_a_limit_of_many_lines_is_written_line_by_line(place: Place) -> None:
    major, minor = block_device()
    lines = f"{major}:{minor} rbps=1000\n{major}:{minor} wbps=2000\n"
    found = leaf(place.made({"unified": {"io.max": lines}}))
    assert value(found, "io.max").endswith("rbps=1000 wbps=2000 riops=max wiops=max")


@pytest.mark.parametrize(
    ("resources", "pointer", "words"),
    [
        ({"cpu": {"cpus": "4000"}}, "cpu.cpus", "cpuset.cpus"),
        (
            {"blockIO": {"throttleReadBpsDevice": [{"major": 4095, "minor": 7, "rate": 9}]}},
            "blockIO.throttleReadBpsDevice[0]",
            "no such block device",
        ),
        ({"rdma": {"mlx5_9": {"hcaHandles": 1}}}, 'rdma["mlx5_9"]', "no such RDMA device"),
        ({"unified": {"memory.max": "lots"}}, 'unified["memory.max"]', "invalid argument"),
    ],
)
def test_a_refusal_of_the_kernel_names_the_field(
    place: Place, resources: dict[str, Any], pointer: str, words: str
) -> None:
    place.refuses(resources, KernelError, pointer, words)


@pytest.mark.parametrize("new", [(5000, 10000, 0), (400000, 800000, 200000), (1000, 100000, 1000)])
def test_bandwidth_and_burst_can_be_updated(place: Place, new: tuple[int, int, int]) -> None:
    old = {"cpu": {"quota": 40000, "period": 80000, "burst": 30000}}
    cgroup = place.made(old)
    changes = {"cpu": {"quota": new[0], "period": new[1], "burst": new[2]}}
    cgroups.update(cgroup, compile_update(old, changes, place.layout))
    assert value(leaf(cgroup), "cpu.max") == f"{new[0]} {new[1]}"
    assert value(leaf(cgroup), "cpu.max.burst") == str(new[2])


def test_an_update_enables_what_it_needs(place: Place) -> None:
    cgroup = place.made()
    assert "hugetlb" not in value(leaf(cgroup), "cgroup.controllers")
    changes = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}
    cgroups.update(cgroup, compile_update({}, changes, place.layout))
    assert value(leaf(cgroup), "hugetlb.2MB.rsvd.max") == str(4 << 20)


def test_limits_can_be_lifted(place: Place) -> None:
    old = {"memory": {"limit": 1 << 24, "swap": 1 << 25}, "pids": {"limit": 5}}
    cgroup = place.made(old)
    changes = {"memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}}
    cgroups.update(cgroup, compile_update(old, changes, place.layout))
    for file in ("memory.max", "memory.swap.max", "pids.max"):
        assert value(leaf(cgroup), file) == "max"


def test_check_before_update_protects_a_running_container(place: Place) -> None:
    cgroup = place.made()
    cgroups.join(cgroup, place.process(sys.executable, "-c", "x = bytearray(1 << 25); input()"))
    wait_for(lambda: cgroups.memory_usage(cgroup) > 1 << 20)
    memory = {"limit": 4096, "checkBeforeUpdate": True}
    with pytest.raises(ConfigError, match="below the present usage"):
        check_memory({"memory": memory}, cgroups.memory_usage(cgroup))
