"""kill, where ending the first process alone would not end the container, or is not possible."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Bundle, Runtime, alive, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def share_processes(config: dict[str, Any], path: str = "") -> None:
    """No pid namespace of the container's own: the host's, or that at ``path``."""
    namespaces = [n for n in config["linux"]["namespaces"] if n["type"] != "pid"]
    if path:
        namespaces.append({"type": "pid", "path": path})
    config["linux"]["namespaces"] = namespaces


def processes(hutch: Runtime, id: str) -> list[int]:
    pids: list[int] = json.loads(hutch("ps", "-f", "json", id).out)
    return pids


def run_two(hutch: Runtime, bundle: Bundle, script: str) -> tuple[int, int]:
    """A container of a shell and a sleeper: their pids."""
    bundle.change(lambda config: config["root"].update(readonly=False))
    bundle.sh(script + " touch /tmp/ready; wait")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually((bundle.rootfs / "tmp" / "ready").exists)
    first = hutch.state("test")["pid"]
    (other,) = set(processes(hutch, "test")) - {first}
    return first, other


@pytest.mark.parametrize("joined", [False, True], ids=["the-hosts", "joined"])
def test_kill_ends_all_processes_where_the_pid_namespace_is_shared(
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
    # The namespace's own processes are another container's.
    assert hutch.state("owner")["status"] == "running"


def test_kill_reaches_what_outlived_the_first_process(hutch: Runtime, bundle: Bundle) -> None:
    bundle.change(share_processes)
    bundle.change(lambda config: config["root"].update(readonly=False))
    bundle.sh("sleep 1000 & exit 0")
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    (pid,) = processes(hutch, "test")
    # As at a live one, other signals are for the first process.
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


def test_the_program_does_not_keep_the_handlers_of_the_wait(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.args("grep", "SigCgt", "/proc/self/status")
    done = hutch("run", "--bundle", str(bundle.path), "test")
    assert done.out == "SigCgt:\t0000000000000000\n"
