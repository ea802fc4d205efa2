"""linux.seccomp.listenerPath: the filter's listener reaches the agent before the program runs."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hutch.spec.seccomp import FLAGS

from tests.support.containers import Bundle, Runtime

pytestmark = pytest.mark.root


class Agent:
    """Listens, and saves the message that it receives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.listener.settimeout(30)
        self.message: dict[str, Any] = {}
        self.kind = ""
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self.listener.accept()
            with connection:
                data, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 1)
                self.message = json.loads(data)
                self.kind = os.readlink(f"/proc/self/fd/{descriptors[0]}")
                for fd in descriptors:
                    os.close(fd)

    def close(self) -> None:
        self.thread.join(30)
        self.listener.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    started = Agent(tmp_path / "agent.sock")
    yield started
    started.listener.shutdown(socket.SHUT_RDWR)
    started.close()


def notify(bundle: Bundle, path: Path) -> None:
    """getcwd is a call for the agent; `true` does not make it."""
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": str(path),
        "listenerMetadata": "some words",
        "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_NOTIFY"}],
    }
    bundle.save()


@pytest.mark.parametrize("verbs", [("run",), ("create", "start")], ids=["run", "create, start"])
def test_the_agent_gets_the_listener_and_the_state(
    hutch: Runtime, bundle: Bundle, agent: Agent, verbs: tuple[str, ...]
) -> None:
    notify(bundle, agent.path)
    hutch(verbs[0], "--bundle", str(bundle.path), "test")
    for verb in verbs[1:]:
        hutch(verb, "test")
    agent.thread.join(30)
    assert agent.kind == "anon_inode:seccomp notify"
    assert agent.message["fds"] == ["seccompFd"]
    assert agent.message["metadata"] == "some words"
    assert agent.message["pid"] == agent.message["state"]["pid"] > 1
    assert agent.message["state"]["id"] == "test"


def test_all_flags_go_with_a_listener(hutch: Runtime, bundle: Bundle, agent: Agent) -> None:
    notify(bundle, agent.path)
    bundle.config["linux"]["seccomp"]["flags"] = sorted(FLAGS)
    hutch("run", "--bundle", str(bundle.save().path), "test")
    agent.thread.join(30)
    assert agent.kind == "anon_inode:seccomp notify"


def test_exec_hands_its_own_listener_over(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    notify(bundle.args("sleep", "100"), path)
    first = Agent(path)
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")
    first.close()
    path.unlink()
    second = Agent(path)
    hutch("exec", "test", "true")
    second.close()
    assert second.message["pid"] != first.message["pid"]
    assert second.message["state"]["pid"] == first.message["pid"]


def test_without_an_agent_the_program_does_not_run(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    notify(bundle.sh("echo ran"), tmp_path / "nobody.sock")
    done = hutch("run", "--bundle", str(bundle.path), "test", check=False)
    assert done.code == 1
    assert done.out == ""
    assert "linux.seccomp.listenerPath" in done.err
    assert "no such file or directory" in done.err
    assert hutch.ids() in ([], [".filters"])


def test_a_create_without_an_agent_leaves_nothing(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "agent.sock"
    notify(bundle, path)
    assert "the agent must listen" in hutch.refuses("create", "--bundle", str(bundle.path), "test")
    assert hutch.ids() in ([], [".filters"])
    late = Agent(path)
    hutch("create", "--bundle", str(bundle.path), "test")
    late.close()
    assert late.kind == "anon_inode:seccomp notify"
    # The filter is loaded before the wait, so the agent must be there too (runtime.md "Lifecycle").
    assert late.message["state"]["status"] == "creating"
    hutch("start", "test")
