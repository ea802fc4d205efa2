"""Why a container ended: `inspect`, `ps` and `events` tell it."""

import functools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cgroups import MODE
from tests.support.containers import IN_FIRST_PID_NAMESPACE
from tests.support.engines import Engine, eventually
from tests.support.leftovers import CGROUPS

pytestmark = pytest.mark.root

LIMIT = 8 << 20
HOG = "dd if=/dev/zero of=/dev/null bs=100M"
PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mknod", "mknodat"], "action": "SCMP_ACT_KILL_PROCESS"}],
}


def kill(engine: Engine, id: str) -> None:
    os.kill(engine.pid(id), signal.SIGKILL)


# The flags, the program, what is done to the container that sleeps, and what `inspect` must say.
Way = tuple[list[str], list[str], Callable[[Engine, str], object] | None, dict[str, Any]]
WAYS: dict[str, Way] = {
    "exit code": (
        [], ["sh", "-c", "exit 3"], None,
        {"cause": "exit", "reason": "exit code 3", "ps": "(3)"},
    ),
    "exit code of SIGKILL": (
        [], ["sh", "-c", "exit 137"], None, {"cause": "exit", "signal": None, "ps": "(137)"},
    ),
    "SIGKILL from outside": (
        [], ["sleep", "1000"], kill,
        {"cause": "signal", "signal": "SIGKILL", "sender": "process", "ps": "(137, SIGKILL)"},
    ),
    "SIGTERM to itself": (
        ["--init"], ["sh", "-c", "kill -TERM $$"], None, {"exitCode": 143},
    ),
    "kill": (
        [], ["sleep", "1000"], lambda engine, id: engine.ok("kill", id),
        {"cause": "signal", "signal": "SIGKILL", "sender": "kill", "ps": "(137)"},
    ),
    "stop that takes too long": (
        [], ["sleep", "1000"], lambda engine, id: engine.ok("stop", "-t", "0", id),
        {"cause": "signal", "signal": "SIGKILL", "sender": "stop timeout", "ps": "(137)"},
    ),
    "fault with a core": (
        ["--ulimit", "core=-1", "-w", "/tmp", "-v", "FAULT:/fault"], ["/fault"], None,
        {"cause": "fault", "signal": "SIGSEGV", "coreDumped": True,
         "ps": "(139, SIGSEGV, core dumped)"},
    ),
    "fault": (
        ["--ulimit", "core=0", "-v", "FAULT:/fault"], ["/fault"], None,
        # By the kernel's log, which names a process by its pid in the first pid namespace.
        {"cause": "fault", "signal": "SIGSEGV", "ps": "(139, SIGSEGV"}
        if IN_FIRST_PID_NAMESPACE
        else {"exitCode": 139},
    ),
    "first process out of memory": (
        ["-m", str(LIMIT)], ["sh", "-c", f"exec {HOG}"], None,
        {"cause": "oom", "memory.whose": "container", "oom": True, "ps": "(137, out of memory)",
         **({"signal": "SIGKILL"} if IN_FIRST_PID_NAMESPACE else {})},
    ),
    "child out of memory": (
        ["-m", str(LIMIT)], ["sh", "-c", f"{HOG}; exit 5"], None,
        {"cause": "exit", "signal": None, "memory.whose": "container", "oom": True},
    ),
    "ancestor's limit": (
        ["--cgroup-parent", "ABOVE"], ["sh", "-c", f"exec {HOG}"], None,
        {"cause": "oom", "memory.whose": "ancestor", "oom": True},
    ),
    "seccomp": (
        ["--security-opt", "seccomp=PROFILE"], ["/bin/busybox", "mkfifo", "/tmp/fifo"], None,
        {"cause": "seccomp", "signal": "SIGSYS", "seccomp.name": "mknodat",
         "ps": "(159, forbidden call mknodat)"},
    ),
    "limit of processes": (
        ["--pids-limit", "3"],
        ["sh", "-c", "sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait; exit 3"], None,
        {"cause": "exit", "pids.whose": "container", "ps": "too many processes)"},
    ),
}  # fmt: skip
# These are told only by a warren that waits for the end, and from Linux 6.15 on: else conmon's exit
# code is all that is known.
WAITED_FOR = {"SIGKILL from outside", "fault with a core"}


def found(end: dict[str, Any], path: str) -> object:
    value: Any = end
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def has_ended(engine: Engine, id: str) -> bool:
    state: Any = engine.inspect(id)["State"]
    return bool(state["Status"] == "exited")


def waited_for(
    engine: Engine, words: list[str], act: Callable[[Engine, str], object] | None
) -> str:
    """The id of a container that `run` has waited for in the foreground."""
    cid = engine.root / "cid"
    cid.unlink(missing_ok=True)
    command = engine.command("run", "--cidfile", cid, *engine.create(*words))
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=engine.variables()) as running:
        if act is not None:
            eventually(lambda: cid.exists() and cid.read_text())
            id = cid.read_text()
            eventually(lambda: '"running"' in engine.ok("inspect", id))
            act(engine, id)
        running.wait(timeout=60)
    return cid.read_text()


def tells_the_status() -> bool:
    release = os.uname().release.split(".")
    return (int(release[0]), int(release[1])) >= (6, 15)


def test_a_container_that_has_ended_says_why(engine: Engine, fault: Path, tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text(json.dumps(PROFILE))
    shutil.copy(fault, tmp_path / "fault")
    above = f"/{CGROUPS}-above-{os.getpid()}"
    place = Path("/sys/fs/cgroup") / ("" if MODE == "v2" else "memory") / above.strip("/")
    place.mkdir()
    name = "memory.max" if MODE == "v2" else "memory.limit_in_bytes"
    (place / name).write_text(str(LIMIT))
    replaced = {
        "FAULT": str(tmp_path / "fault"), "ABOVE": above, "PROFILE": str(tmp_path / "profile.json"),
    }  # fmt: skip
    ids: dict[str, str] = {}
    try:
        for way, (flags, words, act, _) in WAYS.items():
            for old, new in replaced.items():
                flags = [flag.replace(old, new) for flag in flags]
            if way in WAITED_FOR:
                ids[way] = waited_for(engine, [*flags, engine.image, *words], act)
                continue
            ids[way] = engine.start(*flags, engine.image, *words)
            if act is not None:
                act(engine, ids[way])
        reasons = {}
        for way, id in ids.items():
            eventually(functools.partial(has_ended, engine, id))
            state: Any = engine.inspect(id)["State"]
            reasons[id] = state["Reason"]
            if way in WAITED_FOR and not tells_the_status():
                continue
            expected = dict(WAYS[way][3])
            only = ("--filter", f"id={id}")
            shown = engine.ok("ps", "-a", "--no-trunc", *only, "--format", "{{.Status}}")
            assert expected.pop("ps", "") in shown, way
            assert state["OOMKilled"] == expected.pop("oom", False), way
            end = state["Ending"]
            assert {path: found(end, path) for path in expected} == expected, (way, end)
            assert state["Reason"] == end["reason"]
        lines = engine.ok("events", "--since", "10m", "--until", "0s", "--format", "{{json .}}")
        actors = [json.loads(line)["Actor"] for line in lines.splitlines() if '"die"' in line]
        told = {actor["ID"]: actor["Attributes"].get("reason") for actor in actors}
        assert told == reasons
    finally:
        if ids:
            engine.ok("rm", "-f", *ids.values())
        place.rmdir()
