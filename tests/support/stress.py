"""Many containers at once, and a kill -9 of warren and of conmon at chosen-by-chance moments.

Each function raises AssertionError where something was lost; ``nothing_left`` where something is
left. tests/engine runs them with small numbers, ``./dev stress`` with large ones.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.support.engines import Engine, eventually
from tests.support.leftovers import CGROUPS, below
from tests.support.networks import NetworkEngine

STATES = ("", "created", "running", "exited")


def crowd(engine: Engine, workers: int, each: int) -> int:
    """``workers`` at once, each makes, starts, looks at, stops and removes ``each`` containers;
    every fourth has a published port. The number of containers."""
    lock = threading.Lock()
    failed: list[str] = []

    def call(*words: object) -> str:
        done = engine.run(*words)
        if done.returncode:
            with lock:
                failed.append(f"{words}: {done.stderr}")
        return done.stdout

    def work(number: int) -> None:
        for turn in range(each):
            name = f"w{number}-{turn}"
            port = 20000 + number * 100 + turn
            publishes = isinstance(engine, NetworkEngine) and turn % 4 == 0
            flags = ["-p", f"{port}:80"] if publishes else []
            call("run", "-d", *engine.create("--name", name, *flags, engine.image, "sleep", "99"))
            if call("inspect", "--format", "{{.State.Status}}", name) != "running\n":
                failed.append(f"{name} does not run")
            call("stop", "-t", "0", name)
            if call("inspect", "--format", "{{.State.ExitCode}}", name) != "137\n":
                failed.append(f"{name} was not killed")
            call("rm", name)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    assert not failed, failed[:5]
    assert engine.ok("ps", "-aq") == ""
    return workers * each


def kill_warren(engine: Engine, times: int, seed: int, longest: float = 0.25) -> dict[str, int]:
    """Kills ``times`` commands before they have ended, at moments of chance. What a command has
    to do is done or not, and a container that it was not about is as it was. {verb: how often}."""
    chance = random.Random(seed)
    kept = engine.start("--name", "kept", engine.image, "sh", "-c", "echo mine >/mine; sleep 9999")
    pid = engine.pid(kept)
    killed: dict[str, int] = {}
    for number in range(10 * times):
        if sum(killed.values()) == times:
            break
        name = f"c{chance.randrange(4)}"
        verb = chance.choice(["run", "run", "stop", "start", "restart", "rm", "exec", "commit"])
        words = {
            "run": ["run", "-d", *engine.create("--name", name, engine.image, "sleep", "9999")],
            "stop": ["stop", "-t", "0", name],
            "restart": ["restart", "-t", "0", name],
            "rm": ["rm", "-f", name],
            "exec": ["exec", name, "true"],
            "commit": ["commit", name, f"made:{number}"],
        }.get(verb, [verb, name])
        process = subprocess.Popen(
            engine.command(*words), env=engine.variables(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.01, longest))
        if process.poll() is None:
            killed[verb] = killed.get(verb, 0) + 1
        process.send_signal(signal.SIGKILL)
        process.wait()
        status = engine.status(name)
        assert status in STATES, (number, words, status)
    assert engine.pid(kept) == pid and engine.status("kept") == "running"
    assert engine.ok("exec", "kept", "cat", "/mine") == "mine\n"
    engine.run("system", "check", "--repair")
    done = engine.run("system", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    return killed


def kill_conmon(engine: Engine, times: int, seed: int) -> int:
    """Kills ``times`` supervisors at moments of chance: the container's program goes on, and its
    end is told. How often its exit code was not known."""
    chance = random.Random(seed)
    unknown = 0
    for number in range(times):
        id = engine.start("--name", f"s{number}", engine.image, "sh", "-c", "sleep 0.2; exit 3")
        time.sleep(chance.uniform(0, 0.25))
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(engine.conmon(id), signal.SIGKILL)
    eventually(lambda: engine.ok("ps", "-q", "--filter", "name=s") == "")
    for number in range(times):
        (found,) = json.loads(engine.ok("inspect", f"s{number}"))
        state = found["State"]
        assert state["Status"] == "exited" and state["ExitCode"] in (3, 255), state
        assert state["ExitCode"] == 3 or "conmon" in state["Error"], state
        unknown += state["ExitCode"] == 255
    return unknown


def nothing_left(engine: Engine) -> None:
    """Removes all containers; then nothing is left of any: processes, mounts, folders, cgroups,
    and of networks links, rules, namespaces, leases."""
    ids = engine.ok("ps", "-aq", "--no-trunc").split()
    if ids:
        engine.ok("rm", "-f", "-v", *ids)
    eventually(lambda: not engine.traces(), 60)
    eventually(lambda: not below(CGROUPS), 60)
    assert engine.ok("volume", "ls", "-q") == ""
    if isinstance(engine, NetworkEngine):
        eventually(lambda: not engine.remains(), 60)
    assert "all is well" in engine.ok("system", "check")
