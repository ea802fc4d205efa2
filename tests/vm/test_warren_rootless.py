"""warren as an ordinary user in a cgroup that systemd has delegated."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from conformance.samples.busybox import make_image
from tests.support.engines import Engine, eventually
from tests.vm.test_systemd_user import AS_TESTER, HOME, UID, manager

pytestmark = [pytest.mark.root, pytest.mark.vm]

SCOPE = ["systemd-run", "--user", "--scope", "--quiet", "--property=Delegate=yes", "--"]


class Delegated(Engine):
    """The command in a scope of the user's systemd."""

    def command(self, *arguments: object) -> list[str]:
        return [*AS_TESTER, *SCOPE, *super().command(*arguments)]

    def create(self, *words: object) -> list[str]:
        return ["--network", "none", *map(str, words)]


@pytest.fixture
def users(manager: None) -> Iterator[Delegated]:
    engine = Delegated(HOME / "engine")
    engine.environment["XDG_RUNTIME_DIR"] = f"/run/user/{UID}"
    engine.home.mkdir()
    place = make_image(engine.home / "box")
    for path in [engine.home, *engine.home.rglob("*")]:
        os.chown(path, UID, UID)
    engine.ok("pull", "-q", place)
    engine.image = "box:box"
    yield engine
    if ids := engine.ok("ps", "-aq", "--no-trunc").split():
        engine.ok("rm", "-f", *ids)
    subprocess.run(["rm", "-r", engine.home], check=True)


def test_limits_hold_without_root(users: Delegated) -> None:
    script = """
        cd /sys/fs/cgroup; cat memory.max pids.max cpu.max
        (i=0; while sleep 1000 & do i=$((i + 1)); [ $i -lt 30 ] || exit; done)
        sleep 1000
    """
    flags = ["--name", "one", "-m", "64m", "--pids-limit", "12", "--cpus", "0.5"]
    users.start(*flags, users.image, "sh", "-c", script)
    eventually(lambda: "can't fork" in users.run("logs", "one").stderr)
    assert users.ok("logs", "one").split() == [str(64 << 20), "12", "50000", "100000"]
    users.ok("update", "-m", "48m", "--pids-limit", "40", "one")
    assert users.ok("exec", "one", "cat", "/sys/fs/cgroup/memory.max") == f"{48 << 20}\n"


__all__ = ["manager"]
