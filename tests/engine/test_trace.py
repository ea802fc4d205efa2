"""run --trace: one timeline through warren, conmon, hutch and hutch-init."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Engine

pytestmark = pytest.mark.root


def lanes(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The steps of each program, by the time at which they began."""
    events = json.loads(path.read_text())["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
    for event in sorted((e for e in events if e["ph"] == "X"), key=lambda e: e["ts"]):
        found[names[event["tid"]]].append(event)
    return found


def test_one_clock_for_all(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    assert engine.run_ok("--trace", file, engine.image, "echo", "x") == "x\n"
    found = lanes(file)
    steps = {event["name"]: event for event in found["warren"]}
    assert list(steps) == [
        "start the interpreter", "find the image", "make the container",
        "mount the root file system", "write config.json", "wait for conmon and hutch create",
        "write down what runs", "start the program", "write down that it runs",
        "carry its input and output", "wait for its end, and clean up",
    ]  # fmt: skip
    waiting = steps["wait for conmon and hutch create"]
    begin, end = waiting["ts"], waiting["ts"] + waiting["dur"]
    for lane in ("hutch", "hutch-init"):
        assert found[lane]
        assert all(begin <= e["ts"] and e["ts"] + e["dur"] <= end for e in found[lane])
    assert "compile the plan" in [event["name"] for event in found["hutch"]]
    assert [event["name"] for event in found["conmon"]][:2] == [
        "start, and start hutch create", "wait for hutch create",
    ]  # fmt: skip
    assert all(event["dur"] >= 0 for lane in found.values() for event in lane)


def test_what_fails_is_traced_up_to_there(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    flags = ["--trace", file, *engine.create(engine.image)]
    assert engine.run("run", "--rm", *flags, "no-such-program").returncode == 127
    assert "mount the root file system" in [event["name"] for event in lanes(file)["warren"]]
    engine.start("--trace", file, engine.image, "sleep", "1000")
    assert "start the program" in [event["name"] for event in lanes(file)["warren"]]
    assert "the trace" in engine.fails(
        "run", "--trace", "/nowhere/at/all", engine.image, status=125
    )
