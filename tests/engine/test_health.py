"""Health checks: run on time without a daemon, told by ps, inspect and events."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Engine, eventually, kill9, make_image

pytestmark = pytest.mark.root

QUICK = ["--health-interval", "50ms", "--health-retries", "2"]


def health(engine: Engine, name: str) -> dict[str, Any]:
    state: Any = engine.inspect(name)["State"]
    return state["Health"]  # type: ignore[no-any-return]


def monitors(engine: Engine) -> list[int]:
    """The pids of this store's health monitors."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            program = line.split(b"\0")[0]
            if program.endswith(b"/warren-health") and str(engine.root).encode() in line:
                found.append(int(folder.name))
    return found


def test_a_container_becomes_unhealthy_and_healthy(engine: Engine) -> None:
    check = "test -e /ok || { echo not yet; exit 3; }"
    flags = ["--name", "one", "--health-cmd", check, *QUICK]
    engine.start(*flags, engine.image, "sleep", "1000")
    (found,) = json.loads(engine.ok("inspect", "one"))
    assert found["Config"]["Healthcheck"] == {
        "Test": ["CMD-SHELL", check], "Interval": 50_000_000, "Timeout": 30_000_000_000,
        "StartPeriod": 0, "StartInterval": 5_000_000_000, "Retries": 2,
    }  # fmt: skip
    eventually(lambda: health(engine, "one")["Status"] == "unhealthy")
    assert health(engine, "one")["FailingStreak"] >= 2
    assert "(unhealthy)" in engine.ok("ps")
    assert engine.ok("ps", "-f", "health=unhealthy", "--format", "{{.Names}}") == "one\n"
    eventually(lambda: len(health(engine, "one")["Log"]) == 5)
    last = health(engine, "one")["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (3, "not yet\n")
    assert last["Start"] <= last["End"]
    engine.ok("exec", "one", "touch", "/ok")
    eventually(lambda: health(engine, "one")["Status"] == "healthy")
    assert health(engine, "one")["FailingStreak"] == 0
    assert "(healthy)" in engine.ok("ps")
    past = ["events", "--since", "10m", "--until", "0s", "--filter", "event=health_status"]
    seen = ["health_status: unhealthy", "health_status: healthy"]
    eventually(lambda: engine.ok(*past, "--format", "{{.Action}}").splitlines() == seen)


def test_what_is_written_of_an_earlier_run_is_not_of_this_one(engine: Engine) -> None:
    """Its monitor may have been slow, or another warren quick to start this run's."""
    past = ["events", "--since", "10m", "--until", "0s", "--filter", "event=health_status"]

    def told(times: int) -> None:
        told = ["health_status: unhealthy"] * times
        eventually(lambda: engine.ok(*past, "--format", "{{.Action}}").splitlines() == told)
        assert health(engine, "one")["Status"] == "unhealthy"

    engine.start("--name", "one", "--health-cmd", "false", *QUICK, engine.image, "sleep", "1000")
    told(1)
    (file,) = engine.root.glob("containers/*/health")
    written = file.read_bytes()
    engine.ok("restart", "-t", "0", "one")
    told(2)
    for pid in monitors(engine):
        kill9(pid)
    eventually(lambda: monitors(engine) == [])
    file.write_bytes(written)
    assert "(health: starting)" in engine.ok("ps")
    told(3)


def test_a_monitor_that_was_killed_is_replaced_and_ends_with_the_container(engine: Engine) -> None:
    engine.start("--name", "one", "--health-cmd", "false", *QUICK, engine.image, "sleep", "1000")
    eventually(lambda: health(engine, "one")["Status"] == "unhealthy")
    (first,) = monitors(engine)
    kill9(first)
    eventually(lambda: monitors(engine) == [])
    streak = health(engine, "one")["FailingStreak"]  # looking at it starts another
    eventually(lambda: health(engine, "one")["FailingStreak"] > streak)
    assert len(monitors(engine)) == 1
    engine.ok("restart", "-t", "0", "one")
    state: Any = engine.inspect("one")["State"]
    assert all(check["Start"] >= state["StartedAt"] for check in state["Health"]["Log"])
    eventually(lambda: len(monitors(engine)) == 1)
    engine.ok("stop", "-t", "0", "one")
    eventually(lambda: monitors(engine) == [])


def test_a_check_that_takes_too_long_is_killed(engine: Engine) -> None:
    id = engine.start(
        "--name", "one", "--health-cmd", "echo begun; exec sleep 4321", "--health-timeout", "300ms",
        *QUICK, "--health-retries", "1", engine.image, "sleep", "1000",
    )  # fmt: skip
    eventually(lambda: health(engine, "one")["Status"] == "unhealthy")
    first = health(engine, "one")["Log"][0]
    assert (first["ExitCode"], first["Output"]) == (-1, "Health check exceeded timeout (0.3s)")
    inside = Path(f"/proc/{engine.pid(id)}/root/proc")

    def sleepers() -> int:
        pids = [folder for folder in os.listdir(inside) if folder.isdigit()]
        count = 0
        for pid in pids:
            with suppress(OSError):
                count += b"4321" in (inside / pid / "cmdline").read_bytes()
        return count

    eventually(lambda: len(health(engine, "one")["Log"]) >= 3)
    assert sleepers() <= 1  # the one that is being checked, none of those before


def test_the_start_period_and_pause(engine: Engine) -> None:
    engine.start(
        "--name", "young", "--health-cmd", "false", "--health-start-period", "1h",
        "--health-start-interval", "50ms", "--health-retries", "1", engine.image, "sleep", "1000",
    )  # fmt: skip
    eventually(lambda: len(health(engine, "young")["Log"]) == 5)
    assert health(engine, "young")["Status"] == "starting"
    assert "(health: starting)" in engine.ok("ps")
    engine.ok("pause", "young")
    assert "(Paused)" in engine.ok("ps")
    time.sleep(0.3)
    log = health(engine, "young")["Log"]
    time.sleep(0.5)
    assert health(engine, "young")["Log"] == log
    engine.ok("unpause", "young")
    eventually(lambda: health(engine, "young")["Log"] != log)


def test_the_images_check(engine: Engine, tmp_path: Path) -> None:
    check = {"Test": ["CMD", "test", "-e", "/data/kept"], "Interval": 50_000_000}
    engine.ok("pull", "-q", make_image(tmp_path / "checked", "checked", Healthcheck=check))
    image = "checked:checked"
    engine.start("--name", "own", image, "sleep", "1000")
    engine.start("--name", "none", "--no-healthcheck", image, "sleep", "1000")
    engine.start("--name", "other", "--health-cmd", "false", "--health-retries", "1",
                 image, "sleep", "1000")  # fmt: skip
    eventually(lambda: health(engine, "own")["Status"] == "healthy")
    eventually(lambda: health(engine, "other")["Status"] == "unhealthy")
    state: Any = engine.inspect("none")["State"]
    assert "Health" not in state
    assert engine.ok("ps", "-f", "health=none", "--format", "{{.Names}}") == "none\n"
    engine.ok("commit", "own", "again")
    (made,) = json.loads(engine.ok("inspect", "--type", "image", "again"))
    assert made["Config"]["Healthcheck"]["Test"] == check["Test"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--no-healthcheck", "--health-cmd", "true"], "conflicts"),
        (["--health-interval", "odd", "--health-cmd", "true"], "no duration"),
        (["--health-interval", "1us", "--health-cmd", "true"], "1ms"),
        (["--health-retries", "-1", "--health-cmd", "true"], "negative"),
    ],
)
def test_what_cannot_be_is_told(engine: Engine, flags: list[str], said: str) -> None:
    assert said in engine.fails("run", *engine.create(*flags, engine.image, "true"), status=125)
