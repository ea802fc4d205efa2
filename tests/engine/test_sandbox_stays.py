"""hutch.Sandbox: a container for several programs."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import hutch
import pytest

from tests.support.containers import eventually
from tests.support.leftovers import CGROUPS
from tests.support.sandboxes import Sandboxes

pytestmark = pytest.mark.root


def sh(box: hutch.Sandbox, script: str, **options: object) -> hutch.Result:
    return box.run(["sh", "-c", script], **options)  # type: ignore[arg-type]


def test_files_and_processes_stay(sandbox: Sandboxes) -> None:
    with sandbox.staying(env={"A": "all"}) as box:
        assert sh(box, "echo one > /tmp/file; sleep 1000 & exit 3").exit_code == 3
        result = sh(box, "cat /tmp/file; echo $A $B; pwd; id -u; ps | grep -c '[s]leep 1000'",
                    env={"B": "mine"}, user="guest", workdir="/var")  # fmt: skip
        assert result.text.split() == ["one", "all", "mine", "/var", "1000", "1"]
        assert sh(box, "echo $B; id -u; cat", input="in").text.split() == ["65534", "in"]
        assert box.run(["sh", "-c", "kill -9 $$"]).signal == 9
    with pytest.raises(hutch.StateError, match="closed"):
        box.run(["true"])
    box.close()


def test_put_and_get(sandbox: Sandboxes, tmp_path: Path) -> None:
    with sandbox.staying() as box:
        data = os.urandom(1 << 20)
        box.put({"/tmp/a/b": data, "/c": "text"})
        assert box.get("/tmp/a/b") == data
        assert sh(box, "cat /c; echo more >> /c; stat -c %u /tmp/a").text == "text65534\n"
        assert box.get("/c") == b"textmore\n"
        with pytest.raises(hutch.KernelError) as caught:
            box.get("/nosuch")
        assert caught.value.errno == 2
        with pytest.raises(hutch.UsageError, match="max_output"):
            box.run(["true"], max_output=-1)
        with pytest.raises(hutch.UsageError, match="larger"):
            box.get("/tmp/a/b", limit=10)
        with pytest.raises(hutch.UsageError, match="not a regular"):
            box.get("/tmp")
    with sandbox.staying(scratch=0) as box:
        with pytest.raises(hutch.UsageError, match="scratch"):
            box.put({"/a": "b"})
        with pytest.raises(hutch.UsageError, match="scratch"):
            box.snapshot()


def test_snapshots(sandbox: Sandboxes) -> None:
    """What was made, changed and removed since then is as it was; a directory that was removed and
    made again does not show its old files."""
    show = "cat /tmp/file; ls /etc; [ -e /tmp/late ] && echo late; ps | grep -c '[s]leep 1000'"
    with sandbox.staying(user=0) as box:
        sh(box, "echo first > /tmp/file; rm -r /etc; mkdir /etc; echo > /etc/new; sleep 1000 &")
        first = box.snapshot()
        assert sh(box, show).text.split() == ["first", "new", "0"]
        sh(box, "echo second > /tmp/file; rm /etc/new; touch /tmp/late")
        second = box.snapshot()
        sh(box, "rm /tmp/file")
        for _ in range(2):
            box.restore(second)
            assert sh(box, show).text.split() == ["second", "late", "0"]
        box.restore(first)
        assert sh(box, show).text.split() == ["first", "new", "0"]
        with pytest.raises(hutch.UsageError, match="snapshot"):
            box.restore(second)
        third = box.snapshot()
        sh(box, "rm /tmp/file")
        box.restore(third)
        assert sh(box, "cat /tmp/file").text == "first\n"
        with sandbox.staying() as other, pytest.raises(hutch.UsageError, match="snapshot"):
            other.restore(third)


def test_many_snapshots(sandbox: Sandboxes) -> None:
    sandbox.shorten()
    with sandbox.staying() as box:
        for number in range(50):
            box.put({f"/tmp/{number}": ""})
            last = box.snapshot()
        box.restore(last)
        assert sh(box, "ls /tmp | wc -l").text == "50\n"


def test_the_scratch_layer_has_a_size(sandbox: Sandboxes) -> None:
    write = "dd if=/dev/zero of=/tmp/file bs=1M count=8 && echo fits"
    with sandbox.staying(scratch="4m") as box:
        assert b"No space" in sh(box, write).stderr
        sh(box, "rm /tmp/file")
        box.snapshot()
        assert b"No space" in sh(box, write).stderr
    with sandbox.staying() as box:
        assert sh(box, write).text == "fits\n"


def test_timeout_ends_all_processes_and_files_stay(sandbox: Sandboxes) -> None:
    with sandbox.staying() as box:
        sh(box, "echo kept > /tmp/file; sleep 1000 &")
        result = sh(box, "setsid sleep 1000 & echo up; sleep 1000", timeout=1)
        assert (result.timed_out, result.exit_code, result.stdout) == (True, 137, b"up\n")
        assert sh(box, "cat /tmp/file; ps | grep -c '[s]leep 1000'").text == "kept\n0\n"


def test_memory_is_told_of_the_program_that_used_it(sandbox: Sandboxes) -> None:
    with sandbox.staying(memory="24m") as box:
        eater = "x=$(dd if=/dev/zero bs=1M count=64 2>/dev/null | tr '\\0' a); echo lived"
        assert sh(box, eater).oom_killed
        result = sh(box, "echo on")
        assert (result.text, result.oom_killed) == ("on\n", False)


def test_the_limits_hold_for_all_programs_together(sandbox: Sandboxes) -> None:
    with sandbox.staying(pids=4) as box:
        sh(box, "sleep 1000 & sleep 1000 &")
        assert sh(box, "sleep 0 & wait; echo on").text == "on\n"
        assert b"fork" in sh(box, "sleep 1 & sleep 1 & sleep 1 & echo").stderr
    with sandbox.staying(pids=1) as box:
        assert box.run(["true"]).ok


def test_streams(sandbox: Sandboxes) -> None:
    with sandbox.staying() as box:
        talk = "echo hello; while read line; do echo got $line >&2; done; exit 4"
        with box.start(["sh", "-c", talk], interactive=True, input="zero\n") as process:
            with pytest.raises(hutch.UsageError, match="still runs"):
                _ = process.result
            seen = []
            for piece in process:
                seen.append(piece)
                if piece == ("stderr", b"got zero\n"):
                    process.write("one\n")
                if piece == ("stderr", b"got one\n"):
                    process.end_input()
        assert seen[0] == ("stdout", b"hello\n")
        assert process.result.exit_code == 4
        assert process.result.stderr == b"got zero\ngot one\n"
        with pytest.raises(hutch.UsageError, match="input"):
            process.write("late")
        with box.start(["sh", "-c", "sleep 1000 & sleep 1000"]) as process:
            process.kill("TERM")
            assert process.wait().signal == signal.SIGTERM
        with box.start(["sh", "-c", "sleep 987 & wait"]) as process:
            eventually(lambda: "sleep 987" in sh(box, "ps").text)
        assert process.result.signal == signal.SIGKILL
        assert "sleep 987" not in sh(box, "ps").text  # the whole process group


def test_several_at_once(sandbox: Sandboxes) -> None:
    with sandbox.staying() as box:
        results: list[str] = []
        threads = [
            threading.Thread(target=lambda n=n: results.append(box.run(["cat"], input=str(n)).text))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == list("01234567")


def test_close_ends_what_runs(sandbox: Sandboxes) -> None:
    box = hutch.Sandbox(sandbox.rootfs, **sandbox.options())
    process = box.start(["sleep", "1000"])
    box.close()
    assert process.wait().signal == signal.SIGKILL


def test_a_sandbox_that_cannot_start(sandbox: Sandboxes) -> None:
    with pytest.raises(hutch.UsageError):
        hutch.Sandbox(sandbox.rootfs / "nosuch", **sandbox.options())
    with pytest.raises(hutch.HutchError):
        hutch.Sandbox(sandbox.rootfs, **sandbox.options(mounts={"/bin/sh/x": "/"}))
    with sandbox.staying() as box, pytest.raises(hutch.HutchError, match="nosuch"):
        box.run(["nosuch"])


def test_what_is_not_closed_is_closed_at_the_end(sandbox: Sandboxes) -> None:
    """Of the process that made it; not of a child that it has forked."""
    program = (
        "import hutch, os, sys; box = hutch.Sandbox(sys.argv[1], state_root=sys.argv[2], "
        "cgroup_parent=sys.argv[3]); box.put({'/tmp/a': 'b'});"
        "child = os.fork(); child or sys.exit(); os.waitpid(child, 0); print(box.get('/tmp/a'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, sandbox.rootfs, sandbox.state, f"/{CGROUPS}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("b'b'\n", "")
    assert sandbox.left() == []


def test_groups_are_the_users(sandbox: Sandboxes) -> None:
    group = sandbox.rootfs / "etc" / "group"
    group.write_text("guest:x:1000:\nstaff:x:50:guest\n")
    with sandbox.staying(user="guest") as box:
        assert box.run(["id", "-G"]).text.split() == ["1000", "50"]
        assert box.run(["id", "-G"], user=7).text.split() == ["0"]
        assert box.run(["id", "-G"], user="guest").text.split() == ["1000", "50"]
