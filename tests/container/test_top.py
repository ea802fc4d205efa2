"""top: what containers use, as a table, as JSON and on a terminal."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.support.containers import Bundle, Runtime
from tests.support.screens import Program

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

BUSY = "while :; do :; done"
SHORT = ("--interval", "100ms")


@pytest.fixture
def two(hutch: Runtime, bundle: Bundle) -> Runtime:
    """The containers ``busy``, with limits, and ``idle``."""
    bundle.config["linux"]["resources"]["memory"] = {"limit": 64 << 20}
    bundle.config["linux"]["resources"]["pids"] = {"limit": 30}
    hutch("run", "--detach", "--bundle", str(bundle.sh(BUSY).for_id("busy").path), "busy")
    del bundle.config["linux"]["resources"]["memory"], bundle.config["linux"]["resources"]["pids"]
    script = "sleep 1000 & sleep 1000 & sleep 1000"
    hutch("run", "--detach", "--bundle", str(bundle.sh(script).for_id("idle").path), "idle")
    hutch("create", "--bundle", str(bundle.args("true").for_id("over").path), "over")
    hutch("start", "over")
    while json.loads(hutch("state", "over").out)["status"] != "stopped":
        pass
    return hutch


Start = Callable[..., Program]


@pytest.fixture
def start(hutch: Runtime) -> Iterator[Start]:
    """Starts top on a terminal."""
    programs: list[Program] = []

    def starts(*words: str, lines: int = 24, columns: int = 100) -> Program:
        command = [hutch.command, "--root", str(hutch.root), "top", *SHORT, *words]
        programs.append(Program(*command, lines=lines, columns=columns))
        return programs[-1]

    yield starts
    for program in programs:
        program.close()


def test_a_table_that_is_printed_once(two: Runtime) -> None:
    head, busy, idle = two("top", *SHORT).out.splitlines()
    assert head.split() == (
        "ID STATUS PID CPU % MEMORY / LIMIT MEM % PIDS / LIMIT READ/s WRITE/s".split()  # noqa: SIM905
    )
    cells = busy.split()
    assert cells[:2] == ["busy", "running"] and float(cells[3]) > 5
    assert "/ 64.0 MiB" in busy and " / 30 " in busy
    assert idle.split()[:2] == ["idle", "running"] and " / - " in idle
    assert [line.split()[0] for line in two("top", *SHORT, "--sort", "pids").out.splitlines()] == [
        "ID", "idle", "busy",
    ]  # fmt: skip
    lines = two("top", *SHORT, "--all", "-n", "2", "--sort", "id").out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        *(names := ["ID", "busy", "idle", "over"]), "", *names
    ]  # fmt: skip
    assert two("top", *SHORT, "over").out.splitlines()[1].split()[:3] == ["over", "stopped", "-"]
    assert "does not exist" in two.refuses("top", "nothing")
    assert "cpu, memory, pids, io or id" in two.refuses("top", "--sort", "size")


def test_the_first_table_comes_after_one_interval(two: Runtime) -> None:
    words = [two.command, "--root", str(two.root), "top", "--interval", "1000s"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as top:
        with pytest.raises(subprocess.TimeoutExpired):
            top.wait(1)
        top.kill()
        assert top.stdout is not None and top.stdout.read() == b""


def test_as_json(two: Runtime) -> None:
    """The same numbers as those of events."""
    busy, idle = json.loads(two("top", *SHORT, "--format", "json").out)
    stats = json.loads(two("events", "--stats", "idle").out)["data"]
    assert idle["pids"] == {"current": stats["pids"]["current"], "limit": None}
    assert idle["pids"]["current"] == 3 and idle["cpu"] < busy["cpu"] <= 110
    assert busy["memory"]["limit"] == 64 << 20 and 0 < busy["memory"]["usage"] < 64 << 20
    assert set(busy["io"]) == {"read", "written", "readRate", "writeRate"}


def test_the_screen_shows_containers_that_come_and_go(
    two: Runtime, bundle: Bundle, start: Start
) -> None:
    top = start()
    text = top.shows(lambda text: "busy" in text and "idle" in text and "2 running" in text)
    assert "over" not in text and "q quit" in text
    path = str(bundle.sh("sleep 1000").for_id("late").path)
    two("run", "--detach", "--bundle", path, "late")
    top.shows(lambda text: "late" in text)
    two("pause", "late")
    top.shows(lambda text: "1 paused" in text)
    two("resume", "late")
    two("delete", "--force", "late")
    top.shows(lambda text: "late" not in text)
    top.press("a")
    top.shows(lambda text: "1 stopped" in text)
    top.press("n")
    top.shows(lambda text: "sorted by id" in text)
    top.press("p")
    text = top.shows(lambda text: "sorted by pids" in text)
    assert text.index("idle") < text.index("busy")
    top.press("q")
    assert top.end() == 0 and top.is_as_before()


def test_the_screen_follows_the_size_of_the_terminal(two: Runtime, start: Start) -> None:
    top = start(lines=24, columns=100)
    top.shows(lambda text: "WRITE/s" in text)
    top.size(6, 40)
    top.shows(lambda text: text.splitlines()[-1].startswith("q quit"))
    top.size(5, 12)
    top.shows(lambda text: text.splitlines()[-1] == "q quit   so")
    top.press("a")
    top.press("\x1bOB\x1bOB\x1bOB")
    top.shows(lambda text: "over" in text and "busy" not in text)
    top.size(2, 2)
    top.size(30, 120)
    top.shows(lambda text: "WRITE/s" in text and "arrows scroll" in text)
    top.press("q")
    assert top.end() == 0 and top.is_as_before()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was(
    two: Runtime, start: Start, number: signal.Signals
) -> None:
    top = start()
    top.shows(lambda text: "busy" in text)
    assert not top.is_as_before()
    top.process.send_signal(number)
    assert top.end() == (130 if number == signal.SIGINT else -number)
    assert top.is_as_before()


def test_an_error_leaves_the_terminal_as_it_was(two: Runtime, start: Start) -> None:
    top = start()
    top.shows(lambda text: "busy" in text)
    elsewhere = two.root.rename(two.root.with_name("elsewhere"))
    try:
        assert top.end() == 1 and top.is_as_before()
        assert b"hutch: list" in top.written and b"no such file or directory" in top.written
    finally:
        elsewhere.rename(two.root)


def test_a_terminal_that_cannot_place_its_cursor_gets_the_table(two: Runtime, start: Start) -> None:
    words = [two.command, "--root", str(two.root), "top", *SHORT]
    top = Program("env", "TERM=dumb", *words)
    assert top.end() == 0 and b"\x1b" not in top.written and b"busy" in top.written
    top.close()


def test_a_reader_that_is_gone_ends_it(two: Runtime) -> None:
    words = [two.command, "--root", str(two.root), "top", *SHORT, "-n", "100000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as top:
        assert top.stdout is not None and top.stdout.readline()
        top.stdout.close()
        assert top.wait(60) == 0
