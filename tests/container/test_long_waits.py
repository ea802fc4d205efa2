"""No wait without a name: `state` says at which step a container in creation is, and what takes
long is told."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import hutch as library
import pytest
from hutch.container import fd_passing, hooks, init_process, long_wait

from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


@pytest.fixture
def bounded() -> Iterator[None]:
    """Ends a test whose call does not return: the bound under test is missing."""

    def over(*_: object) -> None:
        raise AssertionError("the call does not return")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@contextmanager
def creating(hutch: Runtime, bundle: Bundle) -> Iterator[None]:
    """While a `create` runs, which is killed at the end."""
    words = [
        hutch.command,
        "--root",
        str(hutch.root),
        "create",
        "--bundle",
        str(bundle.path),
        "test",
    ]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()
        hutch("delete", "--force", "test")


def step(hutch: Runtime) -> dict[str, Any]:
    """What `state` says of the step; {} if nothing."""
    said = hutch("state", "test", check=False)
    return dict(json.loads(said.out).get("step", {})) if said.code == 0 else {}


@pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
def test_state_names_the_hook_that_runs(hutch: Runtime, bundle: Bundle, kind: str) -> None:
    path = "/bin/sleep"
    bundle.config["hooks"] = {kind: [{"path": path, "args": ["sleep", "1000"]}]}
    with creating(hutch, bundle.save()):
        eventually(lambda: step(hutch).get("name") == f"hooks.{kind}[0]: {path}")
        said = step(hutch)
        command = Path(f"/proc/{said['pid']}/cmdline").read_bytes()
        assert command == b"sleep\x001000\x00"
        # The time of a process is known to a hundredth of a second.
        since, created = (
            datetime.fromisoformat(text) for text in (said["since"], hutch.state("test")["created"])
        )
        assert abs((since - created).total_seconds()) < 60
        os.kill(said["pid"], signal.SIGKILL)


def test_state_names_what_hutch_init_does(hutch: Runtime, bundle: Bundle) -> None:
    bundle.hook("createRuntime", "kill -STOP $(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')")
    with creating(hutch, bundle):
        stopped = "hutch-init: it is stopped by a signal or a debugger"
        eventually(lambda: step(hutch).get("name") == stopped)


def test_a_container_that_is_created_has_no_step(hutch: Runtime, bundle: Bundle) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    assert hutch.state("test").keys() & {"step", "end"} == set()


def create(hutch: Runtime, bundle: Bundle, warn: Callable[[library.HutchError], None]) -> None:
    """Creates the container in this process."""
    library.Container.create("test", str(bundle.path), root=str(hutch.root), warn=warn)
    hutch("delete", "--force", "test")


def test_a_first_process_that_does_not_go_on_is_named(
    hutch: Runtime, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, bounded: None
) -> None:
    monkeypatch.setattr(long_wait, "PATIENCE", 1)
    bundle.hook("createRuntime", "kill -STOP $(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')")
    told = []

    def warn(warning: library.HutchError) -> None:
        told.append(str(warning))
        os.kill(int(str(warning.facts["pid"])), signal.SIGCONT)

    create(hutch, bundle, warn)
    assert len(told) == 1
    assert "has not gone on for 1 seconds: it is stopped by a signal or a debugger" in told[0]


def test_a_hook_that_takes_long_is_named(
    hutch: Runtime, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "PATIENCE", 0)
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "0.3"]}]}
    told: list[library.HutchError] = []
    create(hutch, bundle.save(), told.append)
    (warning,) = told
    assert warning.pointer == "hooks.createRuntime[0]"
    assert "hook /bin/sleep has not ended for 0 s: it has no timeout" in str(warning)


def test_a_lock_that_is_held_for_long_is_an_error_that_names_the_holder(
    hutch: Runtime, sleeper: str, monkeypatch: pytest.MonkeyPatch, bounded: None
) -> None:
    monkeypatch.setattr(long_wait, "LOCKED", 0.1)
    script = "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); " \
        "fcntl.flock(fd, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"  # fmt: skip
    words = [sys.executable, "-c", script, hutch.root / sleeper]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(library.HutchError) as caught:
            library.Container(sleeper, str(hutch.root)).delete(force=True)
        assert f"is being worked on by process {holder.pid}, which sleeps in read," in str(
            caught.value
        )
        holder.communicate()
    # The control: nobody holds it any more.
    library.Container(sleeper, str(hutch.root)).delete(force=True)


def test_a_socket_that_takes_no_connection_is_an_error(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounded: None
) -> None:
    monkeypatch.setattr(fd_passing, "TEN_SECONDS", bytes(8) + (100_000).to_bytes(8, "little"))
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)  # nobody accepts it: there is no room for another one
        with pytest.raises(library.HutchError) as caught:
            library.Container.create(
                "test", str(bundle.path), root=str(hutch.root), pidfd_socket=path
            )
    assert f"connect to the pidfd socket {path}: connect: resource temporarily" in str(caught.value)


def test_a_process_that_does_not_die_is_not_waited_for(
    hutch: Runtime, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, bounded: None
) -> None:
    """One that sleeps in the kernel does not end by SIGKILL: here by a signal that is none."""
    monkeypatch.setattr(init_process, "PATIENCE", 100)
    monkeypatch.setattr(init_process, "SIGKILL", 0)
    bundle.hook("createRuntime", "exit 3")
    with pytest.raises(library.HutchError, match="exit status 3"):
        library.Container.create("test", str(bundle.path), root=str(hutch.root))


def test_debug_tells_each_step_as_it_begins(hutch: Runtime, bundle: Bundle) -> None:
    log = bundle.path / "log"
    bundle.hook("createRuntime", f"cp {log} {log}.then")
    hutch("--debug", "--log", str(log), "run", "--bundle", str(bundle.path), "test")
    then = Path(f"{log}.then").read_text()
    assert "now: make the cgroup" in then
    assert "now: go along with hutch-init" in then
    assert "now: save the state: created" not in then
    assert "now: save the state: created" in log.read_text()
