"""warren's containers under a security module, and after a boot, on a host that has both."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually

pytestmark = [pytest.mark.root, pytest.mark.vm]


@pytest.fixture
def unit(engine: Engine) -> Iterator[str]:
    """The unit that ``warren system install`` writes; it is gone at the end."""
    path = engine.ok("system", "install").strip()
    yield Path(path).name
    engine.ok("system", "uninstall")
    assert not Path(path).exists()


def test_the_apparmor_profile_that_is_asked_for(engine: Engine) -> None:
    engine.ok("system", "apparmor")
    try:
        script = "cat /proc/self/attr/current"
        profile = ["--security-opt", "apparmor=hutch-default"]
        assert engine.sh(script, *profile).strip() == "hutch-default (enforce)"
        none = ["--security-opt", "apparmor=unconfined"]
        assert engine.sh(script, *none).strip() == "unconfined"
    finally:
        engine.ok("system", "apparmor", "--remove")


@pytest.mark.systemd
def test_the_unit_starts_what_is_to_run(engine: Engine, unit: str) -> None:
    engine.start("--name", "one", "--restart", "always", engine.image, "sleep", "1000")
    engine.ok("stop", "-t", "0", "one")
    subprocess.run(["systemctl", "start", unit], check=True)
    assert engine.status("one") == "running"
    subprocess.run(["systemctl", "stop", unit], check=True)
    eventually(lambda: engine.status("one") == "running")
    assert engine.ok("exec", "one", "echo", "x") == "x\n"
