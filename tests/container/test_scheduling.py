"""CPU affinity, scheduling, IO priority and memory policy of a container's processes."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]
IOPRIO_GET = {"x86_64": 252, "aarch64": 31}[os.uname().machine]
CPUS = sorted(os.sched_getaffinity(0))


def started(hutch: Runtime, bundle: Bundle) -> int:
    """The pid on the host of a container that sleeps."""
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")
    pid: int = hutch.state("test")["pid"]
    return pid


def io_priority(pid: int) -> tuple[int, int]:
    """(class, level) of a process."""
    value = ctypes.CDLL(None).syscall(IOPRIO_GET, 1, pid)
    return value >> 13, value & 0x1FFF


@pytest.mark.parametrize(
    ("policy", "more", "nice"),
    [("SCHED_OTHER", {"nice": 5}, 5), ("SCHED_BATCH", {"nice": 7}, 7), ("SCHED_IDLE", {}, 0)],
)
def test_an_ordinary_policy_and_nice(
    hutch: Runtime, bundle: Bundle, policy: str, more: dict[str, Any], nice: int
) -> None:
    flags = ["SCHED_FLAG_RESET_ON_FORK"]
    bundle.config["process"]["scheduler"] = {"policy": policy, "flags": flags, **more}
    pid = started(hutch, bundle)
    assert os.sched_getscheduler(pid) == getattr(os, policy) | os.SCHED_RESET_ON_FORK
    assert os.getpriority(os.PRIO_PROCESS, pid) == nice


@pytest.mark.parametrize("policy", ["SCHED_FIFO", "SCHED_RR"])
def test_a_real_time_policy_or_the_reason_why_not(
    hutch: Runtime, bundle: Bundle, policy: str
) -> None:
    bundle.config["process"]["scheduler"] = {"policy": policy, "priority": 10}
    bundle.args("sleep", "1000")
    done = hutch("run", "--detach", "--bundle", str(bundle.path), "test", check=False)
    if done.code == 0:
        pid = hutch.state("test")["pid"]
        assert os.sched_getscheduler(pid) == getattr(os, policy)
        assert os.sched_getparam(pid).sched_priority == 10
    else:
        assert "process.scheduler: be scheduled by " + policy in done.err
        assert "operation not permitted" in done.err
        assert "realtimeRuntime" in done.err


def test_the_deadline_policy_even_where_a_hook_runs_before(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["process"]["scheduler"] = {
        "policy": "SCHED_DEADLINE", "runtime": 1_000_000, "deadline": 50_000_000,
        "period": 100_000_000, "flags": ["SCHED_FLAG_RESET_ON_FORK"],
    }  # fmt: skip
    bundle.config["hooks"] = {
        "startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo x > /tmp/hooked"]}]
    }
    bundle.config["root"]["readonly"] = False
    bundle.args("sleep", "1000")
    done = hutch("run", "--detach", "--bundle", str(bundle.path), "test", check=False)
    assert (bundle.rootfs / "tmp" / "hooked").exists()
    if done.code == 0:
        now = os.sched_getscheduler(hutch.state("test")["pid"])
        assert now == 6 | os.SCHED_RESET_ON_FORK
    else:
        assert "process.scheduler: be scheduled by SCHED_DEADLINE" in done.err
        assert "operation not permitted" in done.err or "device or resource busy" in done.err


def test_a_policy_that_no_kernel_has_is_an_error_that_says_so(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.config["process"]["scheduler"] = {"policy": "SCHED_ISO"}
    error = hutch.refuses("create", "--bundle", str(bundle.save().path), "test")
    assert "process.scheduler: be scheduled by SCHED_ISO: sched_setattr: invalid argument" in error
    assert "no kernel has SCHED_ISO" in error


@pytest.mark.parametrize(("kind", "number"), [("RT", 1), ("BE", 2), ("IDLE", 3)])
def test_an_io_priority_also_of_an_exec(
    hutch: Runtime, bundle: Bundle, kind: str, number: int
) -> None:
    bundle.config["process"]["ioPriority"] = {"class": f"IOPRIO_CLASS_{kind}", "priority": 3}
    pid = started(hutch, bundle)
    assert io_priority(pid) == (number, 3)
    pid_file = bundle.path / "pid"
    hutch("exec", "--detach", "--pid-file", str(pid_file), "test", "sleep", "1000")
    assert io_priority(int(pid_file.read_text())) == (number, 3)


def test_a_memory_policy_is_the_containers_also_for_an_exec(hutch: Runtime, bundle: Bundle) -> None:
    if not Path("/proc/self/numa_maps").exists():
        pytest.skip("the kernel is built without NUMA")
    bundle.config["linux"]["memoryPolicy"] = {
        "mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"],
    }  # fmt: skip
    pid = started(hutch, bundle)
    assert " bind=static:0 " in Path(f"/proc/{pid}/numa_maps").read_text()
    assert " bind=static:0 " in hutch("exec", "test", "cat", "/proc/self/numa_maps").out


def test_a_memory_policy_with_a_node_that_is_not_there(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["linux"]["memoryPolicy"] = {"mode": "MPOL_INTERLEAVE", "nodes": "1000"}
    error = hutch.refuses("create", "--bundle", str(bundle.save().path), "test")
    assert "linux.memoryPolicy: take memory by MPOL_INTERLEAVE of node 1000" in error
    assert "a node is not online" in error


def test_a_personality_is_the_containers_also_for_an_exec(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["linux"]["personality"] = {"domain": "LINUX32"}
    pid = started(hutch, bundle)
    assert int(Path(f"/proc/{pid}/personality").read_text(), 16) == 8
    assert hutch("exec", "test", "uname", "-m").out.strip() in ("i686", "armv8l")


def test_the_cpu_affinity_of_the_caller_does_not_apply_to_the_container(
    hutch: Runtime, bundle: Bundle
) -> None:
    os.sched_setaffinity(0, CPUS[:1])
    try:
        pid = started(hutch, bundle)
        allowed = hutch("exec", "test", "grep", "Cpus_allowed_list", "/proc/self/status").out
    finally:
        os.sched_setaffinity(0, CPUS)
    assert sorted(os.sched_getaffinity(pid)) == CPUS
    assert allowed.split()[1] != str(CPUS[0]) or len(CPUS) == 1


@pytest.mark.parametrize(
    ("affinity", "expected"),
    [
        ({"initial": str(CPUS[-1])}, CPUS[-1]),
        ({"final": str(CPUS[0])}, CPUS[0]),
        ({"initial": str(CPUS[0]), "final": str(CPUS[-1])}, CPUS[-1]),
    ],
)
def test_the_cpus_of_an_exec_and_only_of_an_exec(
    hutch: Runtime, bundle: Bundle, affinity: dict[str, str], expected: int
) -> None:
    bundle.config["process"]["execCPUAffinity"] = affinity
    pid = started(hutch, bundle)
    assert sorted(os.sched_getaffinity(pid)) == CPUS
    allowed = hutch("exec", "test", "grep", "Cpus_allowed_list", "/proc/self/status").out
    assert allowed.split()[1] == str(expected)


def test_cpus_that_are_not_there(hutch: Runtime, bundle: Bundle) -> None:
    for field in ("initial", "final"):
        bundle.config["process"]["execCPUAffinity"] = {field: "4000"}
        started(hutch, bundle)
        error = hutch.refuses("exec", "test", "true", code=255)
        assert f"process.execCPUAffinity.{field}: run on " in error
        assert "sched_setaffinity: invalid argument" in error
        hutch("delete", "--force", "test")
