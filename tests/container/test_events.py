"""events: statistics, once or at intervals, and events when memory runs out."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cgroups import STATISTICS
from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


class Watcher:
    """A running `events`, whose lines are read at once."""

    def __init__(self, hutch: Runtime, *words: str) -> None:
        self.process = subprocess.Popen(
            [hutch.command, "--root", str(hutch.root), "events", *words],
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def rest(self) -> list[dict[str, Any]]:
        """All events until its end. It must succeed."""
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def watch(hutch: Runtime) -> Iterator[Any]:
    started: list[Watcher] = []

    def begin(*words: str) -> Watcher:
        started.append(Watcher(hutch, *words))
        return started[-1]

    yield begin
    for watcher in started:
        watcher.process.kill()
        watcher.process.communicate()


def test_stats_are_one_line_in_runcs_form(hutch: Runtime, sleeper: str) -> None:
    out = hutch("events", "--stats", sleeper).out
    assert out.startswith('{"type":"stats","id":"sleeper","data":{"cpu":{')
    assert out.count("\n") == 1
    data = json.loads(out)["data"]
    assert list(data) == STATISTICS
    assert data["pids"]["current"] == 1
    assert data["memory"]["usage"]["usage"] > 0
    assert data["network_interfaces"] is None


def test_statistics_come_at_every_interval_until_the_container_ends(
    hutch: Runtime, sleeper: str, watch: Any
) -> None:
    watcher = watch("--interval", "20ms", sleeper)
    for _ in range(3):
        assert watcher.line().startswith('{"type":"stats","id":"sleeper",')
    hutch("kill", sleeper, "KILL")
    *events, last = watcher.rest()
    assert {event["type"] for event in events} <= {"stats"}
    assert last["type"] == "end"


def test_the_interval_is_five_seconds_unless_given(
    hutch: Runtime, sleeper: str, watch: Any
) -> None:
    began = time.monotonic()
    usual = watch(sleeper)
    eventually(lambda: watching(usual.process.pid))
    quick = watch("--interval=10ms", sleeper)
    for _ in range(20):
        quick.line()
    hutch("delete", "--force", sleeper)
    assert quick.rest() is not None
    # No second line of statistics, unless the machine is so busy that five seconds have passed.
    assert len(usual.rest()) - 1 <= (time.monotonic() - began) // 5


def test_an_event_reports_at_once_that_memory_ran_out(
    hutch: Runtime, bundle: Bundle, watch: Any
) -> None:
    bundle.config["linux"]["resources"]["memory"] = {"limit": 8 << 20, "swap": 8 << 20}
    # A command in the container's shell is killed; the shell goes on.
    bundle.sh("mkfifo /tmp/go; cat /tmp/go; dd if=/dev/zero of=/dev/null bs=100M; sleep 1000")
    bundle.config["root"]["readonly"] = False
    bundle.save()
    hutch("run", "-d", "-b", str(bundle.path), "test")
    watcher = watch("--interval", "1h", "test")
    # It has an eventfd when it watches. Before that, an event could be missed.
    eventually(lambda: watching(watcher.process.pid))
    hutch("exec", "test", "sh", "-c", "echo > /tmp/go")
    assert watcher.line() == '{"type":"oom","id":"test"}\n'
    assert hutch.state("test")["status"] == "running"
    hutch("kill", "test", "KILL")
    (last,) = watcher.rest()
    # It was not its first process for which memory ran out.
    assert (last["type"], last["data"]["memory"]["kills"]) == ("end", 1)
    assert last["data"]["cause"] in ("signal", "unknown")


def test_an_event_reports_a_container_that_ends_because_memory_ran_out(
    hutch: Runtime, bundle: Bundle, watch: Any
) -> None:
    bundle.config["linux"]["resources"]["memory"] = {"limit": 8 << 20, "swap": 8 << 20}
    bundle.args("dd", "if=/dev/zero", "of=/dev/null", "bs=100M")
    hutch("create", "-b", str(bundle.path), "test")
    watcher = watch("--interval", "1h", "test")
    eventually(lambda: watching(watcher.process.pid))
    hutch("start", "test")
    assert {"type": "oom", "id": "test"} in watcher.rest()


def watching(pid: int) -> bool:
    """Whether `events` waits: in poll(2), x86's call 7 or the general ppoll(2)."""
    with open(f"/proc/{pid}/syscall") as call:
        return call.read().split()[0] in ("7", "73", "271")


def test_a_reader_that_goes_away_ends_it_quietly(hutch: Runtime, sleeper: str) -> None:
    words = [hutch.command, "--root", str(hutch.root), "events", "--interval", "5ms", sleeper]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) in (0, -13)
        assert process.stderr.read() == b""


def test_events_of_a_missing_or_stopped_container_are_refused(
    hutch: Runtime, bundle: Bundle, sleeper: str
) -> None:
    assert "does not exist" in hutch.refuses("events", "--stats", "none")
    for interval in ("0s", "soon", "-1s", "5", ""):
        assert "--interval" in hutch.refuses("events", "--interval", interval, sleeper)
    hutch("kill", sleeper, "KILL")
    eventually(lambda: hutch.state(sleeper)["status"] == "stopped")
    assert "not running" in hutch.refuses("events", sleeper)
    assert "not running" in hutch.refuses("update", "--pids-limit", "5", sleeper)
