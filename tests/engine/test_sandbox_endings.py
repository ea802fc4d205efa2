"""Why a program in a sandbox ended: Result.cause, Result.reason and Result.end."""

import os
import shutil
import signal
import struct
from pathlib import Path

import hutch
import pytest

from tests.support.cgroups import MODE
from tests.support.containers import eventually
from tests.support.sandboxes import Sandboxes

pytestmark = pytest.mark.root

EATER = "x=$(dd if=/dev/zero bs=1M count=64 2>/dev/null | tr '\\0' a); echo lived"
LIMIT = 24 << 20
ABOVE = f"hutch-above-{os.getpid()}"


def test_what_a_program_does_itself(sandbox: Sandboxes, fault: Path) -> None:
    shutil.copy(fault, sandbox.rootfs / "bin" / "fault")
    assert sandbox("exit 3").end == {"cause": "exit", "exitCode": 3, "reason": "exit code 3"}
    assert sandbox("exit 137").cause == "exit"
    term = sandbox("kill -TERM $$")
    assert (term.cause, term.end["signal"], term.end["sender"]) == ("signal", "SIGTERM", "process")
    segv = sandbox(["fault"])
    assert (segv.cause, segv.end["signal"], segv.end["coreDumped"]) == ("fault", "SIGSEGV", False)


def test_a_core_dump(sandbox: Sandboxes, fault: Path) -> None:
    shutil.copy(fault, sandbox.rootfs / "bin" / "fault")
    result = sandbox("cd /tmp; ulimit -c unlimited && exec fault")
    assert (result.cause, result.end["coreDumped"]) == ("fault", True)
    assert "core dumped" in result.reason


def test_a_timeout(sandbox: Sandboxes) -> None:
    result = sandbox("sleep 1000", timeout=0.1)
    assert (result.cause, result.end["sender"]) == ("timeout", "timeout")
    assert result.reason == "ended by SIGKILL, sent at the end of its time limit"


def test_memory(sandbox: Sandboxes) -> None:
    itself = sandbox(EATER, memory=LIMIT)
    child = sandbox(f"sh -c '{EATER}'; exit $?".replace("'\\0'", "\\\\0"), memory=LIMIT)
    for result in (itself, child):
        assert (result.cause, result.end["memory"]["whose"]) == ("oom", "container")
        assert result.end["memory"]["limit"] == LIMIT
        assert "want of memory" in result.reason
    assert (itself.signal, child.signal) == (signal.SIGKILL, 0)
    # A limit above is told from the container's own.
    place = Path("/sys/fs/cgroup") / ("" if MODE == "v2" else "memory") / ABOVE
    place.mkdir()
    try:
        name = "memory.max" if MODE == "v2" else "memory.limit_in_bytes"
        (place / name).write_text(str(LIMIT))
        above = sandbox(EATER, cgroup_parent=f"/{ABOVE}")
        assert (above.cause, above.end["memory"]["whose"]) == ("oom", "ancestor")
        assert above.end["memory"]["limit"] == LIMIT
    finally:
        place.rmdir()


def test_too_many_processes(sandbox: Sandboxes) -> None:
    result = sandbox("sleep 9 & sleep 9 & sleep 9 & sleep 9 & exit 4", pids=3)
    assert result.cause == "exit"
    assert result.end["pids"]["whose"] == "container"
    assert "its limit of 4 processes was reached" in result.reason  # hutch-init counts too


def test_a_signal_from_outside(sandbox: Sandboxes) -> None:
    with sandbox.staying() as box, box.start(["sleep", "1000"]) as process:
        pid = process._init.pid
        os.kill(pid, signal.SIGKILL)
        result = process.wait(60)
    assert (result.cause, result.end["sender"]) == ("signal", "process")
    with sandbox.staying() as box, box.start(["sleep", "1000"]) as process:
        process.kill()
        assert process.wait(60).end["sender"] == "caller"


def test_what_an_earlier_program_did_is_not_told_of_a_later_one(sandbox: Sandboxes) -> None:
    with sandbox.staying(memory=LIMIT, pids=20) as box:
        assert box.run(["sh", "-c", EATER]).cause == "oom"
        later = box.run(["sh", "-c", "exit 1"])
        assert later.end == {"cause": "exit", "exitCode": 1, "reason": "exit code 1"}
        eventually(lambda: box.run(["true"]).ok)


def test_a_forbidden_call_is_named(sandbox: Sandboxes, filtered: Path) -> None:
    """The filter of the sandbox kills nobody; a program may load one of its own that does."""
    shutil.copy(filtered, sandbox.rootfs / "bin" / "filtered")
    number = {"x86_64": 258, "aarch64": 34}[os.uname().machine]  # mkdirat
    kills = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 1 << 31), (0x06, 0, 0, 0x7FFF0000)]
    files = {"/tmp/filter": b"".join(struct.pack("=HBBI", *one) for one in kills)}

    def ended(filter: str) -> hutch.Result:
        return sandbox(["filtered", filter, "0", str(number)], files=files)

    killed = ended("/tmp/filter")
    assert (killed.cause, killed.end["signal"], killed.exit_code) == ("seccomp", "SIGSYS", 159)
    # The kernel's log is that of the machine: a call of another program hides it.
    eventually(lambda: "kills for: mkdirat, made by filtered" in ended("/tmp/filter").reason)
    control = ended("-")
    assert (control.cause, control.text) == ("exit", "0\n14\n")  # EFAULT: it has no path
