"""The default config beside the one that runc writes on this machine."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hutch.spec.default import default_config, masked_paths
from hutch.spec.json import decode, pretty

# Each way in which ours differs, and why.
REASONS = {
    "ociVersion": "the version of the specification that this runtime carries out",
    "process.capabilities.ambient": "S-06: an ambient capability outlives the change to a user",
    "process.capabilities.inheritable": "S-06: the same by way of file capabilities",
    "hostname": "the runtime's own name",
    "linux.maskedPaths": "S-36: the list of today's engines",
}

with_runc = pytest.mark.skipif(not shutil.which("runc"), reason="runc is not installed")


def runc_spec(folder: Path, *flags: str) -> bytes:
    subprocess.run(["runc", "spec", *flags], cwd=folder, check=True)
    return (folder / "config.json").read_bytes()


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The values by pointer; a list that may differ is one value."""
    if isinstance(value, dict) and value:
        return {
            pointer: leaf
            for name, item in value.items()
            for pointer, leaf in leaves(item, f"{path}.{name}" if path else name).items()
        }
    return {path: value}


@with_runc
@pytest.mark.parametrize("flags", [(), ("--rootless",)], ids=["root", "rootless"])
def test_every_difference_from_runc_has_a_reason(tmp_path: Path, flags: tuple[str, ...]) -> None:
    theirs = leaves(decode(runc_spec(tmp_path, *flags), "config.json"))
    ours = leaves(default_config(bool(flags), cgroup_v2=is_cgroup_v2()))
    different = {
        pointer
        for pointer in theirs.keys() | ours.keys()
        if theirs.get(pointer) != ours.get(pointer)
    }
    assert different <= REASONS.keys()
    assert set(theirs["linux.maskedPaths"]) < set(ours["linux.maskedPaths"])


def is_cgroup_v2() -> bool:
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


@with_runc
def test_the_form_is_that_of_runc(tmp_path: Path) -> None:
    text = runc_spec(tmp_path)
    assert pretty(decode(text, "config.json"), "\t").encode() == text.rstrip(b"\n")


def test_s06_no_capability_is_inheritable_or_ambient() -> None:
    for rootless in (False, True):
        sets = default_config(rootless)["process"]["capabilities"]
        assert set(sets) == {"bounding", "effective", "permitted"}


def test_s36_files_that_describe_the_host_are_masked() -> None:
    config = default_config()
    assert config["linux"]["maskedPaths"] == [
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
    ]
    assert config["linux"]["readonlyPaths"] == [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ]


def test_s36_the_thermal_events_of_each_cpu_are_masked() -> None:
    assert masked_paths(2)[-2:] == [
        "/sys/devices/system/cpu/cpu0/thermal_throttle",
        "/sys/devices/system/cpu/cpu1/thermal_throttle",
    ]


def test_a_rootless_config_maps_the_caller_to_root() -> None:
    linux = default_config(True, uid=1000, gid=100)["linux"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": 100, "size": 1}]
    assert "resources" not in linux


def test_on_cgroup_v2_alone_there_is_a_cgroup_namespace() -> None:
    for rootless in (False, True):
        kinds = [n["type"] for n in default_config(rootless, True)["linux"]["namespaces"]]
        assert kinds[-1] == "cgroup"
        assert "cgroup" not in [n["type"] for n in default_config(rootless)["linux"]["namespaces"]]


def test_a_default_config_is_the_callers_to_change() -> None:
    default_config()["linux"]["maskedPaths"].clear()
    default_config()["process"]["capabilities"]["bounding"].clear()
    assert default_config()["linux"]["maskedPaths"]
    assert default_config()["process"]["capabilities"]["bounding"]
