"""What is told of containers: ps, inspect, stats, top, events, info."""

import json
import subprocess

import pytest

from tests.support.engines import Engine, eventually

pytestmark = pytest.mark.root


def test_ps_filters_and_formats(engine: Engine) -> None:
    for name in ("one", "two"):
        engine.start("--name", name, "--label", f"n={name}", engine.image, "sleep", "1000")
    engine.ok("stop", "-t", "0", "two")
    names = ["--format", "{{.Names}}"]
    assert engine.ok("ps", *names) == "one\n"
    assert engine.ok("ps", "-a", *names) == "two\none\n"
    assert engine.ok("ps", "-l", *names) == "two\n"
    assert engine.ok("ps", "-n", "1", *names) == "two\n"
    assert engine.ok("ps", "-f", "status=exited", *names) == "two\n"
    assert engine.ok("ps", "-a", "-f", "exited=137", *names) == "two\n"
    assert engine.ok("ps", "-a", "-f", "since=one", *names) == "two\n"
    assert engine.ok("ps", "-a", "-f", "before=two", *names) == "one\n"
    assert engine.ok("ps", "-a", "-f", "label=n=two", *names) == "two\n"
    assert engine.ok("ps", "-f", f"ancestor={engine.image}", *names) == "one\n"
    assert "(virtual" in engine.ok("ps", "-s")
    assert len(engine.ok("container", "ls", "-aq", "--no-trunc").split()[0]) == 64
    assert "invalid filter" in engine.fails("ps", "-f", "odd=1", status=125)
    assert json.loads(engine.ok("ps", "--format", "json"))["State"] == "running"


def test_inspect(engine: Engine) -> None:
    id = engine.start("--name", "one", "-e", "A=b", engine.image, "sleep", "1000")
    (found,) = json.loads(engine.ok("inspect", "one"))
    assert found["Id"] == id
    assert found["Name"] == "/one"
    assert found["State"]["Running"] is True
    assert found["State"]["Pid"] == engine.pid(id)
    assert found["Path"] == "sleep" and found["Args"] == ["1000"]
    assert "A=b" in found["Config"]["Env"]
    assert engine.ok("inspect", "-f", "{{.State.Status}}", "one") == "running\n"
    assert engine.ok("inspect", "--type", "image", "-f", "{{.Os}}", engine.image) == "linux\n"
    assert "No such container" in engine.fails("inspect", "--type", "container", "box:box")


def test_stats_and_top(engine: Engine) -> None:
    engine.start("--name", "one", "-m", "64m", engine.image, "sh", "-c", "while :; do :; done")
    line = json.loads(engine.ok("stats", "--no-stream", "--format", "json", "one"))
    assert float(line["CPUPerc"].rstrip("%")) > 0
    assert line["MemUsage"].endswith("/ 64MiB")
    assert int(line["PIDs"]) >= 1
    lines = engine.ok("top", "one").splitlines()
    assert "PID" in lines[0] and "while" in lines[1]
    assert engine.ok("top", "one", "-eo", "pid,comm").splitlines()[0].split() == ["PID", "COMMAND"]


def test_events(engine: Engine) -> None:
    process = subprocess.Popen(
        engine.command("events", "--format", "{{.Action}}", "--filter", "container=one"),
        env=engine.variables(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    eventually(lambda: engine.ok("ps", "-q") == "")
    import time

    time.sleep(0.5)
    engine.run_ok("--name", "one", engine.image, "true")
    assert process.stdout is not None
    seen = [process.stdout.readline().strip() for _ in range(4)]
    process.kill()
    process.wait()
    process.stdout.close()
    assert seen == ["create", "start", "die", "destroy"]
    past = engine.ok("events", "--since", "10m", "--until", "0s", "--filter", "event=die")
    assert "exitCode=0" in past


def test_info_and_port(engine: Engine) -> None:
    engine.start("--name", "one", engine.image, "sleep", "1000")
    found = json.loads(engine.ok("info", "-f", "json"))
    assert found["ContainersRunning"] == 1
    assert engine.ok("port", "one") == ""
    assert "no public port" in engine.fails("port", "one", "80")
