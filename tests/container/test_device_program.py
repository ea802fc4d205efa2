"""The device program on the real kernel.

It needs only a cgroup2 tree, with or without controllers, so it runs on hybrid hosts too.
"""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hutch.cgroups import v2
from hutch.errors import KernelError
from hutch.kernel.bpf import attach_devices
from hutch.plan.cgroup_paths import Cgroup
from hutch.plan.device_program import device_program
from hutch.plan.device_rules import effective
from hypothesis import HealthCheck, given, settings

from tests.support.cgroups import Place, in_child
from tests.support.device_cases import RULES, SAMPLES, allowed

pytestmark = [pytest.mark.no_runtime, pytest.mark.root]

DENY_ALL = {"allow": False, "access": "rwm"}
# The kernel never asks for 0:0: no device has that number, and overlayfs's whiteouts have it.
NODES = [sample for sample in SAMPLES if sample[1:] != (0, 0)]
MODES = {"b": stat.S_IFBLK, "c": stat.S_IFCHR}


@pytest.fixture
def cgroup(place: Place) -> Cgroup:
    """A cgroup that is only in the cgroup2 tree."""
    if not place.layout.unified:
        pytest.skip("no cgroup2 tree is mounted")
    directory = f"{place.layout.unified}/{place.name}"
    os.mkdir(directory)
    cgroup = Cgroup("v2", {"": directory}, [directory])
    place.cgroups.append(cgroup)
    return cgroup


def node(folder: Path, kind: str, major: int, minor: int) -> Path:
    return folder / f"{kind}{major}:{minor}"


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    """A folder with a node for every sample. access(2) asks the program without opening them."""
    for sample in NODES:
        kind, major, minor = sample
        os.mknod(node(tmp_path, *sample), MODES[kind] | 0o600, os.makedev(major, minor))
    return tmp_path


def granted(cgroup: Cgroup, nodes: Path) -> str:
    """One digit for each sample: the bits (mknod 1, read 2, write 4) of the allowed accesses."""

    def tries() -> str:
        v2.join(cgroup, os.getpid())
        found = ""
        for kind, major, minor in NODES:
            path = node(nodes, kind, major, minor)
            bits = 0
            try:
                os.mknod(nodes / "new", MODES[kind], os.makedev(major, minor))
                os.unlink(nodes / "new")
                bits |= 1
            except PermissionError:
                pass
            bits |= 2 if os.access(path, os.R_OK) else 0
            bits |= 4 if os.access(path, os.W_OK) else 0
            both = os.access(path, os.R_OK | os.W_OK)
            assert both == (bits & 6 == 6)
            found += str(bits)
        return found

    return in_child(tries)


def expected(devices: list[dict[str, Any]]) -> str:
    rules = effective(devices)
    return "".join(
        str(sum(bit for bit in (1, 2, 4) if allowed(rules, *sample, bit))) for sample in NODES
    )


def put(cgroup: Cgroup, devices: list[dict[str, Any]]) -> None:
    v2.set_device_program(cgroup, device_program(effective(devices)), "test")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(devices=RULES)
def test_the_kernel_allows_what_the_rules_say(
    cgroup: Cgroup, nodes: Path, devices: list[dict[str, Any]]
) -> None:
    put(cgroup, devices)
    assert granted(cgroup, nodes) == expected(devices)


def test_many_rules_are_accepted_by_the_verifier(cgroup: Cgroup) -> None:
    rules = [
        {
            "allow": i % 3 > 0,
            "type": "bc"[i % 2],
            "major": i,
            "minor": i,
            "access": "rwm"[: i % 3 + 1],
        }
        for i in range(400)
    ]
    put(cgroup, [DENY_ALL, *rules])


def test_an_update_replaces_the_program(cgroup: Cgroup, nodes: Path) -> None:
    narrow = [DENY_ALL]
    wide = [DENY_ALL, {"allow": True, "type": "b", "major": 8}]
    for devices in (narrow, wide, narrow, wide):
        put(cgroup, devices)
        assert granted(cgroup, nodes) == expected(devices)
    put(cgroup, [{"allow": True}])
    assert set(granted(cgroup, nodes)) == {"7"}


def test_a_program_of_a_parent_holds_too(cgroup: Cgroup, nodes: Path) -> None:
    inner = Cgroup("v2", {"": cgroup.directories[""] + "/inner"}, [])
    os.mkdir(inner.directories[""])
    put(cgroup, [DENY_ALL])
    put(inner, [DENY_ALL, {"allow": True, "type": "b", "major": 8}])
    assert granted(inner, nodes) == expected([DENY_ALL])
    put(inner, [{"allow": True}])
    assert granted(inner, nodes) == expected([DENY_ALL])


def test_the_error_has_the_messages_of_the_verifier(cgroup: Cgroup) -> None:
    directory = os.open(cgroup.directories[""], os.O_RDONLY)
    leaves_r0_unset = b"\x95" + bytes(7)
    with pytest.raises(KernelError, match="R0 !read_ok") as caught:
        attach_devices(directory, leaves_r0_unset, "linux.resources.devices")
    assert caught.value.pointer == "linux.resources.devices"
    os.close(directory)


def test_a_removed_cgroup_is_an_error_without_a_traceback(cgroup: Cgroup) -> None:
    os.rmdir(cgroup.directories[""])
    with pytest.raises(KernelError, match="no such file"):
        put(cgroup, [DENY_ALL])
