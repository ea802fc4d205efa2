"""The calling program is killed: its containers end, and the next call removes what is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.containers import eventually
from tests.support.engines import Engine
from tests.support.leftovers import CGROUPS
from tests.support.sandboxes import Sandboxes

pytestmark = pytest.mark.root
CALLER = """
import hutch, sys, threading
rootfs, state, kind, cgroup = sys.argv[1:]
options = {"state_root": state or None, "cgroup_parent": cgroup}
program = ["sh", "-c", "trap '' TERM; setsid sleep 98765 & echo up; sleep 98765"]
def up(name, data):
    print("up", flush=True)
if kind == "run":
    hutch.run(rootfs, program, on_output=up, **options)
elif kind == "thread":
    threading.Thread(target=hutch.run, args=(rootfs, program),
                     kwargs={"on_output": up, **options}).start()
elif kind == "at once":
    print("up", flush=True)
    while True:
        hutch.run(rootfs, ["true"], **options)
else:
    hutch.Sandbox(rootfs, **options).run(program, on_output=up)
"""


def start(sandbox: Sandboxes, kind: str, *before: str) -> "subprocess.Popen[bytes]":
    """A program that has a sandbox, once its program runs."""
    state = "" if before else str(sandbox.state)
    caller = subprocess.Popen(
        [*before, sys.executable, "-c", CALLER, sandbox.rootfs, state, kind, f"/{CGROUPS}"],
        stdout=subprocess.PIPE,
    )
    assert caller.stdout is not None
    assert caller.stdout.readline() == b"up\n"
    return caller


def sleepers() -> list[str]:
    """The processes of all callers' containers on this machine."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdigit() or b"98765" not in (folder / "cmdline").read_bytes():
                continue
            if (folder / "comm").read_text() != "python\n":  # the caller
                found.append(folder.name)
        except OSError:
            continue
    return found


def kill(caller: "subprocess.Popen[bytes]") -> None:
    caller.kill()
    caller.wait()
    assert caller.stdout is not None
    caller.stdout.close()


@pytest.mark.parametrize("kind", ["run", "thread", "stays"])
def test_the_container_ends_with_its_caller(sandbox: Sandboxes, kind: str) -> None:
    caller = start(sandbox, kind)

    def below() -> list[str]:
        return [pid for pid in sleepers() if _is_below(int(pid), caller.pid)]

    eventually(lambda: len(below()) >= 2)
    inside = below()
    kill(caller)
    eventually(lambda: not [pid for pid in inside if Path(f"/proc/{pid}").exists()])
    assert sandbox.left() != []
    again = subprocess.run(
        [sys.executable, "-c", "import hutch, sys; hutch.run(sys.argv[1], ['true'], "
         "state_root=sys.argv[2], cgroup_parent=sys.argv[3])",
         sandbox.rootfs, sandbox.state, f"/{CGROUPS}"],
        check=False,
    )  # fmt: skip
    assert again.returncode == 0
    assert sandbox.left() == []


def _is_below(pid: int, caller: int) -> bool:
    while pid > 1 and pid != caller:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        pid = int(stat[stat.rfind(")") + 2 :].split()[1])
    return pid == caller


def test_killed_at_any_moment(sandbox: Sandboxes) -> None:
    for number in range(12):
        caller = start(sandbox, "at once")
        time.sleep(0.1 + number * 0.007)
        kill(caller)
    sandbox(["true"])  # this process has cleaned up before
    again = subprocess.run(
        [sys.executable, "-c", CALLER.replace("while True:", "for _ in range(2):"),
         sandbox.rootfs, sandbox.state, "at once", f"/{CGROUPS}"],
        stdout=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert again.returncode == 0


def test_what_lives_is_left_alone(sandbox: Sandboxes) -> None:
    """Another process's sandbox goes on while this one cleans up."""
    caller = start(sandbox, "stays")
    try:
        before = sandbox.left()
        assert len(before) == 2
        sandbox(["true"])
        assert sandbox.left() == before
    finally:
        kill(caller)
        subprocess.run(
            [sys.executable, "-c", "from hutch.engine.sandbox.shared import shared_places; "
             "import sys; shared_places(sys.argv[1])", sandbox.state], check=True,
        )  # fmt: skip


def test_system_check_finds_it(sandbox: Sandboxes, engine: Engine, tmp_path: Path) -> None:
    """The default state directory is shared by all, so here it is another file system."""
    run = tmp_path / "run"
    run.mkdir()
    script = f'mount --bind {run} /run && exec "$@"'
    private = ["unshare", "--mount", "sh", "-c", script, "sh"]
    sandbox(["true"])
    caller = start(sandbox, "stays", *private)
    kill(caller)

    def check(*flags: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*private, *engine.command("system", "check", *flags)],
            env=engine.variables(), capture_output=True, text=True, check=False,
        )  # fmt: skip

    found = check()
    assert found.returncode == 1
    assert found.stderr.count("its caller has ended") == 1
    assert "files has ended" in found.stderr
    assert check("--repair").returncode == 0
    assert "all is well" in check().stdout
    assert not [name for name in os.listdir(run / "hutch-sandbox") if not name.startswith(".")]


def test_an_interrupt_of_the_caller(sandbox: Sandboxes) -> None:
    """KeyboardInterrupt removes the container on its way."""
    caller = start(sandbox, "run")
    caller.send_signal(signal.SIGINT)
    assert caller.wait(60) == -signal.SIGINT
    assert caller.stdout is not None
    caller.stdout.close()
    assert sandbox.left() == []
