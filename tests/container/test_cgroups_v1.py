"""Cgroup v1 and hybrid hosts, on the real kernel, in cgroups of these tests."""

import json
from pathlib import Path
from typing import Any

import pytest
from hutch import cgroups
from hutch.cgroups import tree
from hutch.errors import HostError, KernelError, StateError
from hutch.plan.cgroup_paths import Cgroup
from hutch.plan.resources import CgroupWrite
from hutch.plan.resources_compile import compile
from hutch.plan.resources_update import compile_update

from tests.support.cgroups import (
    MODE,
    ON_V1,
    Place,
    top_of,
    value,
)

pytestmark = ON_V1

# Making and removing


def test_a_cgroup_is_made_in_every_hierarchy_and_removed_from_all_of_them(place: Place) -> None:
    cgroup = place.made()
    assert set(cgroup.directories) == set(place.layout.hierarchies) | (
        {""} if MODE == "hybrid" else set()
    )
    assert all(Path(leaf).is_dir() for leaf in cgroup.leaves())
    cgroups.destroy(cgroup)
    assert top_of(cgroup, place.name) == []
    cgroups.destroy(cgroup)


def test_the_state_file_has_enough_to_remove_the_cgroup(place: Place) -> None:
    cgroup = place.cgroup("/deep/a")
    cgroups.prepare(cgroup)
    kept = json.dumps(cgroup.to_json())
    cgroups.create(cgroup, place.layout, [])
    cgroups.destroy(Cgroup.from_json(json.loads(kept)))
    assert top_of(cgroup, place.name) == []


def test_a_create_that_is_killed_anywhere_can_be_undone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tree.make_directory
    for last in range(len(place.layout.hierarchies) * 2):
        cgroup = place.cgroup("/deep/a")
        cgroups.prepare(cgroup)
        kept = cgroup.to_json()
        paths: list[str] = []

        def make_directory(path: str, last: int = last, paths: list[str] = paths) -> None:
            if len(paths) == last:
                raise KeyboardInterrupt
            paths.append(path)
            real(path)

        monkeypatch.setattr(tree, "make_directory", make_directory)
        with pytest.raises(KeyboardInterrupt):
            cgroups.create(cgroup, place.layout, [])
        cgroups.destroy(Cgroup.from_json(kept))
        assert top_of(cgroup, place.name) == []


def test_a_directory_that_existed_before_is_not_removed(place: Place) -> None:
    parent = place.cgroup("/parent")
    cgroups.prepare(parent)
    cgroups.create(parent, place.layout, [])
    leaf = Path(parent.directories["memory"], "a")
    leaf.mkdir()
    cgroup = place.made(at="/parent/a")
    assert str(leaf) not in cgroup.made
    cgroups.destroy(cgroup)
    assert leaf.is_dir()
    assert not Path(parent.directories["pids"], "a").exists()
    assert Path(parent.directories["pids"]).is_dir()


def test_a_parent_that_another_container_uses_is_not_removed(place: Place) -> None:
    first, second = place.made(at="/pod/one"), place.made(at="/pod/two")
    cgroups.destroy(first)
    assert all(Path(leaf).is_dir() for leaf in second.leaves())
    cgroups.destroy(second)


def test_a_parent_that_vanishes_while_the_cgroup_is_made_is_made_again(place: Place) -> None:
    first = place.made(at="/pod/one")
    second = place.cgroup("/pod/two")
    cgroups.prepare(second)
    cgroups.destroy(first)
    cgroups.create(second, place.layout, [])
    assert all(Path(leaf).is_dir() for leaf in second.leaves())


def test_two_containers_cannot_make_the_same_cgroup(place: Place) -> None:
    one, other = place.cgroup("/a"), place.cgroup("/a")
    cgroups.prepare(one)
    cgroups.prepare(other)
    cgroups.create(one, place.layout, [])
    with pytest.raises(StateError, match="by another process"):
        cgroups.create(other, place.layout, [])
    cgroups.destroy(other)
    assert all(Path(leaf).is_dir() for leaf in one.leaves())


def test_a_cgroup_in_use_is_refused_with_its_pids(place: Place) -> None:
    first = place.made()
    pid = place.process()
    cgroups.join(first, pid)
    with pytest.raises(StateError, match=str(pid)):
        cgroups.prepare(place.cgroup("/a"))


def test_a_process_further_down_counts_as_use(place: Place) -> None:
    first = place.made(at="/a/b")
    cgroups.join(first, place.process())
    with pytest.raises(StateError, match="in use"):
        cgroups.prepare(place.cgroup("/a"))


def test_a_frozen_cgroup_is_refused_also_by_its_parent(place: Place) -> None:
    parent = place.made(at="/parent")
    cgroups.freeze(parent)
    for at in ("/parent", "/parent/a/b"):
        with pytest.raises(StateError, match="frozen"):
            cgroups.prepare(place.cgroup(at))
    cgroups.thaw(parent)
    cgroups.prepare(place.cgroup("/parent"))


def test_new_cpusets_have_the_cpus_of_their_parents(place: Place) -> None:
    directory = place.made(at="/a/b/c").directories["cpuset"]
    root = place.layout.hierarchies["cpuset"]
    for file in ("cpuset.cpus", "cpuset.mems"):
        assert value(directory, file) == value(root, file)


# Limits


