"""The clocks of a container: time namespaces and their offsets (time_namespaces(7))."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Outcome, Runtime, reachable

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]
DAY = 86400
OFFSETS = {"monotonic": {"secs": 3 * DAY, "nanosecs": 5}, "boottime": {"secs": 7 * DAY}}
CLOCKS = "cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets; readlink /proc/self/ns/time"


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def with_time(bundle: Bundle, *more: str, path: str = "") -> Bundle:
    entry = {"type": "time", **({"path": path} if path else {})}
    bundle.config["linux"]["namespaces"] += [entry, *({"type": kind} for kind in more)]
    if not path:
        bundle.config["linux"]["timeOffsets"] = OFFSETS
    return bundle.save()


def check_clocks(lines: list[str]) -> None:
    assert 0 <= uptime() + 7 * DAY - int(lines[0]) < 600
    assert [line.split() for line in lines[1:3]] == [
        ["monotonic", str(3 * DAY), "5"],
        ["boottime", str(7 * DAY), "0"],
    ]
    assert lines[3] != os.readlink("/proc/self/ns/time")


def test_a_container_has_its_own_clocks_and_so_has_an_exec(
    hutch: Runtime, run: Run, bundle: Bundle
) -> None:
    with_time(bundle)
    done = run(CLOCKS + "; echo $$")
    check_clocks(done.lines)
    assert done.lines[4] == "1"
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "sleeper")
    first = hutch.state("sleeper")["pid"]
    inside = hutch("exec", "sleeper", "sh", "-c", CLOCKS).out.splitlines()
    check_clocks(inside)
    assert inside[3] == os.readlink(f"/proc/{first}/ns/time")


def test_a_time_namespace_in_a_user_namespace(run: Run, bundle: Bundle) -> None:
    with_time(bundle, "user")
    for field in ("uidMappings", "gidMappings"):
        bundle.config["linux"][field] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    reachable(bundle.path)
    done = run(CLOCKS + "; id -u; cat /proc/self/uid_map")
    check_clocks(done.lines)
    assert done.lines[4].split() == ["0"]
    assert done.lines[5].split() == ["0", "100000", "1000"]


def test_a_time_namespace_is_joined_by_path(hutch: Runtime, run: Run, bundle: Bundle) -> None:
    with_time(bundle).args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "other")
    path = f"/proc/{hutch.state('other')['pid']}/ns/time"
    bundle.config["linux"]["namespaces"].pop()
    del bundle.config["linux"]["timeOffsets"]
    with_time(bundle.for_id("second"), path=path)
    done = run(CLOCKS)
    check_clocks(done.lines)
    assert done.lines[3] == os.readlink(path)


def test_a_time_namespace_without_offsets_and_a_container_without_one(
    run: Run, bundle: Bundle
) -> None:
    own = os.readlink("/proc/self/ns/time")
    assert run("readlink /proc/self/ns/time").out.strip() == own
    with_time(bundle)
    del bundle.config["linux"]["timeOffsets"]
    bundle.save()
    assert run("readlink /proc/self/ns/time").out.strip() != own


def test_a_clock_before_its_zero_is_an_error(hutch: Runtime, bundle: Bundle) -> None:
    with_time(bundle)
    bundle.config["linux"]["timeOffsets"] = {"boottime": {"secs": -(1 << 40)}}
    error = hutch.refuses("run", "--bundle", str(bundle.save().path), "test")
    assert "linux.timeOffsets: write boottime -1099511627776 0 to /proc/" in error
    assert "numerical result out of range (hint: no clock can be set before its zero" in error
