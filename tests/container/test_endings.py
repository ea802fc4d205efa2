"""Why a container ended: `run` and its log tell it, and `state` until `delete`."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cgroups import MODE
from tests.support.containers import IN_FIRST_PID_NAMESPACE, Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

LIMIT = 8 << 20
HOG = "dd if=/dev/zero of=/dev/null bs=100M"
KILLS_MKNOD = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mknod", "mknodat"], "action": "SCMP_ACT_KILL_PROCESS"}],
}
CORES = not Path("/proc/sys/kernel/core_pattern").read_text().startswith("|")
# The kernel's log names a process by its pid in the first pid namespace.
SEGFAULT = {"fault": "segfault at 0"} if IN_FIRST_PID_NAMESPACE else {}
ABOVE = f"hutch-above-{os.getpid()}"


def limited(bundle: Bundle) -> Bundle:
    memory = {"limit": LIMIT, "swap": LIMIT}
    bundle.config["linux"]["resources"]["memory"] = memory
    return bundle


def faulty(bundle: Bundle, core: int) -> None:
    bundle.config["root"]["readonly"] = False
    bundle.config["process"]["cwd"] = "/tmp"
    bundle.config["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "soft": core, "hard": core}]
    bundle.args("fault")


def below_a_limit(bundle: Bundle) -> None:
    bundle.config["linux"]["cgroupsPath"] = f"/{ABOVE}/inner"
    bundle.sh(HOG)


def few_processes(bundle: Bundle) -> None:
    bundle.config["linux"]["resources"]["pids"] = {"limit": 3}
    bundle.sh("sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait; exit 3")


def filtered_mknod(bundle: Bundle) -> None:
    bundle.config["linux"]["seccomp"] = KILLS_MKNOD
    bundle.config["root"]["readonly"] = False
    bundle.args("mkfifo", "/tmp/fifo")


def kill_from_outside(hutch: Runtime) -> None:
    os.kill(hutch.state("test")["pid"], signal.SIGKILL)


def kill_by_verb(hutch: Runtime) -> None:
    hutch("kill", "test", "KILL")


# How the bundle is changed, what is done to the container that sleeps, and what `state` must say.
Way = tuple[Callable[[Bundle], object], Callable[[Runtime], None] | None, dict[str, Any]]
WAYS: dict[str, Way] = {
    "exit code": (lambda b: b.sh("exit 3"), None, {"cause": "exit", "exitCode": 3}),
    "exit code of SIGKILL": (lambda b: b.sh("exit 137"), None, {"cause": "exit", "exitCode": 137}),
    "SIGKILL from outside": (
        lambda b: b.args("sleep", "1000"), kill_from_outside,
        {"cause": "signal", "signal": "SIGKILL", "sender": "process"},
    ),
    "SIGTERM to itself": (
        lambda b: b.share("pid").sh("kill -TERM $$"), None,
        {"cause": "signal", "signal": "SIGTERM", "sender": "process"},
    ),
    "hutch kill": (
        lambda b: b.args("sleep", "1000"), kill_by_verb,
        {"cause": "signal", "signal": "SIGKILL", "sender": "hutch kill"},
    ),
    "fault with a core": (
        lambda b: faulty(b, 1 << 24), None,
        {"cause": "fault", "signal": "SIGSEGV", "coreDumped": True, **SEGFAULT},
    ),
    "fault without": (
        lambda b: faulty(b, 0), None,
        {"cause": "fault", "signal": "SIGSEGV", "coreDumped": not CORES, **SEGFAULT},
    ),
    "first process out of memory": (
        lambda b: limited(b).sh(f"exec {HOG}"), None,
        {"cause": "oom", "signal": "SIGKILL", "sender": "kernel", "memory.whose": "container",
         "memory.limit": LIMIT, "killed.0.name": "dd"},
    ),
    "child out of memory": (
        lambda b: limited(b).sh(f"{HOG}; exit $?"), None,
        {"cause": "oom", "exitCode": 137, "signal": None, "memory.whose": "container",
         "killed.0.name": "dd"},
    ),
    "ancestor's limit": (
        below_a_limit, None,
        {"cause": "oom", "memory.whose": "ancestor", "memory.limit": LIMIT},
    ),
    "seccomp": (
        filtered_mknod, None,
        {"cause": "seccomp", "signal": "SIGSYS", "seccomp.name": "mknodat",
         "seccomp.program": "mkfifo"},
    ),
    "limit of processes": (
        few_processes, None,
        {"cause": "exit", "pids.whose": "container", "pids.limit": 3},
    ),
}  # fmt: skip
# Of these `run` says nothing: the program ended itself, or hutch was asked to end it.
QUIET = {"exit code", "exit code of SIGKILL", "hutch kill"}


def found(end: dict[str, Any], path: str) -> object:
    """The value at a path such as "killed.0.name"; None if there is none."""
    value: Any = end
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


@pytest.fixture
def above() -> Iterator[None]:
    """A cgroup with a limit of memory, for containers below it."""
    roots = Path("/sys/fs/cgroup")
    place = (roots if MODE == "v2" else roots / "memory") / ABOVE
    place.mkdir()
    names = ("memory.max",) if MODE == "v2" else ("memory.limit_in_bytes",)
    for name in names:
        (place / name).write_text(str(LIMIT))
    yield
    place.rmdir()


def ended(hutch: Runtime, bundle: Bundle, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Runs the container of this way to its end. What `state` says of its end, and the records of
    the log."""
    prepare, act, _ = WAYS[name]
    prepare(bundle)
    bundle.save()
    log = bundle.path / "log"
    words = ["--log", str(log), "--log-format", "json", "run", "--keep"]
    words += ["--bundle", str(bundle.path), "test"]
    running = subprocess.Popen(
        [hutch.command, "--root", str(hutch.root), *words],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if act is not None:
        eventually(lambda: hutch("state", "test", check=False).out.count('"running"'))
        act(hutch)
    running.communicate(timeout=60)
    state = hutch.state("test")
    assert state["status"] == "stopped"
    hutch("delete", "test")
    return state["end"], [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize("name", WAYS)
def test_run_and_state_tell_why_a_container_ended(
    hutch: Runtime, bundle: Bundle, fault: Path, above: None, name: str
) -> None:
    shutil.copy(fault, bundle.rootfs / "bin" / "fault")
    end, log = ended(hutch, bundle, name)
    expected = WAYS[name][2]
    assert {path: found(end, path) for path in expected} == expected, end
    warnings = [record for record in log if record["level"] == "warning"]
    if name in QUIET:
        assert warnings == []
        return
    assert len(warnings) == 1
    assert end["reason"] in warnings[0]["msg"]
    for key in end.keys() - {"reason"}:
        assert warnings[0][key] == end[key]


def test_state_tells_what_its_parent_has_not_taken_yet(hutch: Runtime, bundle: Bundle) -> None:
    """The process that starts the container in the background is its parent, and reaps it late."""
    bundle.sh("exit 3")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    end = hutch.state("test")["end"]
    assert end["cause"] in ("exit", "unknown")


def test_state_tells_what_is_counted_although_the_exit_code_is_gone(
    hutch: Runtime, bundle: Bundle
) -> None:
    """Nobody but its parent gets the exit code of a process that was reaped."""
    limited(bundle)
    bundle.sh(f"exec {HOG}")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")
    eventually(lambda: "end" in hutch.state("test"))
    eventually(lambda: "exitCode" not in hutch.state("test")["end"])
    end = hutch.state("test")["end"]
    assert end["cause"] == "oom"
    assert end["memory"]["kills"] == 1
    assert [victim["name"] for victim in end["killed"]] == ["dd"]
    hutch("delete", "test")


def test_events_end_with_how_the_container_ended(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("sleep", "1000")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test")
    words = [hutch.command, "--root", str(hutch.root), "events", "--interval", "100ms", "test"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert '"stats"' in watching.stdout.readline()
        kill_from_outside(hutch)
        out, _ = watching.communicate(timeout=60)
    last = json.loads(out.splitlines()[-1])
    assert last["type"] == "end"
    expected = WAYS["SIGKILL from outside"][2]
    # Before Linux 6.15 only its parent can know how a process ended that was reaped.
    if last["data"]["cause"] != "unknown":
        assert {key: last["data"][key] for key in expected} == expected


def test_what_is_said_of_an_end_goes_to_standard_error(hutch: Runtime, bundle: Bundle) -> None:
    bundle.share("pid").sh("echo mine >&2; kill -TERM $$")
    done = hutch("run", "--bundle", str(bundle.path), "test", check=False)
    assert done.code == 128 + signal.SIGTERM
    assert done.err == (
        "mine\nhutch: warning: the container's program: ended by SIGTERM, sent by another process "
        "or by its own\n"
    )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_said_of_a_signal_that_run_has_passed_on(
    hutch: Runtime, bundle: Bundle, sent: int
) -> None:
    bundle.share("pid").args("sleep", "1000")
    words = [hutch.command, "--root", str(hutch.root), "run", "--bundle", str(bundle.path), "test"]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
        eventually(lambda: hutch("state", "test", check=False).out.count('"running"'))
        running.send_signal(sent)
        assert running.communicate(timeout=60)[1] == b""
    assert running.returncode == 128 + sent


def test_a_note_of_kill_does_not_keep_the_directory(hutch: Runtime, sleeper: str) -> None:
    """`kill` writes it without the lock, so also while the container is deleted."""
    script = f"{hutch.command} --root {hutch.root} kill {sleeper} KILL"
    loop = subprocess.Popen(["sh", "-c", f"while {script}; do :; done"], stderr=subprocess.DEVNULL)
    hutch("delete", "--force", sleeper)
    loop.wait(timeout=60)
    assert sleeper not in hutch.ids()


def test_state_tells_of_kill_although_the_exit_code_is_gone(hutch: Runtime, sleeper: str) -> None:
    hutch("kill", sleeper, "KILL")
    eventually(lambda: hutch.state(sleeper)["status"] == "stopped")
    end = hutch.state(sleeper)["end"]
    assert (end["cause"], end["signal"], end["sender"]) == ("signal", "SIGKILL", "hutch kill")
