"""The systemd cgroup driver, on cgroup v2, with root's manager."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Runtime, eventually
from tests.support.systemd import SLICE, shown, systemctl, units

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.systemd]

TOP = Path("/sys/fs/cgroup")
DIRECTORY = TOP / SLICE


def value(unit: str, file: str) -> str:
    return (DIRECTORY / unit / file).read_text().strip()


def limited(config: dict[str, Any]) -> None:
    kmsg = {"destination": "/dev/kmsg", "type": "bind", "source": "/dev/kmsg", "options": ["bind"]}
    config["mounts"].append(kmsg)
    config["linux"]["resources"] = {
        "memory": {"limit": 64 << 20, "swap": 96 << 20, "reservation": 32 << 20},
        "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "burst": 10000, "cpus": "0"},
        "pids": {"limit": 20},
        "blockIO": {"weight": 500},
        "unified": {"memory.high": str(60 << 20), "cgroup.max.depth": "7"},
        "devices": [
            {"allow": False, "access": "rwm"},
            {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
        ],
    }


def test_a_container_is_a_scope_with_its_limits(
    systemd: Runtime, bundle: Bundle, no_traces: None
) -> None:
    bundle.change(limited)
    systemd("run", "--detach", "--bundle", str(bundle.path), "web")
    unit = "hutch-web.scope"
    pid = systemd.state("web")["pid"]
    assert Path(f"/proc/{pid}/cgroup").read_text() == f"0::/{SLICE}/{unit}\n"
    assert shown(
        unit, "ActiveState", "Slice", "Delegate", "Transient", "MemoryMax", "MemoryHigh",
        "MemoryLow", "MemorySwapMax", "CPUQuotaPerSecUSec", "CPUWeight", "TasksMax", "AllowedCPUs",
        "DevicePolicy", "Description", "IOWeight",
    ) == {
        "ActiveState": "active",
        "Slice": SLICE,
        "Delegate": "yes",
        "Transient": "yes",
        "MemoryMax": str(64 << 20),
        "MemoryHigh": str(60 << 20),
        "MemoryLow": str(32 << 20),
        "MemorySwapMax": str(32 << 20),
        "CPUQuotaPerSecUSec": "500ms",
        "CPUWeight": "100",
        "TasksMax": "20",
        "AllowedCPUs": "0",
        "DevicePolicy": "strict",
        "Description": "container hutch-web",
        "IOWeight": "4950",
    }  # fmt: skip
    expected = {
        "memory.max": str(64 << 20),
        "memory.swap.max": str(32 << 20),
        "cpu.max": "50000 100000",
        "cpu.max.burst": "10000",
        "cpuset.cpus": "0",
        "pids.max": "20",
        "cgroup.max.depth": "7",
    }
    assert {file: value(unit, file) for file in expected} == expected
    # What systemd writes anew when it reloads is what it was told.
    systemctl("daemon-reload")
    assert {file: value(unit, file) for file in expected} == expected
    words = ("sh", "-c", "echo x >/dev/null && echo written; cat /dev/kmsg 2>&1")
    said = systemd("exec", "web", *words, check=False).out
    assert said == "written\ncat: can't open '/dev/kmsg': Operation not permitted\n"
    (process,) = json.loads(systemd("ps", "--format", "json", "web").out)
    assert process == pid
    systemd("delete", "--force", "web")
    assert not (DIRECTORY / unit).exists()


def test_s52_delete_force_finds_the_scope_of_a_damaged_state(
    systemd: Runtime, bundle: Bundle, no_traces: None
) -> None:
    systemd("run", "--detach", "--bundle", str(bundle.path), "web")
    pid = systemd.state("web")["pid"]
    (systemd.root / "web" / "state.json").write_bytes(b"{")
    systemd("delete", "--force", "web")
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert units() == []


def test_a_life_in_systemd(systemd: Runtime, bundle: Bundle, no_traces: None) -> None:
    """create, start, exec, pause, update, events, resume, kill, delete."""
    unit = "hutch-web.scope"
    systemd("create", "--bundle", str(bundle.path), "web")
    assert shown(unit, "ActiveState") == {"ActiveState": "active"}
    assert value(unit, "cgroup.procs") == str(systemd.state("web")["pid"])
    systemd("start", "web")
    systemd("exec", "--detach", "web", "sleep", "1001")
    assert len(value(unit, "cgroup.procs").split()) == 2
    systemd("pause", "web")
    assert systemd.state("web")["status"] == "paused"
    assert "frozen 1" in value(unit, "cgroup.events")
    systemd("update", "--memory", str(48 << 20), "--pids-limit", "33", "web")
    assert "frozen 1" in value(unit, "cgroup.events")
    assert value(unit, "memory.max") == str(48 << 20)
    assert shown(unit, "MemoryMax", "TasksMax") == {
        "MemoryMax": str(48 << 20),
        "TasksMax": "33",
    }
    stats = json.loads(systemd("events", "--stats", "web").out)["data"]
    assert stats["pids"]["current"] == 2
    systemd("resume", "web")
    assert systemd.state("web")["status"] == "running"
    systemd("kill", "web", "KILL")
    eventually(lambda: systemd.state("web")["status"] == "stopped")
    systemd("delete", "web")
    assert units() == []
    assert not (DIRECTORY / unit).exists()


def test_a_container_may_have_cgroups_of_its_own(
    systemd: Runtime, bundle: Bundle, no_traces: None
) -> None:
    def change(config: dict[str, Any]) -> None:
        config["linux"]["namespaces"].append({"type": "cgroup"})
        config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/sys/fs/cgroup"]
        config["mounts"].append(
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}
        )

    bundle.change(change).sh(
        "cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && "
        "echo +memory >cgroup.subtree_control && mkdir inner && exec sleep 1000"
    )
    systemd("run", "--detach", "--bundle", str(bundle.path), "web")
    inner = DIRECTORY / "hutch-web.scope" / "inner"
    eventually(inner.exists)
    # systemd, which delegated the scope, lets it be.
    systemctl("daemon-reload")
    assert (inner / "memory.max").read_text() == "max\n"
    assert systemd("exec", "web", "cat", "/proc/self/cgroup").out == "0::/init\n"
    systemd("delete", "--force", "web")
    assert not inner.parent.exists()


def test_a_name_that_is_taken_is_an_error(
    systemd: Runtime, bundle: Bundle, no_traces: None
) -> None:
    bundle.change(lambda c: c["linux"].update(cgroupsPath=f"{SLICE}:hutch:same"))
    systemd("run", "--detach", "--bundle", str(bundle.path), "one")
    message = systemd.refuses("run", "--bundle", str(bundle.path), "two")
    assert "hutch-same.scope" in message
    assert systemd.ids() == ["one"]
    assert shown("hutch-same.scope", "ActiveState") == {"ActiveState": "active"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/hutch/web", "slice:prefix:name"),
        ("nothing:p:n", "names no slice"),
        ("system.slice:p:a b", "does not take"),
    ],
)
def test_a_path_of_another_form_is_refused(
    systemd: Runtime, bundle: Bundle, path: str, words: str
) -> None:
    bundle.change(lambda c: c["linux"].update(cgroupsPath=path))
    message = systemd.refuses("create", "--bundle", str(bundle.path), "web")
    assert "linux.cgroupsPath" in message
    assert words in message
    assert systemd.ids() == []


def test_what_the_kernel_refuses_leaves_no_unit(
    systemd: Runtime, bundle: Bundle, no_traces: None
) -> None:
    bundle.change(lambda c: c["linux"].update(resources={"unified": {"memory.max": "lots"}}))
    message = systemd.refuses("create", "--bundle", str(bundle.path), "web")
    assert 'linux.resources.unified["memory.max"]' in message
    bundle.change(lambda c: c["linux"].update(resources={})).args("/no/such/program")
    systemd.refuses("create", "--bundle", str(bundle.path), "web")
    assert systemd.ids() == []
    assert units() == []


def test_s42_annotations_set_harmless_properties_only(
    systemd: Runtime, bundle: Bundle, no_traces: None
) -> None:
    prefix = "org.systemd.property."
    bundle.change(lambda c: c.update(annotations={prefix + "TimeoutStopSec": "uint64 7"}))
    systemd("run", "--detach", "--bundle", str(bundle.path), "web")
    assert shown("hutch-web.scope", "TimeoutStopUSec") == {"TimeoutStopUSec": "7s"}
    bundle.change(lambda c: c.update(annotations={prefix + "ExecStopPost": "'/bin/false'"}))
    message = systemd.refuses("create", "--bundle", str(bundle.path), "other")
    assert "ExecStopPost" in message
    assert systemd.ids() == ["web"]


def test_a_create_that_is_killed_can_be_undone(
    systemd: Runtime, bundle: Bundle, no_traces: None
) -> None:
    """The keeper of the scope ends with the runtime, so not even the scope is left."""
    hook = bundle.path / "hook"
    hook.write_text(f"#!/bin/sh\necho $PPID >{bundle.path}/pid\nsleep 1000\n")
    hook.chmod(0o755)
    bundle.change(lambda c: c.update(hooks={"createRuntime": [{"path": str(hook)}]}))
    words = [systemd.command, "--systemd-cgroup", "--root", str(systemd.root), "create"]
    process = subprocess.Popen([*words, "--bundle", str(bundle.path), "web"])
    eventually((bundle.path / "pid").exists)
    eventually((bundle.path / "pid").read_text)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    systemd("delete", "--force", "web")
    assert systemd.ids() == []
    assert units() == []
    assert not (DIRECTORY / "hutch-web.scope").exists()


def test_explain_names_the_scope(systemd: Runtime, bundle: Bundle) -> None:
    rows = json.loads(systemd("explain", "--format", "json", "--id", "web", str(bundle.path)).out)
    does = [row["does"] for row in rows if row["call"] == "StartTransientUnit"]
    assert does == [f"have systemd start the scope hutch-web.scope in {SLICE}"]


def test_a_slice_in_a_slice(systemd: Runtime, bundle: Bundle, no_traces: None) -> None:
    bundle.change(lambda c: c["linux"].update(cgroupsPath="hutchtest-inner.slice::hutch-x"))
    systemd("run", "--detach", "--bundle", str(bundle.path), "web")
    pid = systemd.state("web")["pid"]
    expected = f"0::/{SLICE}/hutchtest-inner.slice/hutch-x.scope\n"
    assert Path(f"/proc/{pid}/cgroup").read_text() == expected
    systemd("delete", "--force", "web")
