"""A kill -9 at any moment, and many warrens at once: nothing is lost, nothing is left."""

import fcntl
import os

import pytest

from tests.support.engines import Engine
from tests.support.networks import NetworkEngine
from tests.support.stress import crowd, kill_conmon, kill_warren, nothing_left

pytestmark = pytest.mark.root


def test_warren_killed_at_any_moment(engine: Engine) -> None:
    """The next command repairs: each container runs, has ended or is not there; rm takes it."""
    kill_warren(engine, times=8, seed=7)
    nothing_left(engine)


def test_conmon_killed_at_any_moment(engine: Engine) -> None:
    kill_conmon(engine, times=6, seed=8)
    nothing_left(engine)


def test_many_at_once(network: NetworkEngine) -> None:
    """Four processes, each with its containers, one store."""
    crowd(network, workers=4, each=3)
    nothing_left(network)


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


def test_a_container_that_a_killed_commit_left_frozen_is_thawed(engine: Engine) -> None:
    """The next command that looks at it does that; one that is being committed is left alone."""
    id = engine.start("--name", "one", engine.image, "sleep", "99")
    engine.ok("pause", "one")
    mark = engine.root / "containers" / id / "frozen"
    mark.touch()
    lock = os.open(engine.root / "locks" / f"frozen-{id}", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert engine.status("one") == "paused"
    os.close(lock)
    assert engine.status("one") == "running"
    assert not mark.exists()
    assert engine.ok("exec", "one", "echo", "awake") == "awake\n"
    # Whoever paused it did so on purpose: without the mark it stays as it is.
    engine.ok("pause", "one")
    assert engine.status("one") == "paused"
    engine.ok("unpause", "one")
