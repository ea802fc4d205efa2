"""The systemd cgroup driver where systemd runs on cgroup v1: with a cgroup2 tree beside it, and
with none at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from hutch.cgroups import layout

from tests.support.containers import Bundle, Runtime, eventually
from tests.support.systemd import SLICE, shown, systemctl, units

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.v1]

TOP = Path("/sys/fs/cgroup")
UNIT = "hutch-web.scope"


def limited(config: dict[str, Any]) -> None:
    config["linux"]["resources"] = {
        "memory": {"limit": 64 << 20},
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0"},
        "pids": {"limit": 20},
        "devices": [{"allow": False, "access": "rwm"}],
    }


def value(controller: str, file: str) -> str:
    return (TOP / controller / SLICE / UNIT / file).read_text().strip()


def test_the_layout_of_this_host_is_known() -> None:
    kernel = Path("/proc/cmdline").read_text()
    pure = "systemd.legacy_systemd_cgroup_controller=1" in kernel
    assert layout.read().mode == ("v1" if pure else "hybrid")


def test_a_life_in_systemd_on_v1(systemd: Runtime, bundle: Bundle, no_traces: None) -> None:
    bundle.change(limited)
    systemd("create", "--bundle", str(bundle.path), "web")
    systemd("start", "web")
    pid = systemd.state("web")["pid"]
    paths = {line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()}
    assert paths == {f"/{SLICE}/{UNIT}"}
    expected = {
        ("memory", "memory.limit_in_bytes"): str(64 << 20),
        ("cpu", "cpu.shares"): "512",
        ("cpu", "cpu.cfs_quota_us"): "50000",
        ("cpuset", "cpuset.cpus"): "0",
        ("pids", "pids.max"): "20",
    }

    def found() -> dict[tuple[str, str], str]:
        return {place: value(*place) for place in expected}

    assert found() == expected
    devices = set(value("devices", "devices.list").splitlines())
    assert "c 1:3 rwm" in devices
    assert "a *:* rwm" not in devices
    assert shown(UNIT, "Delegate", "TasksMax", "CPUShares", "DevicePolicy") == {
        "Delegate": "yes",
        "TasksMax": "20",
        "CPUShares": "512",
        "DevicePolicy": "strict",
    }
    systemctl("daemon-reload")
    assert found() == expected
    assert set(value("devices", "devices.list").splitlines()) == devices
    systemd("exec", "--detach", "web", "sleep", "1001")
    assert len(json.loads(systemd("ps", "--format", "json", "web").out)) == 2
    systemd("pause", "web")
    assert value("freezer", "freezer.state") == "FROZEN"
    systemd("update", "--memory", str(48 << 20), "web")
    assert value("memory", "memory.limit_in_bytes") == str(48 << 20)
    systemd("resume", "web")
    assert json.loads(systemd("events", "--stats", "web").out)["data"]["pids"]["current"] == 2
    systemd("kill", "web", "KILL")
    eventually(lambda: systemd.state("web")["status"] == "stopped")
    systemd("delete", "web")
    assert units() == []
    assert list(TOP.glob(f"*/{SLICE}/{UNIT}")) == []


def test_a_frozen_container_is_deleted(systemd: Runtime, bundle: Bundle, no_traces: None) -> None:
    systemd("run", "--detach", "--bundle", str(bundle.path), "web")
    systemd("pause", "web")
    systemd("delete", "--force", "web")
    assert units() == []
    assert list(TOP.glob(f"*/{SLICE}/{UNIT}")) == []


def test_what_the_kernel_refuses_leaves_nothing(
    systemd: Runtime, bundle: Bundle, no_traces: None
) -> None:
    bundle.change(lambda c: c["linux"].update(resources={"cpu": {"cpus": "4000"}}))
    message = systemd.refuses("create", "--bundle", str(bundle.path), "web")
    assert "linux.resources.cpu.cpus" in message
    assert units() == []
    assert list(TOP.glob(f"*/{SLICE}/{UNIT}")) == []
