"""Programs in running containers that conmon supervises: at a terminal, and in the background."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.engines import Engine, Terminal, at_terminal, eventually, kill9

pytestmark = pytest.mark.root


def execs(engine: Engine, id: str) -> Path:
    """The folder of a container's executions."""
    return engine.root / "containers" / id / "execs"


def running(engine: Engine) -> list[str]:
    """The executions that the container ``one`` has."""
    found = engine.inspect("one")["ExecIDs"]
    assert found is None or isinstance(found, list)
    return found or []


def exit_code(engine: Engine, id: str, execution: str) -> int | None:
    """What is known of how an execution ended."""
    document = json.loads((execs(engine, id) / execution / "execution.json").read_text())
    code = document[3]
    assert code is None or isinstance(code, int)
    return code


def shell(engine: Engine, *flags: str) -> Terminal:
    """A shell at a terminal in the container ``one``."""
    box = at_terminal(engine, "exec", "-it", *flags, "one", "sh")
    box.expect("# ")
    return box


def test_the_exit_code_of_one_in_the_background_is_kept(engine: Engine) -> None:
    id = engine.start("--name", "one", engine.image, "sleep", "1000")
    assert running(engine) == []
    script = "test -t 0 && tty >/tmp/tty; until test -e /go; do sleep 0.01; done; exit 7"
    assert engine.ok("exec", "-d", "one", "sh", "-c", script) == ""
    (first,) = running(engine)
    engine.ok("exec", "-dt", "one", "sh", "-c", script)
    (second,) = [one for one in running(engine) if one != first]
    eventually(lambda: engine.run("exec", "one", "test", "-s", "/tmp/tty").returncode == 0)
    assert engine.ok("exec", "one", "cat", "/tmp/tty").startswith("/dev/pts/")
    engine.ok("exec", "one", "touch", "/go")
    eventually(lambda: running(engine) == [])
    assert exit_code(engine, id, first) == exit_code(engine, id, second) == 7
    events = engine.ok("events", "--since", "1h", "--until", "0s", "--filter", "event=exec_die")
    assert events.count("exitCode=7") == 2
    assert f"execID={first}" in events
    # What did not begin, and why; nothing is left of it.
    missing = engine.run("exec", "-d", "one", "no-such-program")
    assert missing.returncode == 127
    assert 'exec: "no-such-program": executable file not found' in missing.stderr
    assert engine.run("exec", "-d", "one", "/etc").returncode == 126
    assert sorted(os.listdir(execs(engine, id))) == sorted([first, second])
    # One that ended long ago is forgotten when the next begins, all of them with the run.
    path = execs(engine, id) / first / "execution.json"
    document = json.loads(path.read_text())
    document[4] -= 1000
    path.write_text(json.dumps(document))
    engine.ok("exec", "-d", "one", "sleep", "1000")
    assert first not in os.listdir(execs(engine, id))
    engine.ok("stop", "-t", "0", "one")
    assert not execs(engine, id).exists()
    assert engine.inspect("one")["ExecIDs"] is None


def test_detach_keys_leave_a_terminal(engine: Engine) -> None:
    engine.start("--name", "one", engine.image, "sleep", "1000")
    box = shell(engine)
    box.send("echo $((6*7))\n")
    box.expect("42")
    box.send("\x10\x11")
    box.expect("read escape sequence")
    assert box.end() == 1
    assert len(running(engine)) == 1
    box = shell(engine, "--detach-keys", "ctrl-x,y")
    box.send("\x10\x11echo $((6*8))\n")  # not the keys any more
    box.expect("48")
    box.send("\x18y")
    assert box.end() == 1
    assert len(running(engine)) == 2
    box = shell(engine, "--detach-keys", "")
    box.send("\x10\x11\x03exit 5\n")
    assert box.end() == 5
    assert len(running(engine)) == 2
    assert "--detach-keys" in engine.fails(
        "exec", "--detach-keys", "ctrl-", "one", "true", status=125
    )


def test_a_signal_goes_to_the_program(engine: Engine) -> None:
    engine.start("--name", "one", engine.image, "sleep", "1000")
    script = "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done"
    box = at_terminal(engine, "exec", "-it", "one", "sh", "-c", script)
    box.expect("up")
    os.kill(box.pid, signal.SIGTERM)
    assert box.end() == 3


def test_kill9_of_what_supervises(engine: Engine) -> None:
    """Of warren: the program goes on, and its end is recorded. Of conmon: the command says so."""
    id = engine.start("--name", "one", engine.image, "sleep", "1000")
    box = at_terminal(engine, "exec", "-it", "one", "sh", "-c", "echo up; sleep 1000")
    box.expect("up")
    (first,) = running(engine)
    kill9(box.pid)
    box.end()
    assert running(engine) == [first]
    kill9(int((execs(engine, id) / first / "pid").read_text()))
    eventually(lambda: running(engine) == [])
    assert exit_code(engine, id, first) == 137

    box = at_terminal(engine, "exec", "-it", "one", "sh", "-c", "echo up; sleep 1000")
    box.expect("up")
    (second,) = running(engine)
    program = int((execs(engine, id) / second / "pid").read_text())
    kill9(int((execs(engine, id) / second / "conmon.pid").read_text()))
    box.expect("conmon) was killed")
    assert box.end() == 1
    eventually(lambda: not Path("/proc", str(program)).exists())  # the terminal was hung up
    assert running(engine) == []
    assert exit_code(engine, id, second) == 255

    engine.ok("exec", "-d", "one", "sleep", "1000")
    (third,) = running(engine)
    kill9(int((execs(engine, id) / third / "conmon.pid").read_text()))
    assert running(engine) == [third]  # it has no terminal, and goes on
    kill9(int((execs(engine, id) / third / "pid").read_text()))
    eventually(lambda: running(engine) == [])
    assert exit_code(engine, id, third) == 255

    # A warren that is killed while it begins one, at any moment: it has begun, or nothing is left.
    for number in range(12):
        process = os.posix_spawn(
            engine.command()[0], engine.command("exec", "-d", "one", "sleep", "1000"), {
                **os.environ, **engine.variables(),
            },
        )  # fmt: skip
        signal.sigtimedwait([], 0.004 * (number + 5))
        kill9(process)
        os.waitpid(process, 0)
    engine.ok("exec", "-d", "one", "true")
    eventually(lambda: sorted(running(engine)) == begun(engine, id))
    engine.ok("rm", "-f", "one")


def begun(engine: Engine, id: str) -> list[str]:
    """The executions whose program lives."""
    found = []
    for one in execs(engine, id).iterdir():
        try:
            pid = int((one / "pid").read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            continue
        found.append(one.name)
    return sorted(found)
