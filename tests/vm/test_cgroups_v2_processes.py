"""Processes in cgroups of a v2 host: joining, freezing, killing, devices, figures."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from hutch import cgroups
from hutch.cgroups import signal_all
from hutch.cgroups.oom import oom_watch
from hutch.errors import KernelError, StateError
from hutch.plan.cgroup_paths import Cgroup

from tests.support.cgroups import (
    ON_V2,
    STATISTICS,
    Place,
    clone_into,
    in_child,
    membership,
    nest_deep,
    opens,
    top_of,
    wait_for,
)

pytestmark = ON_V2
NOBODY = 65534


def leaf(cgroup: Cgroup) -> str:
    return cgroup.directories[""]


# Processes


def test_a_process_starts_in_the_cgroup_or_joins_it(place: Place) -> None:
    cgroup, pid = place.made(), place.process()
    directory = cgroups.open_directory(cgroup)
    path = f"/{place.name}/a"
    assert clone_into(directory, "cat", "/proc/self/cgroup") == "0::" + path
    os.close(directory)
    cgroups.join(cgroup, pid)
    assert membership(pid)[""] == path
    assert cgroups.processes(cgroup) == [pid]
    assert cgroups.join_descriptors(cgroup) == []


def test_with_a_limit_of_no_pids_a_process_can_join_but_not_start_there(place: Place) -> None:
    cgroup, pid = place.made({"pids": {"limit": 0}}), place.process()
    directory = cgroups.open_directory(cgroup)
    with pytest.raises(OSError, match="clone3"):
        clone_into(directory, "true")
    os.close(directory)
    cgroups.join(cgroup, pid)
    assert cgroups.processes(cgroup) == [pid]


def test_a_container_that_uses_its_cgroup_takes_others_beside_its_first_process(
    place: Place,
) -> None:
    cgroup, first, second = place.made(), place.process(), place.process()
    inner = Path(leaf(cgroup), "init.scope")
    inner.mkdir()
    (inner / "cgroup.procs").write_text(str(first))
    Path(leaf(cgroup), "cgroup.subtree_control").write_text("+memory")
    with pytest.raises(KernelError, match="enabled controllers for its children"):
        cgroups.join(cgroup, second)
    cgroups.join(cgroup, second, beside=first)
    assert membership(second)[""] == membership(first)[""]
    directory = cgroups.open_directory(cgroup, beside=first)
    assert clone_into(directory, "cat", "/proc/self/cgroup") == "0::" + membership(first)[""]
    os.close(directory)
    assert cgroups.processes(cgroup) == sorted([first, second])


def test_processes_of_threaded_cgroups_are_found_where_their_domain_is(place: Place) -> None:
    cgroup, pid = place.made(), place.process()
    cgroups.join(cgroup, pid)
    threaded = Path(leaf(cgroup), "threads")
    threaded.mkdir()
    (threaded / "cgroup.type").write_text("threaded")
    (threaded / "cgroup.threads").write_text(str(pid))
    assert cgroups.processes(cgroup) == [pid]
    cgroups.kill(cgroup, 9)
    assert place.ended(pid)
    cgroups.destroy(cgroup)


def test_the_containers_user_may_use_its_cgroup_but_not_its_limits(place: Place) -> None:
    cgroup = place.made({"memory": {"limit": 1 << 26}})
    cgroups.delegate(cgroup, NOBODY)
    owners = {entry.name: entry.stat().st_uid for entry in Path(leaf(cgroup)).iterdir()}
    handed = {name for name, uid in owners.items() if uid == NOBODY}
    listed = set(Path("/sys/kernel/cgroup/delegate").read_text().split())
    assert handed == listed & set(owners)
    assert {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} <= handed
    assert "memory.max" not in handed
    assert os.stat(leaf(cgroup)).st_uid == NOBODY


# Freezing and killing


def test_a_frozen_container_is_frozen_until_it_is_thawed(place: Place) -> None:
    cgroup, pid = place.made(), place.process("sh", "-c", "while :; do :; done")
    cgroups.join(cgroup, pid)
    assert not cgroups.is_frozen(cgroup)
    cgroups.freeze(cgroup)
    assert cgroups.is_frozen(cgroup)
    cgroups.freeze(cgroup)
    cgroups.thaw(cgroup)
    wait_for(lambda: not cgroups.is_frozen(cgroup))
    cgroups.destroy(place.cgroup("/other"))


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_s50_all_processes_are_killed_frozen_or_not(
    place: Place, at_once: bool, frozen: bool
) -> None:
    cgroup = place.made()
    pids = place.three_inside(cgroup, leaf(cgroup))
    if frozen:
        cgroups.freeze(cgroup)
    if at_once:
        cgroups.kill(cgroup, 9)
    else:
        signal_all._kill_each(cgroup)
    assert all(place.ended(pid) for pid in pids)
    cgroups.destroy(cgroup)
    assert top_of(cgroup, place.name) == []


def test_other_signals_reach_all_and_leave_a_frozen_container_frozen(place: Place) -> None:
    cgroup, pids = place.made(), [place.process(), place.process()]
    for pid in pids:
        cgroups.join(cgroup, pid)
    cgroups.freeze(cgroup)
    cgroups.kill(cgroup, 15)
    assert cgroups.is_frozen(cgroup)
    cgroups.thaw(cgroup)
    assert all(place.ended(pid) for pid in pids)


def test_s50_a_survivor_is_named_and_dying_ones_are_waited_for(place: Place) -> None:
    cgroup, pid = place.made(), place.process()
    cgroups.join(cgroup, pid)
    with pytest.raises(StateError, match=f"process {pid} did not end"):
        cgroups.destroy(cgroup, patience=0.2)
    cgroups.kill(cgroup, 9)
    cgroups.destroy(cgroup)
    assert top_of(cgroup, place.name) == []


def test_s50_cgroups_that_a_container_nested_beyond_any_path_are_removed(place: Place) -> None:
    cgroup = place.made()
    nest_deep(leaf(cgroup))
    cgroups.destroy(cgroup)
    assert top_of(cgroup, place.name) == []


# Devices


def test_device_rules_are_in_force_and_can_be_changed(place: Place) -> None:
    cgroup = place.made()
    deny = {"allow": False, "access": "rwm"}
    before = [deny, {"allow": False, "type": "c", "major": 1, "minor": 8}]
    after = [deny, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"}]

    def tries() -> list[str]:
        cgroups.join(cgroup, os.getpid())
        return [
            opens("/dev/null", os.O_RDWR),
            opens("/dev/random"),
            opens("/dev/kmsg", os.O_WRONLY),
        ]

    denied = "Operation not permitted"
    cgroups.device_rules(cgroup, before)
    assert in_child(tries) == str(["opened", denied, denied])
    cgroups.update_device_rules(cgroup, before, after)
    assert in_child(tries) == str(["opened", "opened", "opened"])


# Figures


def test_the_statistics_have_the_form_that_engines_read(place: Place) -> None:
    resources = {"memory": {"limit": 64 << 20, "swap": 96 << 20}, "pids": {"limit": 20}}
    cgroup = place.made(resources)
    cgroups.join(cgroup, place.process("sh", "-c", "while :; do :; done"))
    wait_for(lambda: cgroups.stats(cgroup)["cpu"]["usage"]["total"] > 0)
    data = cgroups.stats(cgroup)
    assert list(data) == STATISTICS
    assert {"total", "kernel", "user"} == set(data["cpu"]["usage"])
    assert data["memory"]["usage"]["limit"] == 64 << 20
    assert data["memory"]["swap"]["limit"] == 96 << 20
    assert {"anon", "file", "pgfault"} <= set(data["memory"]["raw"])
    assert data["pids"]["limit"] == 20
    assert data["cpuset"]["cpus"] == list(range(os.cpu_count() or 0))
    assert set(data["memory"]["psi"]) == {"some", "full"}
    json.dumps(data)


def test_the_statistics_of_a_removed_cgroup_are_empty(place: Place) -> None:
    cgroup = place.made()
    cgroups.destroy(cgroup)
    assert cgroups.stats(cgroup)["memory"]["usage"]["usage"] == 0
    assert cgroups.processes(cgroup) == []
    assert not cgroups.is_frozen(cgroup)
    cgroups.kill(cgroup, 9)
    cgroups.thaw(cgroup)


def test_a_process_killed_because_memory_ran_out_is_counted_and_reported(place: Place) -> None:
    cgroup = place.made({"memory": {"limit": 16 << 20, "swap": 16 << 20}})
    assert cgroups.oom_killed(cgroup) == 0
    watch, event = oom_watch(cgroup)
    os.read(watch, 4096)
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
