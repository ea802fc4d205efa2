"""warren's containers on a host with systemd, cgroup v2 and AppArmor."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually
from tests.support.reboot import go_down

pytestmark = [pytest.mark.root, pytest.mark.vm]


@pytest.fixture
def unit(engine: Engine) -> Iterator[str]:
    """The unit that ``warren system install`` writes; it is gone at the end."""
    path = engine.ok("system", "install").strip()
    yield Path(path).name
    engine.ok("system", "uninstall")
    assert not Path(path).exists()


def test_the_apparmor_profile_is_in_force(engine: Engine) -> None:
    """By default, if it is loaded, and if it is asked for; not if it is unconfined."""
    engine.ok("system", "apparmor")
    try:
        script = "cat /proc/self/attr/current; mount -t tmpfs none /tmp 2>&1 | grep -o denied"
        flags = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"]
        assert engine.sh(script, *flags).split("\n")[:2] == ["hutch-default (enforce)", "denied"]
        named = engine.sh(script, *flags, "--security-opt", "apparmor=hutch-default")
        assert named.startswith("hutch-default (enforce)\n")
        script = "cat /proc/self/attr/current; mount -t tmpfs none /tmp && echo mounted"
        none = ["--security-opt", "apparmor=unconfined"]
        assert engine.sh(script, *flags, *none).split() == ["unconfined", "mounted"]
    finally:
        engine.ok("system", "apparmor", "--remove")


@pytest.mark.systemd
def test_the_unit_starts_what_is_to_run(engine: Engine, unit: str) -> None:
    """After a sudden end of the machine."""
    id = engine.start("--name", "one", "--restart", "always", engine.image, "sleep", "1000")
    engine.start("--name", "two", "--restart", "unless-stopped", engine.image, "sleep", "1000")
    engine.ok("stop", "-t", "0", "two")
    go_down(engine, [id])
    subprocess.run(["systemctl", "start", unit], check=True)
    assert engine.status("one") == "running"
    assert engine.status("two") == "exited"
    subprocess.run(["systemctl", "stop", unit], check=True)
    assert engine.ok("exec", "one", "echo", "x") == "x\n"


def test_limits_hold_and_the_journal_has_what_is_said(engine: Engine) -> None:
    script = """
        cd /sys/fs/cgroup; cat cpuset.cpus cpu.max; cut -d " " -f 2- io.max
        i=0; while sleep 1000 & do i=$((i + 1)); [ $i -lt 30 ] || exit; done
    """
    flags = ["--pids-limit", "9", "--cpuset-cpus", "1", "--cpus", "0.5", "--device-write-bps",
             "/dev/vda:2mb", "--log-driver", "journald"]  # fmt: skip
    engine.start("--name", "one", *flags, engine.image, "sh", "-c", f"({script}); sleep 1000")
    eventually(lambda: "can't fork" in engine.run("logs", "one").stderr)
    limits = "1 50000 100000 rbps=max wbps=2097152 riops=max wiops=max"
    words = ["journalctl", "--output=cat", "--quiet", "CONTAINER_NAME=one", "PRIORITY=6"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == limits.split()
    engine.ok("update", "--pids-limit", "77", "-m", "32m", "--cpus", "1.5", "one")
    script = "cd /sys/fs/cgroup; cat pids.max memory.max cpu.max"
    seen = engine.ok("exec", "one", "sh", "-c", script)
    assert seen.splitlines() == ["77", str(32 << 20), "150000 100000"]
    eater = ["sh", "-c", "x=a; while :; do x=$x$x; done"]
    engine.start("--name", "two", "-m", "16m", "--memory-swap", "16m", engine.image, *eater)
    assert engine.ok("wait", "two") == "137\n"
    assert "out of memory" in engine.ok("ps", "-a", "--filter", "name=two")
