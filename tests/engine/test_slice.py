"""The first commands that everybody learns, end to end."""

import pytest

from tests.support.engines import Engine, eventually, kill9

pytestmark = pytest.mark.root


def test_run_rm_prints_and_leaves_nothing(engine: Engine) -> None:
    done = engine.run(
        "run", "--rm", *engine.create(engine.image, "sh", "-c", "echo out; echo err >&2; exit 3")
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert engine.ok("ps", "-aq") == ""
    eventually(lambda: not engine.traces())


def test_a_container_in_the_background(engine: Engine) -> None:
    id = engine.start("--name", "one", engine.image, "sh", "-c", "echo hello; exec sleep 1000")
    assert len(id) == 64
    line = engine.ok("ps").splitlines()[1]
    assert line.split()[:2] == [id[:12], "box:box"]
    assert "Up " in line and line.endswith("one")
    eventually(lambda: engine.ok("logs", "one") == "hello\n")
    assert "is running" in engine.fails("rm", "one")
    assert "used by container" in engine.fails("rmi", "box:box")
    assert engine.ok("stop", "-t", "0", "one") == "one\n"
    assert "Exited (137)" in engine.ok("ps", "-a")
    assert engine.ok("ps", "-q") == ""
    assert engine.ok("rm", "one") == "one\n"
    engine.ok("rmi", "box:box")


def test_a_failed_start_says_why_as_docker(engine: Engine) -> None:
    assert engine.exits(engine.image, "nothing") == 127
    assert engine.exits(engine.image, "/etc/passwd") == 126
    assert engine.exits("--network", "elsewhere", engine.image) == 125
    assert "not found" in engine.fails("run", "--network", "x", engine.image, status=125)
    assert engine.ok("ps", "-aq") == ""


def test_ps_tells_the_truth_after_kill_9(engine: Engine) -> None:
    by_name = {}
    for name in ("conmon", "program", "both"):
        by_name[name] = engine.start("--name", name, engine.image, "sleep", "1000")
    kill9(engine.pid(by_name["program"]))
    for name in ("conmon", "both"):
        kill9(engine.conmon(by_name[name]))
    kill9(engine.pid(by_name["both"]))
    eventually(lambda: engine.status("program") == "exited")
    assert engine.status("conmon") == "running"
    assert engine.status("both") == "exited"
    lines = engine.ok("ps", "-a", "--format", "{{.Names}} {{.Status}}")
    assert "program Exited (137)" in lines
    assert "both Exited (255)" in lines
    engine.ok("rm", "-f", "conmon")
