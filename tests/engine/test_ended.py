"""warren-ended, which conmon executes when a container has ended: it leaves the end to a warren
that waits for it, and has it recorded if there is none."""

import fcntl
import os
import signal
import subprocess
from pathlib import Path

import hutch
import pytest

from tests.support.engines import Engine, eventually

PROGRAM = Path(hutch.__file__).parent / "libexec" / "warren-ended"


class Ending:
    """A lock, an exit file, and a program that leaves a file behind when it is executed."""

    def __init__(self, folder: Path) -> None:
        self.lock = folder / "lock"
        self.exit_file = folder / "exit"
        self.recorded = folder / "recorded"
        self.exit_file.touch()

    def begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([PROGRAM, self.lock, self.exit_file, "/bin/touch", self.recorded])

    def hold(self) -> int:
        fd = os.open(self.lock, os.O_RDWR | os.O_CREAT)
        fcntl.flock(fd, fcntl.LOCK_SH)
        return fd


@pytest.fixture
def ending(tmp_path: Path) -> Ending:
    return Ending(tmp_path)


def waits(pid: int) -> bool:
    """Whether a process waits for an flock (proc_locks(5))."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("-> FLOCK" in line and str(pid) in line.split() for line in lines)


def test_with_nobody_waiting_the_end_is_recorded(ending: Ending) -> None:
    assert ending.begin().wait(20) == 0
    assert ending.recorded.exists()


def test_an_end_that_is_recorded_already_is_not_recorded_again(ending: Ending) -> None:
    ending.exit_file.unlink()
    assert ending.begin().wait(20) == 0
    assert not ending.recorded.exists()


@pytest.mark.parametrize("records", [True, False], ids=["who records it", "who is killed"])
def test_it_waits_for_who_waits(ending: Ending, records: bool) -> None:
    held = ending.hold()
    process = ending.begin()
    eventually(lambda: waits(process.pid))
    assert not ending.recorded.exists()
    if records:
        ending.exit_file.unlink()
    os.close(held)
    assert process.wait(20) == 0
    assert ending.recorded.exists() == (not records)


def test_it_does_not_wait_for_ever(ending: Ending) -> None:
    held = ending.hold()
    assert ending.begin().wait(20) == 0
    assert ending.recorded.exists()
    os.close(held)


@pytest.mark.root
def test_a_container_whose_warren_was_killed_is_cleaned_up_after(engine: Engine) -> None:
    """Nobody calls warren again: conmon's call-back alone removes the container."""
    process = subprocess.Popen(
        engine.command(
            "run", "--rm", *engine.create(engine.image, "sh", "-c", "echo here; sleep 1")
        ),
        env=engine.variables(), stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    containers = engine.root / "containers"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(containers.iterdir())
    eventually(lambda: not list(containers.iterdir()))
