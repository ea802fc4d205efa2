"""A kill -9 at any moment, and many warrens at once: nothing is lost, nothing is left."""

import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest

from tests.support.engines import Engine, eventually

pytestmark = pytest.mark.root


def test_warren_killed_at_any_moment(engine: Engine) -> None:
    """The next command repairs: each container runs, has ended or is not there; rm takes it."""
    seed = random.Random(7)
    for number in range(12):
        name = f"c{number}"
        process = subprocess.Popen(
            engine.command("run", "-d", *engine.create("--name", name, engine.image, "sleep", "9")),
            env=engine.variables(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(seed.uniform(0.02, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert engine.status(name) in ("", "created", "running", "exited")
    engine.ok("system", "check", "--repair")
    engine.ok("system", "check")
    ids = engine.ok("ps", "-aq").split()
    if ids:
        engine.ok("rm", "-f", *ids)
    eventually(lambda: not engine.traces())


def test_conmon_killed_at_any_moment(engine: Engine) -> None:
    seed = random.Random(8)
    for number in range(6):
        id = engine.start("--name", f"c{number}", engine.image, "sh", "-c", "sleep 0.2; exit 3")
        time.sleep(seed.uniform(0, 0.25))
        try:
            os.kill(engine.conmon(id), signal.SIGKILL)
        except ProcessLookupError:
            pass
    eventually(lambda: engine.ok("ps", "-q") == "")
    for number in range(6):
        (found,) = json.loads(engine.ok("inspect", f"c{number}"))
        assert found["State"]["Status"] == "exited"
        assert found["State"]["ExitCode"] in (3, 255)
        assert found["State"]["ExitCode"] == 3 or "conmon" in found["State"]["Error"]


def test_many_at_once(engine: Engine) -> None:
    """Four processes, each with its containers, one store."""
    failed: list[str] = []

    def work(number: int) -> None:
        for turn in range(3):
            name = f"w{number}-{turn}"
            for words in (
                ["run", "-d", *engine.create("--name", name, engine.image, "sleep", "99")],
                ["stop", "-t", "0", name], ["rm", name],
                ["run", "--rm", *engine.create(engine.image, "true")],
            ):  # fmt: skip
                done = engine.run(*words)
                if done.returncode:
                    failed.append(f"{words}: {done.stderr}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert engine.ok("ps", "-aq") == ""
    eventually(lambda: not engine.traces())


def test_check_tells_of_what_nobody_knows(engine: Engine) -> None:
    stray = engine.root / "containers" / ("0" * 64)
    (stray / "upper").mkdir(parents=True)
    kept = engine.root / "containers" / ("1" * 64)
    (kept / "upper" / "work-of-days").mkdir(parents=True)
    assert engine.run("system", "check").returncode == 1
    engine.run("system", "check", "--repair")
    assert not stray.exists()
    assert kept.exists()
    for folder in (kept / "upper" / "work-of-days", kept / "upper", kept):
        folder.rmdir()
    assert engine.run("system", "check").returncode == 0
