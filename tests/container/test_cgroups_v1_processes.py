"""Processes in cgroups of v1 and hybrid hosts: joining, freezing, killing, devices, statistics."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hutch import cgroups
from hutch.cgroups import signal_all
from hutch.cgroups.oom import oom_watch
from hutch.errors import ConfigError, HostError, KernelError, StateError
from hutch.plan.cgroup_paths import Cgroup, below, resolve
from hutch.plan.resources_compile import compile

from tests.support.cgroups import (
    MODE,
    ON_V1,
    STATISTICS,
    Place,
    clone_into,
    in_child,
    membership,
    nest_deep,
    opens,
    top_of,
    value,
    wait_for,
)

pytestmark = ON_V1

# Processes


def test_a_process_joins_every_hierarchy(place: Place) -> None:
    cgroup, pid = place.made(), place.process()
    before = membership(pid)
    cgroups.join(cgroup, pid)
    after = membership(pid)
    assert {name for name in cgroup.directories if after[name] != before[name]} == set(
        cgroup.directories
    )
    assert cgroups.processes(cgroup) == [pid]


def test_a_process_can_join_by_itself_through_descriptors(place: Place) -> None:
    cgroup = place.made()
    descriptors = cgroups.join_descriptors(cgroup)

    def join() -> object:
        for fd in descriptors:
            os.write(fd, b"0")
        own = membership(os.getpid())
        return all(
            own[name].endswith(f"{place.name}/a") for name in cgroup.directories if name != ""
        )

    assert in_child(join) == "True"
    for fd in descriptors:
        os.close(fd)


@pytest.mark.skipif(MODE != "hybrid", reason="no cgroup2 tree here")
def test_a_process_can_start_in_the_unified_tree_of_a_hybrid_host(place: Place) -> None:
    cgroup = place.made()
    directory = cgroups.open_directory(cgroup)
    listing = clone_into(directory, "cat", "/proc/self/cgroup")
    assert f"0::/{place.name}/a" in listing.splitlines()
    os.close(directory)


def test_a_process_that_is_gone_cannot_join(place: Place) -> None:
    cgroup, pid = place.made(), place.process("true")
    assert place.ended(pid)
    with pytest.raises(KernelError, match=f"process {pid}"):
        cgroups.join(cgroup, pid)


def test_processes_further_down_are_found(place: Place) -> None:
    cgroup = place.made()
    inside = Path(cgroup.directories["freezer"], "x", "y")
    inside.mkdir(parents=True)
    first, second = place.process(), place.process()
    cgroups.join(cgroup, first)
    (inside / "cgroup.procs").write_text(str(second))
    assert cgroups.processes(cgroup) == sorted([first, second])


def test_an_exec_can_join_a_sub_cgroup(place: Place) -> None:
    cgroup, pid = place.made(), place.process()
    Path(cgroup.directories["pids"], "sub").mkdir()
    cgroups.join(below(cgroup, ["pids:sub"]), pid)
    own = membership(pid)
    assert own["pids"].endswith("/a/sub")
    assert own["cpu"].endswith("/a")
    with pytest.raises(KernelError):
        cgroups.join(below(cgroup, ["nowhere"]), pid)


# Freezing and killing


def ticks(pid: int) -> str:
    """The processor time that a process has used."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11]


def test_a_frozen_container_stops_and_continues_after_the_thaw(place: Place) -> None:
    cgroup, pid = place.made(), place.process("sh", "-c", "while :; do :; done")
    cgroups.join(cgroup, pid)
    assert not cgroups.is_frozen(cgroup)
    cgroups.freeze(cgroup)
    assert cgroups.is_frozen(cgroup)
    used = ticks(pid)
    select.select([], [], [], 0.05)
    assert ticks(pid) == used
    cgroups.thaw(cgroup)
    assert not cgroups.is_frozen(cgroup)
    wait_for(lambda: ticks(pid) != used)


def test_freezing_and_thawing_twice_is_fine(place: Place) -> None:
    cgroup = place.made()
    for action in (cgroups.freeze, cgroups.freeze, cgroups.thaw, cgroups.thaw):
        action(cgroup)


def test_a_removed_cgroup_is_not_frozen_and_has_no_processes(place: Place) -> None:
    cgroup = place.made()
    cgroups.destroy(cgroup)
    assert not cgroups.is_frozen(cgroup)
    assert cgroups.processes(cgroup) == []
    cgroups.thaw(cgroup)
    cgroups.kill(cgroup, 9)


