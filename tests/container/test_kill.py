"""The end of containers: kill with processes beside the first one, reports about the end, and when
an unfinished container counts as stopped."""

import fcntl
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Runtime, alive, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def share_processes(config: dict[str, Any], path: str = "") -> None:
    """Removes the container's pid namespace, or replaces it by the one at ``path``."""
    namespaces = [n for n in config["linux"]["namespaces"] if n["type"] != "pid"]
    if path:
        namespaces.append({"type": "pid", "path": path})
    config["linux"]["namespaces"] = namespaces


def processes(hutch: Runtime, id: str) -> list[int]:
    pids: list[int] = json.loads(hutch("ps", "-f", "json", id).out)
    return pids


def run_two(hutch: Runtime, bundle: Bundle, script: str) -> tuple[int, int]:
    """A container with a shell and a sleeping process. Returns their pids."""
    bundle.change(lambda config: config["root"].update(readonly=False))
    bundle.sh(script + " touch /tmp/ready; wait")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually((bundle.rootfs / "tmp" / "ready").exists)
    first = hutch.state("test")["pid"]
    (other,) = set(processes(hutch, "test")) - {first}
    return first, other


@pytest.mark.parametrize("joined", [False, True], ids=["the-hosts", "joined"])
def test_kill_ends_all_processes_if_the_pid_namespace_is_shared(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, joined: bool
) -> None:
    (tmp_path / "owner").mkdir()
    owner = Bundle(tmp_path / "owner" / "bundle").args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(owner.path), "owner")
    path = f"/proc/{hutch.state('owner')['pid']}/ns/pid" if joined else ""
    bundle.change(lambda config: share_processes(config, path))
    pids = run_two(hutch, bundle, "sleep 1000 &")
    hutch("kill", "test", "KILL")
    eventually(lambda: not any(alive(pid) for pid in pids))
    assert hutch.state("test")["status"] == "stopped"
    # The other processes of the namespace belong to another container.
    assert hutch.state("owner")["status"] == "running"


def test_kill_reaches_processes_that_outlived_the_first_one(hutch: Runtime, bundle: Bundle) -> None:
    bundle.change(share_processes)
    bundle.change(lambda config: config["root"].update(readonly=False))
    bundle.sh("sleep 1000 & exit 0")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    (pid,) = processes(hutch, "test")
    # Other signals are only for the first process, as in a container that runs.
    assert "container not running" in hutch.refuses("kill", "test", "TERM")
    assert alive(pid)
    hutch("kill", "test", "KILL")
    eventually(lambda: not alive(pid))
    eventually(lambda: not processes(hutch, "test"))
    assert "container not running" in hutch.refuses("kill", "test", "KILL")


def test_other_signals_are_for_the_first_process_alone(hutch: Runtime, bundle: Bundle) -> None:
    bundle.change(share_processes)
    first, other = run_two(hutch, bundle, "sleep 1000 & trap 'exit 3' TERM;")
    hutch("kill", "test", "TERM")
    eventually(lambda: not alive(first))
    assert alive(other)


@pytest.mark.parametrize("filtered", [False, True], ids=["free", "filtered"])
@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "ABRT", "TERM"])
def test_a_created_container_ends_by_the_signals_that_end_a_process(
    hutch: Runtime, bundle: Bundle, name: str, filtered: bool
) -> None:
    if filtered:
        calls = ["rt_sigaction", "rt_sigreturn", "exit", "exit_group"]
        bundle.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": calls, "action": "SCMP_ACT_ERRNO"}],
        }
    bundle.save()
    hutch("create", "--bundle", str(bundle.path), "test")
    hutch("kill", "test", "USR1")
    assert hutch.state("test")["status"] == "created"
    hutch("kill", "test", name)
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    assert "has stopped" in hutch.refuses("start", "test")


