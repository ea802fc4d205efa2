"""Starting, stopping, attaching, executing: what Docker's users do all day."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.engines import Engine, at_terminal, eventually

pytestmark = pytest.mark.root


def test_stop_sends_the_stop_signal_then_kills(engine: Engine) -> None:
    script = (
        "trap 'echo term; exit 5' TERM; trap 'echo usr; exit 6' USR1; echo up;"
        " while :; do sleep 0.05; done"
    )
    engine.start("--name", "one", engine.image, "sh", "-c", script)
    engine.start("--name", "two", "--stop-signal", "USR1", engine.image, "sh", "-c", script)
    engine.start("--name", "deaf", "--stop-timeout", "0", engine.image, "sleep", "1000")
    eventually(lambda: "up" in engine.ok("logs", "one") and "up" in engine.ok("logs", "two"))
    engine.ok("stop", "one", "two", "deaf")
    ends = engine.ok("ps", "-a", "--format", "{{.Names}}={{.Status}}")
    assert "one=Exited (5)" in ends
    assert "two=Exited (6)" in ends
    assert "deaf=Exited (137)" in ends
    assert "term" in engine.ok("logs", "one")


def test_start_again_and_restart(engine: Engine) -> None:
    id = engine.ok(
        "create", *engine.create("--name", "one", engine.image, "sh", "-c", "echo x; sleep 100")
    ).strip()
    assert engine.status("one") == "created"
    assert engine.ok("start", "one") == "one\n"
    first = engine.pid(id)
    assert engine.ok("start", "one") == "one\n"  # it runs already
    assert engine.pid(id) == first
    engine.ok("restart", "-t", "0", "one")
    assert engine.pid(id) != first
    assert engine.status("one") == "running"
    engine.ok("kill", "one")
    assert engine.status("one") == "exited"
    assert engine.ok("wait", "one") == "137\n"
    engine.ok("rm", "one")


def test_start_attached_gives_output_and_status(engine: Engine) -> None:
    engine.ok(
        "create", *engine.create("--name", "one", "-i", engine.image, "sh", "-c", "cat; exit 4")
    )
    done = engine.run("start", "-ai", "one", input=b"given\n")
    assert (done.returncode, done.stdout) == (4, "given\n")


def test_input_reaches_the_program_and_ends(engine: Engine) -> None:
    data = bytes(range(256)) * 4000
    done = subprocess.run(
        engine.command("run", "--rm", "-i", *engine.create(engine.image, "cat")),
        env=engine.variables(), input=data, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == data


def test_without_i_there_is_no_input(engine: Engine) -> None:
    assert engine.run_ok(engine.image, "cat", input=b"given\n") == ""


def test_a_terminal(engine: Engine) -> None:
    box = at_terminal(
        engine, "run", "--rm", "-it", *engine.create("--name", "one", engine.image, "sh")
    )
    box.expect("# ")
    box.send("tty; exit 7\n")
    box.expect("/dev/")
    assert box.end() == 7


def test_detach_keys_leave_it_running(engine: Engine) -> None:
    script = "while read x; do echo got-$x; done"
    box = at_terminal(
        engine, "run", "-it", "--detach-keys", "ctrl-x,q",
        *engine.create("--name", "one", engine.image, "sh", "-c", script),
    )  # fmt: skip
    box.send("hello\n")
    box.expect("got-hello")
    box.send("\x18q")
    assert box.end() == 0
    assert engine.status("one") == "running"
    again = at_terminal(engine, "attach", "one")
    again.send("more\n")
    again.expect("got-more")
    again.send("\x10\x11")
    assert again.end() == 1
    assert engine.status("one") == "running"


def test_signals_are_handed_on(engine: Engine) -> None:
    script = "trap 'echo got; exit 3' TERM; echo up; while :; do sleep 0.05; done"
    box = subprocess.Popen(
        engine.command("run", "--rm", *engine.create(engine.image, "sh", "-c", script)),
        env=engine.variables(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert box.stdout is not None
    assert box.stdout.readline() == "up\n"
    box.send_signal(signal.SIGTERM)
    assert box.stdout.read() == "got\n"
    assert box.wait(20) == 3


def test_exec(engine: Engine) -> None:
    engine.start("--name", "one", "-e", "A=of-run", engine.image, "sleep", "1000")
    assert engine.ok("exec", "one", "env").splitlines()[0].startswith("PATH=")
    assert "A=of-run" in engine.ok("exec", "one", "env")
    assert "A=mine" in engine.ok("exec", "-e", "A=mine", "one", "env")
    assert engine.ok("exec", "-u", "guest", "one", "id", "-un") == "guest\n"
    assert engine.ok("exec", "-w", "/etc", "one", "pwd") == "/etc\n"
    assert engine.ok("exec", "-i", "one", "cat", input=b"given") == "given"
    assert engine.ok("exec", "one", "cat", input=b"given") == ""
    assert engine.run("exec", "one", "sh", "-c", "exit 9").returncode == 9
    bits = "grep CapEff /proc/self/status"
    plain = int(engine.ok("exec", "one", "sh", "-c", bits).split()[1], 16)
    all_of = int(engine.ok("exec", "--privileged", "one", "sh", "-c", bits).split()[1], 16)
    assert plain < all_of
    engine.ok("exec", "-d", "one", "touch", "/made")
    eventually(lambda: engine.run("exec", "one", "test", "-e", "/made").returncode == 0)
    box = at_terminal(engine, "exec", "-it", "one", "sh")
    box.expect("# ")
    box.send("tty; exit 8\n")
    box.expect("/dev/")
    assert box.end() == 8
    engine.ok("stop", "-t", "0", "one")
    assert "not running" in engine.fails("exec", "one", "true")


def test_pause(engine: Engine) -> None:
    engine.start("--name", "one", engine.image, "sleep", "1000")
    assert engine.ok("pause", "one") == "one\n"
    assert engine.status("one") == "paused"
    assert "(Paused)" in engine.ok("ps")
    assert "already paused" in engine.fails("pause", "one")
    assert "paused" in engine.fails("exec", "one", "true")
    engine.ok("unpause", "one")
    assert engine.status("one") == "running"
    engine.ok("pause", "one")
    engine.ok("stop", "-t", "0", "one")
    assert engine.status("one") == "exited"


def test_logs(engine: Engine) -> None:
    script = "for i in 1 2 3; do echo line $i; echo err $i >&2; done"
    engine.start("--name", "one", engine.image, "sh", "-c", script)
    engine.ok("wait", "one")
    done = engine.run("logs", "one")
    assert done.stdout == "line 1\nline 2\nline 3\n"
    assert done.stderr == "err 1\nerr 2\nerr 3\n"
    done = engine.run("logs", "--tail", "2", "one")
    assert (done.stdout + done.stderr).count("\n") == 2
    assert engine.ok("logs", "-n", "0", "one") == ""
    stamped = engine.ok("logs", "-t", "one").splitlines()[0]
    assert stamped.endswith("Z line 1")
    moment = stamped.split()[0]
    assert engine.ok("logs", "--until", "2001-01-01", "one") == ""
    assert engine.ok("logs", "--since", "10m", "one") == "line 1\nline 2\nline 3\n"
    assert "T" in moment
    engine.start("--name", "two", engine.image, "sh", "-c", "echo a; sleep 0.5; printf b")
    assert engine.ok("logs", "-f", "two") == "a\nb"


def test_names(engine: Engine) -> None:
    first = engine.ok("create", *engine.create("--name", "one", engine.image)).strip()
    assert (
        "already in use"
        in engine.run("create", *engine.create("--name", "one", engine.image)).stderr
    )
    assert "invalid container name" in engine.fails(
        "create", "--name", "a b", engine.image, status=125
    )
    engine.ok("rename", "one", "two")
    assert engine.status("two") == "created"
    assert "No such container" in engine.fails("start", "one")
    engine.ok("rm", first[:8])
    id = engine.ok("create", *engine.create(engine.image)).strip()
    assert "_" in engine.ok("ps", "-a", "--format", "{{.Names}}")
    assert engine.ok("rm", "-f", "nobody", id) == id + "\n"


def test_restart_policies(engine: Engine) -> None:
    engine.start(
        "--name", "twice", "--restart", "on-failure:2", engine.image, "sh", "-c", "echo x; exit 1"
    )
    engine.start("--name", "good", "--restart", "on-failure", engine.image, "true")
    engine.start(
        "--name", "ever", "--restart", "always", engine.image, "sh", "-c", "echo y; exit 0"
    )
    eventually(lambda: engine.ok("logs", "twice").count("x") == 3)
    eventually(lambda: engine.status("twice") == "exited")
    eventually(lambda: engine.ok("logs", "ever").count("y") >= 3)
    engine.ok("stop", "-t", "0", "ever")
    count = engine.ok("logs", "ever").count("y")
    time.sleep(1.5)
    assert engine.ok("logs", "ever").count("y") == count
    assert engine.status("ever") == "exited"
    assert engine.status("good") == "exited"
    (found,) = json.loads(engine.ok("inspect", "twice"))
    assert found["RestartCount"] == 2
    assert "conflicting" in engine.fails(
        "run", "--rm", "--restart", "always", engine.image, status=125
    )


def test_stop_waits_for_a_restart_that_has_begun(engine: Engine) -> None:
    """So it is stopped for good, and not started once more after the command."""
    calls = engine.home / "calls"
    runtime = engine.home / "slow-runtime"
    runtime.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\ncase "$*" in *create*) sleep 1 ;; esac\nexec runc "$@"\n'
    )
    runtime.chmod(0o755)
    words = ("--name", "one", "--restart", "always", "--runtime", runtime)
    engine.start(*words, engine.image, "true")
    eventually(lambda: calls.read_text().count(" create ") == 2)
    engine.ok("stop", "-t", "0", "one")
    assert engine.status("one") == "exited"
    made = calls.read_text().count(" create ")
    # A restart after that would find its time: the second one comes after 0.2 s.
    time.sleep(1)
    assert calls.read_text().count(" create ") == made


def test_out_of_memory_is_told_as_that(engine: Engine) -> None:
    script = "x=a; while :; do x=$x$x; done"
    engine.start(
        "--name", "one", "-m", "16m", "--memory-swap", "16m", engine.image, "sh", "-c", script
    )
    engine.ok("wait", "one")
    (found,) = json.loads(engine.ok("inspect", "one"))
    assert found["State"]["OOMKilled"] is True
    assert "out of memory" in engine.ok("ps", "-a")


def waiting() -> list[str]:
    """The titles of all processes that wait to restart a container."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if (folder / "comm").read_text() == "warren-restart\n":
                found.append((folder / "cmdline").read_bytes().rstrip(b"\0").decode())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("end", [["rm", "-f"], ["stop"]])
def test_what_waits_to_restart_has_a_name_and_ends_with_its_container(
    engine: Engine, end: list[str]
) -> None:
    id = engine.start("--name", "ever", "--restart", "always", engine.image, "false")
    titled = f"warren: restarts ever {id[:12]} in "
    eventually(lambda: any(titled in title for title in waiting()))
    # Short pauses come first: only a longer one shows that it is not waited for.
    eventually(lambda: any(f"{titled}1.6 s" in title for title in waiting()))
    engine.ok(*end, "ever")
    eventually(lambda: not any(titled in title for title in waiting()))