def without_unified(cgroup: Cgroup) -> Cgroup:
    """The same cgroup as on a host, or a kernel, without cgroup.kill."""
    rest = {name: leaf for name, leaf in cgroup.directories.items() if name}
    return Cgroup("v1", rest, cgroup.made)


@pytest.mark.parametrize("unified", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_s50_all_processes_are_killed_frozen_or_not(
    place: Place, unified: bool, frozen: bool
) -> None:
    cgroup = place.made()
    pids = place.three_inside(cgroup, cgroup.directories["memory"])
    if frozen:
        cgroups.freeze(cgroup)
    cgroups.kill(cgroup if unified else without_unified(cgroup), 9)
    assert all(place.ended(pid) for pid in pids)
    cgroups.destroy(cgroup)
    assert top_of(cgroup, place.name) == []


@pytest.mark.parametrize("unified", [True, False])
def test_s50_a_fork_bomb_does_not_outrun_the_kill(place: Place, unified: bool) -> None:
    cgroup = place.made({"pids": {"limit": 30}})
    script = "f() { f & f & sleep 0.01; }; trap '' TERM; while :; do f; done 2>/dev/null"
    child = subprocess.Popen(
        ["sh", "-c", f"read x; {script}"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    place.children.append(child)
    pid = child.pid
    cgroups.join(cgroup, pid)
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.flush()
    wait_for(lambda: len(cgroups.processes(cgroup)) > 5)
    cgroups.kill(cgroup if unified else without_unified(cgroup), 9)
    assert place.ended(pid)
    cgroups.destroy(cgroup)
    assert top_of(cgroup, place.name) == []


def test_other_signals_reach_all_and_leave_a_frozen_container_frozen(place: Place) -> None:
    cgroup = place.made()
    pids = [place.process(), place.process()]
    for pid in pids:
        cgroups.join(cgroup, pid)
    cgroups.freeze(cgroup)
    cgroups.kill(cgroup, 15)
    assert cgroups.is_frozen(cgroup)
    assert cgroups.processes(cgroup) == sorted(pids)
    cgroups.thaw(cgroup)
    assert all(place.ended(pid) for pid in pids)


def test_s51_a_process_that_has_left_the_cgroup_is_not_signalled(place: Place) -> None:
    """The list of pids may be old when the signal is sent, so membership is checked again."""
    cgroup, pid, stranger = place.made(), place.process(), place.process()
    cgroups.join(cgroup, pid)
    signal_all._signal(cgroup, 9, [pid, stranger])
    assert place.ended(pid)
    assert place.children[1].poll() is None


def test_s50_a_process_that_does_not_end_is_named(place: Place) -> None:
    cgroup, pid = place.made(), place.process()
    cgroups.join(cgroup, pid)
    with pytest.raises(StateError, match=f"process {pid} did not end"):
        cgroups.destroy(cgroup, patience=0.1)


def test_s50_cgroups_that_a_container_nested_beyond_any_path_are_removed(place: Place) -> None:
    cgroup = place.made()
    for hierarchy in ("memory", "freezer"):
        nest_deep(cgroup.directories[hierarchy])
    cgroups.destroy(cgroup)
    assert top_of(cgroup, place.name) == []


# Devices


def test_device_rules_are_in_force(place: Place) -> None:
    cgroup = place.made()
    rules = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
        {"allow": False, "type": "c", "major": 1, "minor": 5, "access": "w"},
        {"allow": False, "type": "c", "major": 1, "minor": 8},
    ]
    cgroups.device_rules(cgroup, rules)
    lines = value(cgroup.directories["devices"], "devices.list").splitlines()
    assert lines[0] == "c 10:229 rw"
    assert "c 1:5 rm" in lines

    def tries() -> list[str]:
        cgroups.join(cgroup, os.getpid())
        return [
            opens("/dev/null", os.O_RDWR),
            opens("/dev/zero"),
            opens("/dev/zero", os.O_WRONLY),
            opens("/dev/random"),
        ]

    denied = "Operation not permitted"
    assert in_child(tries) == str(["opened", "opened", denied, denied])


def test_an_update_of_the_device_rules_changes_only_what_differs(place: Place) -> None:
    cgroup = place.made()
    deny = {"allow": False, "access": "rwm"}
    before = [deny, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}]
    after = [deny, {"allow": True, "type": "b", "major": 7, "access": "r"}]
    cgroups.device_rules(cgroup, before)
    cgroups.update_device_rules(cgroup, before, after)
    lines = value(cgroup.directories["devices"], "devices.list").splitlines()
    assert "b 7:* r" in lines
    assert not any("10:229" in line for line in lines)
    assert "c 1:3 rwm" in lines


def test_rules_that_cannot_be_enforced_are_an_error(place: Place) -> None:
    cgroup = place.made()
    del cgroup.directories["devices"]
    with pytest.raises(HostError, match="devices"):
        cgroups.device_rules(cgroup, [{"allow": False, "access": "rwm"}])


def test_a_hole_in_a_range_is_refused_before_anything_is_written(place: Place) -> None:
    cgroup = place.made()
    rules = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "access": "r"},
        {"allow": False, "type": "c", "major": 1, "minor": 8, "access": "r"},
    ]
    with pytest.raises(ConfigError, match="cgroup v1 cannot deny"):
        cgroups.device_rules(cgroup, rules)
    assert value(cgroup.directories["devices"], "devices.list") == "a *:* rwm"