def test_limits_are_in_the_kernel(place: Place) -> None:
    resources = {
        "memory": {
            "limit": 64 << 20,
            "swap": 128 << 20,
            "reservation": 32 << 20,
            "kernelTCP": 8 << 20,
            "swappiness": 0,
            "disableOOMKiller": True,
            "useHierarchy": True,
        },
        "cpu": {
            "shares": 512,
            "quota": 50000,
            "period": 100000,
            "burst": 10000,
            "cpus": "0",
            "mems": "0",
        },
        "pids": {"limit": 20},
    }
    found = place.made(resources).directories
    assert value(found["memory"], "memory.limit_in_bytes") == str(64 << 20)
    assert value(found["memory"], "memory.memsw.limit_in_bytes") == str(128 << 20)
    assert value(found["memory"], "memory.soft_limit_in_bytes") == str(32 << 20)
    assert value(found["memory"], "memory.kmem.tcp.limit_in_bytes") == str(8 << 20)
    assert value(found["memory"], "memory.swappiness") == "0"
    assert "oom_kill_disable 1" in value(found["memory"], "memory.oom_control")
    assert value(found["cpu"], "cpu.shares") == "512"
    assert value(found["cpu"], "cpu.cfs_quota_us") == "50000"
    assert value(found["cpu"], "cpu.cfs_period_us") == "100000"
    assert value(found["cpu"], "cpu.cfs_burst_us") == "10000"
    assert value(found["cpuset"], "cpuset.cpus") == "0"
    assert value(found["pids"], "pids.max") == "20"


def test_a_weight_is_written_to_the_file_of_the_present_scheduler(place: Place) -> None:
    plain = Path(place.made(at="/plain").directories["blkio"])
    files = {file.name for file in plain.glob("*weight")}
    if files & {"blkio.weight", "blkio.bfq.weight"}:
        directory = place.made({"blockIO": {"weight": 300}}).directories["blkio"]
        assert any("300" in value(directory, file) for file in files)
    else:
        with pytest.raises(HostError, match="bfq"):
            place.made({"blockIO": {"weight": 300}})


def test_pids_zero_is_a_limit(place: Place) -> None:
    assert value(place.made({"pids": {"limit": 0}}).directories["pids"], "pids.max") == "0"


@pytest.mark.parametrize(
    ("resources", "error", "pointer", "words"),
    [
        ({"cpu": {"cpus": "4000"}}, KernelError, "cpu.cpus", "invalid argument|out of range"),
        (
            {"blockIO": {"throttleReadBpsDevice": [{"major": 4095, "minor": 7, "rate": 9}]}},
            KernelError,
            "blockIO.throttleReadBpsDevice[0]",
            "no such block device",
        ),
        ({"blockIO": {"leafWeight": 20}}, HostError, "blockIO.leafWeight", "CFQ"),
        ({"memory": {"useHierarchy": False}}, KernelError, "memory.useHierarchy", "Linux 5.11"),
    ],
)
def test_a_refusal_of_the_kernel_names_the_field(
    place: Place,
    resources: dict[str, Any],
    error: type[KernelError] | type[HostError],
    pointer: str,
    words: str,
) -> None:
    place.refuses(resources, error, pointer, words)


def test_the_file_of_an_optional_value_may_be_missing(place: Place) -> None:
    cgroup = place.made()
    missing = CgroupWrite("memory", "memory.nothing", "1", "x", optional=True)
    cgroups.update(cgroup, [missing])
    with pytest.raises(HostError, match=r"memory\.nothing"):
        cgroups.update(cgroup, [CgroupWrite("memory", "memory.nothing", "1", "x")])


@pytest.mark.parametrize("new", [(32, 48), (200, 300), (96, 128), (-1, -1), (128, -1)])
def test_memory_and_swap_can_be_updated_either_way(place: Place, new: tuple[int, int]) -> None:
    old = {"memory": {"limit": 96 << 20, "swap": 128 << 20}}
    cgroup = place.made(old)
    limit, swap = (size if size < 0 else size << 20 for size in new)
    changes = {"memory": {"limit": limit, "swap": swap}}
    cgroups.update(cgroup, compile_update(old, changes, place.layout))
    assert int(value(cgroup.directories["memory"], "memory.limit_in_bytes")) == (
        limit if limit > 0 else 9223372036854771712
    )


def test_lifting_the_limit_of_memory_lifts_that_of_swap(place: Place) -> None:
    old = {"memory": {"limit": 96 << 20, "swap": 128 << 20}}
    cgroup = place.made(old)
    cgroups.update(cgroup, compile({"memory": {"limit": -1}}, place.layout))
    assert int(value(cgroup.directories["memory"], "memory.limit_in_bytes")) > 1 << 62


@pytest.mark.parametrize("new", [(5000, 10000), (400000, 800000), (1000, 100000), (50000, 100000)])
def test_bandwidth_can_be_updated_below_a_limited_parent(
    place: Place, new: tuple[int, int]
) -> None:
    place.made({"cpu": {"quota": 50000, "period": 100000}}, at="/parent")
    old = {"cpu": {"quota": 40000, "period": 80000}}
    cgroup = place.made(old, at="/parent/a")
    changes = {"cpu": {"quota": new[0], "period": new[1]}}
    cgroups.update(cgroup, compile_update(old, changes, place.layout))
    found = cgroup.directories["cpu"]
    assert (value(found, "cpu.cfs_quota_us"), value(found, "cpu.cfs_period_us")) == (
        str(new[0]),
        str(new[1]),
    )


def test_an_idle_cgroup_can_be_given_shares(place: Place) -> None:
    old = {"cpu": {"idle": 1}}
    cgroup = place.made(old)
    with pytest.raises(KernelError, match=r"cpu\.idle"):
        cgroups.update(cgroup, compile({"cpu": {"shares": 512}}, place.layout))
    changes = {"cpu": {"shares": 512, "idle": 0}}
    cgroups.update(cgroup, compile_update(old, changes, place.layout))
    assert value(cgroup.directories["cpu"], "cpu.shares") == "512"
