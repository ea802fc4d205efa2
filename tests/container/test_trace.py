"""--trace: every step of the runtime and of hutch-init with its time, as trace events."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Runtime

pytestmark = pytest.mark.root


def events(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["traceEvents"]
    return found


def test_create_is_traced_up_to_the_barrier(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    hutch("--trace", str(file), "create", "--bundle", str(bundle.path), "test")
    names = [event["name"] for event in events(file) if event["ph"] == "X"]
    assert "compile the plan" in names
    assert "change the root to the rootfs by pivot_root" in names
    assert "execute true" not in names


def test_run_is_traced_with_both_lanes_on_one_clock(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "trace.json"
    hutch("--trace", str(file), "run", "--bundle", str(bundle.path), "test")
    complete = [event for event in events(file) if event["ph"] == "X"]
    assert {event["tid"] for event in complete} == {1, 2}
    assert all(event["dur"] >= 0 for event in complete)
    steps = {event["name"]: event for event in complete if event["tid"] == 1}
    spawn = steps["start hutch-init"]["ts"]
    end = steps["delete the container"]["ts"]
    inside = [event for event in complete if event["tid"] == 2]
    assert all(spawn <= event["ts"] <= end for event in inside)
    assert inside == sorted(inside, key=lambda event: event["ts"])


def test_each_operation_names_the_field_it_comes_from(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "trace.json"
    hutch("--trace", str(file), "run", "--bundle", str(bundle.path), "test")
    inside = [event for event in events(file) if event["tid"] == 2 and event["ph"] == "X"]
    assert any(event["args"]["from"] == "mounts[0]" for event in inside)
    assert all(event["args"]["call"] for event in inside)


def test_exec_is_traced(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    bundle.args("sleep", "100")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")
    hutch("--trace", str(file), "exec", "test", "true")
    names = [event["name"] for event in events(file) if event["ph"] == "X"]
    assert any(name.startswith("join the") for name in names)


def test_a_create_that_fails_is_traced_too(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    bundle.args("/bin/nowhere")
    done = hutch("--trace", str(file), "create", "--bundle", str(bundle.path), "test", check=False)
    assert done.code == 1
    assert any(event["name"].startswith("mount proc") for event in events(file))


def test_start_explains_a_failure_of_a_traced_create(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    # The number of the operation is that in the plan of create, which includes the trace.
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ERRNO"}],
    }
    bundle.save()
    trace = ("--trace", str(tmp_path / "trace.json"))
    hutch(*trace, "create", "--bundle", str(bundle.path), "test")
    done = hutch("start", "test")
    assert "process.args: execute true: execve: operation not permitted" in done.err


def test_s87_a_trace_that_cannot_be_written_is_an_error_before_anything_is_done(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    nowhere = str(tmp_path / "none" / "trace.json")
    done = hutch("--trace", nowhere, "create", "--bundle", str(bundle.path), "test", check=False)
    assert done.code == 1
    assert "open the trace " + nowhere in done.err
    assert hutch.ids() == []