# Statistics


def test_the_statistics_have_the_form_that_engines_read(place: Place) -> None:
    cgroup = place.made({"memory": {"limit": 64 << 20}, "pids": {"limit": 20}})
    cgroups.join(cgroup, place.process())
    data: Any = cgroups.stats(cgroup)
    assert list(data) == STATISTICS
    assert set(data["cpu"]["usage"]) == {
        "total",
        "percpu",
        "percpu_kernel",
        "percpu_user",
        "kernel",
        "user",
    }
    assert len(data["cpu"]["usage"]["percpu"]) == os.cpu_count()
    assert data["cpu"]["throttling"] == {"periods": 0, "throttledPeriods": 0, "throttledTime": 0}
    assert data["cpuset"]["cpus"] == list(range(os.cpu_count() or 0))
    assert data["memory"]["usage"]["limit"] == 64 << 20
    assert {"cache", "usage", "swap", "kernel", "kernelTCP", "raw"} <= set(data["memory"])
    assert data["memory"]["raw"]["hierarchical_memory_limit"] == 64 << 20
    assert data["pids"] == {"current": 1, "limit": 20}
    json.dumps(data)


def test_the_statistics_of_a_removed_cgroup_are_empty(place: Place) -> None:
    cgroup = place.made()
    cgroups.destroy(cgroup)
    assert cgroups.stats(cgroup)["pids"]["current"] == 0


def test_a_process_killed_because_memory_ran_out_is_counted_and_reported(place: Place) -> None:
    cgroup = place.made({"memory": {"limit": 8 << 20, "swap": 8 << 20}})
    assert cgroups.oom_killed(cgroup) == 0
    watch, event = oom_watch(cgroup)
    child = subprocess.Popen(
        [sys.executable, "-c", "input(); x = bytearray(1 << 28)"], stdin=subprocess.PIPE
    )
    place.children.append(child)
    cgroups.join(cgroup, child.pid)
    child.communicate(b"\n")
    assert child.returncode == -9
    poll = select.poll()
    poll.register(watch, event)
    assert poll.poll(5000)
    os.close(watch)
    wait_for(lambda: cgroups.oom_killed(cgroup) == 1)


# Without root


def as_nobody(place: Place, resources: dict[str, Any] | None) -> str:
    def create() -> object:
        os.setgid(65534)
        os.setuid(65534)
        cgroup = resolve(f"/{place.name}", "unused", place.layout, rootless=True)
        cgroups.prepare(cgroup)
        cgroups.create(cgroup, place.layout, compile(resources, place.layout))
        cgroups.device_rules(cgroup, None)
        return (cgroup.directories, cgroup.made, cgroups.open_directory(cgroup))

    return in_child(create)


def test_a_caller_without_root_needs_no_cgroup_if_the_config_has_no_limits(place: Place) -> None:
    assert as_nobody(place, {"pids": {"limit": -1}}) == "({}, [], -1)"


def test_a_caller_without_root_is_told_what_a_limit_needs(place: Place) -> None:
    result = as_nobody(place, {"pids": {"limit": 5}})
    assert "permission denied" in result
    assert "delegated" in result
