"""Containers of an ordinary user: what Docker's users do all day, without root."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import at_terminal, eventually, kill9
from tests.support.rootless import FIRST, USER, Rootless, rootless

pytestmark = pytest.mark.root


@pytest.fixture
def many() -> Iterator[Rootless]:
    """With a range of ids."""
    with rootless(True) as engine:
        yield engine


@pytest.fixture
def single() -> Iterator[Rootless]:
    """With its own id only."""
    with rootless(False) as engine:
        yield engine


LOOP = "trap 'exit 3' TERM; echo up; echo err >&2; while :; do sleep 0.05; done"


def test_a_session(many: Rootless) -> None:
    engine = many
    engine.ok(
        "run", "-d", *engine.create("--name", "one", "-v", "vol:/data", "--health-cmd", "true"),
        "--health-interval", "100ms", engine.image, "sh", "-c", LOOP,
    )  # fmt: skip
    assert len(engine.holders()) == 1
    eventually(lambda: engine.run("logs", "one").stdout == "up\n")
    assert engine.run("logs", "one").stderr == "err\n"
    assert engine.ok("exec", "one", "id", "-u") == "0\n"
    assert engine.ok("exec", "-u", "guest", "one", "id", "-u") == "1000\n"
    assert engine.ok("exec", "one", "stat", "-c", "%u %g", "/data/kept") == "1000 1000\n"
    assert engine.ok("exec", "one", "ls", "/sys/class/net") == "lo\n"
    box = at_terminal(engine, "exec", "-it", "one", "sh")
    box.expect("# ")
    box.send("tty; exit 8\n")
    box.expect("/dev/")
    assert box.end() == 8
    engine.ok("cp", engine.home / "etc" / "passwd", "one:/tmp/users")
    engine.ok("cp", "one:/tmp/users", engine.home / "copied")
    assert (engine.home / "copied").stat().st_uid == USER
    assert "plain:" in (engine.home / "copied").read_text()
    eventually(lambda: "(healthy)" in engine.ok("ps"))
    assert "container" in engine.fails("rmi", "box:box")
    assert "/tmp/users" in engine.ok("diff", "one")
    assert engine.ok("top", "one").count("\n") >= 2
    engine.ok("stop", "one")
    assert "Exited (3)" in engine.ok("ps", "-a")
    assert engine.holders() == []
    engine.ok("start", "one")
    assert engine.status("one") == "running"
    engine.ok("rm", "-f", "one")
    assert engine.ok("ps", "-aq") == ""
    assert engine.ok("volume", "ls", "-q") == "vol\n"


def test_who_it_is_and_what_it_may(many: Rootless) -> None:
    engine = many
    (engine.home / "shared").mkdir()
    os.chown(engine.home / "shared", USER, USER)
    script = "id -u; touch /h/of-root; su -c true 2>/dev/null; chown 7 /h/of-root; ls -ld /sys"
    engine.sh(script, "-v", f"{engine.home}/shared:/h")
    assert (engine.home / "shared" / "of-root").stat().st_uid == FIRST + 6
    host = engine.sh("readlink /proc/self/ns/net", "--network", "host").strip()
    assert host == os.readlink("/proc/self/ns/net")
    done = engine.run("run", "--rm", "--network", "none", "-m", "64m", engine.image, "true")
    assert done.returncode == 125 and "systemd-run" in done.stderr
    assert done.stderr.count("hint") == 1
    done = engine.run("run", "--rm", *engine.create("--uidmap", "0:1:10", engine.image, "true"))
    assert done.returncode == 125 and "ordinary user" in done.stderr
    assert engine.holders() == []
    flags = ["--read-only", "--tmpfs", "/t", "--ipc", "shareable", "--init", "--privileged"]
    assert engine.sh("touch /t/x; cat /proc/1/comm", *flags) == "docker-init\n"


def test_what_is_killed_is_found_again(many: Rootless) -> None:
    engine = many
    id = engine.start("--name", "one", engine.image, "sleep", "1000")
    pid = engine.pid(id)
    (first,) = engine.holders()
    kill9(first)
    eventually(lambda: engine.holders() == [])
    assert engine.ok("exec", "one", "echo", "x") == "x\n"
    assert engine.holders() != [first] and len(engine.holders()) == 1
    kill9(engine.conmon(id))
    eventually(lambda: not Path(f"/proc/{engine.conmon(id)}/exe").exists())
    engine.ok("stop", "-t", "0", "one")
    assert engine.status("one") == "exited"
    assert not Path(f"/proc/{pid}/exe").exists()  # a zombie has none


def test_with_one_id(single: Rootless) -> None:
    engine = single
    engine.start("--name", "one", "-v", "vol:/data", engine.image, "sh", "-c", LOOP)
    eventually(lambda: engine.run("logs", "one").stdout == "up\n")
    assert engine.ok("exec", "one", "id", "-u") == "0\n"
    assert engine.ok("exec", "-u", "0:0", "one", "id", "-u") == "0\n"
    assert engine.ok("exec", "one", "stat", "-c", "%u", "/data/kept") == "0\n"
    engine.ok("stop", "one")
    assert "Exited (3)" in engine.ok("ps", "-a")
    assert (
        engine.run(
            "run", "--rm", "--network", "none", "-u", "guest", engine.image, "true"
        ).returncode
        == 125
    )