def test_the_program_does_not_keep_the_handlers_of_the_wait(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("grep", "SigCgt", "/proc/self/status")
    done = hutch("run", "--bundle", str(bundle.path), "test")
    assert done.out == "SigCgt:\t0000000000000000\n"


# "creating"


def test_state_says_creating_only_while_the_container_is_being_made(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    # It ends with the runtime: its standard input does.
    script = f"cat > /dev/null; touch {ready}; while kill -0 $PPID; do sleep 0.01; done"
    bundle.hook("createRuntime", script)
    words = [hutch.command, "--root", str(hutch.root)]
    words += ["create", "--bundle", str(bundle.path), "test"]
    making = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        eventually(ready.exists)
        assert hutch.state("test")["status"] == "creating"
    finally:
        making.kill()
        making.wait()
    # Like another verb, or a second `state`, which holds the lock for a moment.
    with Locked(hutch.root / "test"):
        assert hutch.state("test")["status"] == "stopped"
    hutch("delete", "--force", "test")


class Locked:
    """A context manager that holds the lock of a container's directory."""

    def __init__(self, directory: Path) -> None:
        self._fd = os.open(directory, os.O_RDONLY)

    def __enter__(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


# Reports about the end


LIMITED = {"limit": 8 << 20, "swap": 8 << 20}
HOG = "dd if=/dev/zero of=/dev/null bs=100M"
MEMORY = "config.json: linux.resources.memory.limit = 8388608: the kernel killed a process of the"


@pytest.mark.parametrize("script", [f"exec {HOG}", HOG, f"{HOG}; exit $?"])
def test_run_reports_an_end_because_memory_ran_out(
    hutch: Runtime, bundle: Bundle, script: str
) -> None:
    bundle.config["linux"]["resources"]["memory"] = LIMITED
    bundle.sh(script)
    done = hutch("run", "--bundle", str(bundle.path), "test", check=False)
    assert done.code == 137
    assert MEMORY in done.err
    assert hutch.ids() in ([], [".filters"])


def test_a_memory_limit_too_small_for_the_start_is_told_with_the_need(
    hutch: Runtime, bundle: Bundle
) -> None:
    memory: dict[str, Any] = {"limit": 4096, "swap": 4096}
    bundle.config["linux"]["resources"]["memory"] = memory
    bundle.save()
    words = ("create", "--bundle", str(bundle.path), "test")
    done = hutch("--log-format", "json", *words, check=False)
    assert done.code == 1
    told = json.loads(done.err.splitlines()[-1])
    assert (told["pointer"], told["value"]) == ("linux.resources.memory.limit", 4096)
    assert f"takes up to {told['need']}, and its program needs more" in told["hint"]
    # The control: with as much, it is created.
    memory["limit"] = memory["swap"] = told["need"]
    bundle.save()
    hutch(*words)
    hutch("delete", "--force", "test")


@pytest.mark.parametrize("script", ["exit 137", "exit 159", "sleep 99 & kill -9 $!; wait $!"])
def test_run_reports_nothing_about_an_end_that_the_kernel_did_not_cause(
    hutch: Runtime, bundle: Bundle, script: str
) -> None:
    bundle.config["linux"]["resources"]["memory"] = LIMITED
    bundle.config["linux"]["seccomp"] = KILLS_MKNOD
    bundle.sh(script)
    done = hutch("run", "--bundle", str(bundle.path), "test", check=False)
    assert done.code in (137, 159)
    assert "hutch:" not in done.err


def test_run_reports_nothing_about_a_container_that_is_killed(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.config["linux"]["resources"]["memory"] = LIMITED
    bundle.args("sleep", "1000")
    words = [hutch.command, "--root", str(hutch.root)]
    words += ["run", "--bundle", str(bundle.path), "test"]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
        eventually(lambda: hutch("state", "test", check=False).out.count('"running"'))
        hutch("kill", "test", "KILL")
        assert running.communicate(timeout=60)[1] == b""
    assert running.returncode == 137


KILLS_MKNOD = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mknod", "mknodat"], "action": "SCMP_ACT_KILL_PROCESS"}],
}


def test_run_reports_an_end_by_the_filter(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["root"]["readonly"] = False
    bundle.args("mkfifo", "/tmp/fifo")
    assert hutch("run", "--bundle", str(bundle.path), "test").err == ""
    bundle.config["linux"]["seccomp"] = KILLS_MKNOD
    bundle.args("mkfifo", "/tmp/other")
    done = hutch("run", "--bundle", str(bundle.path), "test", check=False)
    assert done.code == 159
    assert "config.json: linux.seccomp: the kernel killed the container's program" in done.err
