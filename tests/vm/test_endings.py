"""Why a container ended, on cgroup v2: by whose limit."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cgroups import ON_V2
from tests.support.containers import Bundle, Runtime

pytestmark = [*ON_V2, pytest.mark.usefixtures("no_traces")]

LIMIT = 8 << 20
HOG = "dd if=/dev/zero of=/dev/null bs=100M"
ABOVE = f"hutch-above-{os.getpid()}"


@pytest.fixture
def above() -> Iterator[None]:
    """A cgroup with limits, for containers below it."""
    place = Path("/sys/fs/cgroup") / ABOVE
    place.mkdir()
    (place / "cgroup.subtree_control").write_text("+memory +pids")
    (place / "memory.max").write_text(str(LIMIT))
    (place / "memory.swap.max").write_text("0")
    yield
    place.rmdir()


def end(hutch: Runtime, bundle: Bundle) -> dict[str, Any]:
    """What `state` says of the end of the bundle's container."""
    hutch("run", "--keep", "--bundle", str(bundle.save().path), "test", check=False)
    found: dict[str, Any] = hutch.state("test")["end"]
    hutch("delete", "test")
    return found


def test_the_limit_of_the_container(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["linux"]["resources"]["memory"] = {"limit": LIMIT, "swap": LIMIT}
    found = end(hutch, bundle.sh(f"exec {HOG}"))
    assert (found["cause"], found["signal"]) == ("oom", "SIGKILL")
    assert (found["memory"]["whose"], found["memory"]["limit"]) == ("container", LIMIT)
    assert 0 < found["memory"]["peak"] <= LIMIT
    assert [victim["name"] for victim in found["killed"]] == ["dd"]
    child = end(hutch, bundle.sh(f"{HOG}; exit 5"))
    assert (child["cause"], child["exitCode"], child["memory"]["kills"]) == ("exit", 5, 1)


def test_the_limit_of_a_cgroup_above(hutch: Runtime, bundle: Bundle, above: None) -> None:
    bundle.config["linux"]["cgroupsPath"] = f"/{ABOVE}/inner"
    found = end(hutch, bundle.sh(f"exec {HOG}"))
    assert (found["cause"], found["memory"]["whose"]) == ("oom", "ancestor")
    assert found["memory"]["cgroup"] == f"/sys/fs/cgroup/{ABOVE}"
    assert found["memory"]["limit"] == LIMIT


def test_the_limit_of_processes(hutch: Runtime, bundle: Bundle) -> None:
    bundle.config["linux"]["resources"]["pids"] = {"limit": 3}
    found = end(hutch, bundle.sh("sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait; exit 3"))
    assert (found["pids"]["whose"], found["pids"]["limit"]) == ("container", 3)
