"""The runtime killed at any moment: `delete --force` leaves nothing, and others are untouched."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Runtime, alive, eventually

pytestmark = [
    pytest.mark.root,
    pytest.mark.usefixtures("no_traces"),
    pytest.mark.skipif(not shutil.which("strace"), reason="takes strace"),
]

QUIET: dict[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.DEVNULL,
    "stderr": subprocess.DEVNULL,
    "timeout": 60,
    "check": False,
}
# Where the runtime and the init are at their most different: a spread over all their calls.
MOMENTS = (1, 2, 4, 9, 20, 45)


def command(hutch: Runtime, bundle: Bundle, verb: str) -> list[str]:
    return [hutch.command, "--root", str(hutch.root), verb, "--bundle", str(bundle.path), "test"]


def inject(call: str, when: int, follow: bool) -> list[str]:
    """strace that kills the process that makes the ``when``-th ``call``.

    With -D the caller waits only for the command, not for all processes that strace follows.
    """
    trace = ["strace", "-D", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
    trace += ["-e", f"inject={call}:signal=SIGKILL:when={when}"]
    return trace + (["-f"] if follow else [])


def delete_and_look(hutch: Runtime) -> None:
    """`delete --force` must succeed twice, and remove the state. no_traces checks the rest."""
    for _ in range(2):
        assert hutch("delete", "--force", "test").code == 0
    assert [id for id in hutch.ids() if not id.startswith(".")] in ([], ["other"])


@pytest.fixture
def other(hutch: Runtime, tmp_path: Path) -> str:
    """Another container, which must not be affected."""
    (tmp_path / "other").mkdir()
    bundle = Bundle(tmp_path / "other" / "bundle")
    bundle.args("sleep", "1000")
    hutch("run", "-d", "--bundle", str(bundle.path), "other")
    return "other"


CALLS = {
    "runtime": ("openat", "mkdir", "rename", "clone3", "recvmsg", "write", "socket", "close"),
    "init": (
        "openat2", "mount", "fsmount", "move_mount", "mknodat", "pivot_root", "read",
        "mkdirat", "symlinkat", "umount2", "prctl", "setresuid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("verb", ["create", "run"])
@pytest.mark.parametrize("call", [*CALLS["runtime"], *CALLS["init"]])
def test_s52_a_kill_at_any_call_leaves_nothing_after_delete_force(
    hutch: Runtime, bundle: Bundle, other: str, verb: str, call: str
) -> None:
    before = hutch.state(other)
    reached = 0
    for when in MOMENTS:
        done = subprocess.run(
            [*inject(call, when, follow=True), *command(hutch, bundle, verb)],
            **QUIET,
        )  # fmt: skip
        delete_and_look(hutch)
        if done.returncode == 0:
            break  # there is no such call any more
        reached += 1
    assert reached
    assert hutch.state(other) == before


@pytest.mark.parametrize("verb", ["create", "run"])
def test_s52_a_kill_at_a_random_moment_leaves_nothing_after_delete_force(
    hutch: Runtime, bundle: Bundle, other: str, verb: str
) -> None:
    bundle.args("sleep", "1000")
    chance = random.Random(0)
    for _ in range(15):
        process = subprocess.Popen(
            command(hutch, bundle, verb), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.005, 0.12))
        process.kill()
        process.wait()
        delete_and_look(hutch)
    assert hutch.state(other)["status"] == "running"


def test_a_container_whose_create_was_killed_is_listed_and_can_be_removed_by_force(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    script = f"echo $$ > {mark}; exec sleep 1000"
    bundle.hook("createRuntime", script)
    process = subprocess.Popen(command(hutch, bundle, "create"), stdin=subprocess.DEVNULL)
    eventually(lambda: mark.exists() and mark.read_text().endswith("\n"))
    assert hutch.state("test")["status"] == "creating"
    for verb in ("start", "kill"):
        if verb == "kill":
            assert "not running" in hutch.refuses(verb, "test")
    process.kill()
    process.wait()
    # The hook belongs to the bundle, and continues.
    os.kill(int(mark.read_text()), signal.SIGKILL)
    assert hutch.state("test")["status"] == "stopped"
    assert json.loads(hutch("list", "-f", "json").out)[0]["status"] == "stopped"
    delete_and_look(hutch)


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
@pytest.mark.parametrize("verb", ["create", "run"])
def test_s82_a_signal_to_an_unfinished_create_undoes_it(
    hutch: Runtime, bundle: Bundle, name: str, verb: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    script = f"echo $$ > {mark}; exec sleep 1000"
    bundle.hook("createRuntime", script)
    process = subprocess.Popen(
        command(hutch, bundle, verb), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    eventually(lambda: mark.exists() and mark.read_text().endswith("\n"))
    process.send_signal(getattr(signal, "SIG" + name))
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"Traceback" not in said
    assert [id for id in hutch.ids() if not id.startswith(".")] == []
    hook = int(mark.read_text())
    eventually(lambda: not alive(hook))


def test_s82_a_signal_while_a_hook_is_being_started_ends_the_hook(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    script = f"echo $$ > {mark}; sleep 1000; :"  # the shell stays
    bundle.hook("createRuntime", script)
    # The runtime leaves the hook's working directory at once after it has started the hook.
    interrupt = ["strace", "-D", "-qq", "-o", "/dev/null", "-e", "trace=fchdir"]
    interrupt += ["-e", "inject=fchdir:signal=SIGINT:when=1"]
    done = subprocess.run([*interrupt, *command(hutch, bundle, "create")], **QUIET)
    assert done.returncode != 0
    assert [id for id in hutch.ids() if not id.startswith(".")] == []
    # The kill may come before its first line.
    running = [pid for pid in os.listdir("/proc") if pid.isdigit() and script in arguments(pid)]
    assert running == []


def arguments(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.mark.parametrize("when", MOMENTS)
def test_s52_a_delete_that_is_killed_can_be_done_again(
    hutch: Runtime, bundle: Bundle, when: int
) -> None:
    bundle.args("sleep", "1000")
    for call in ("unlink", "rmdir", "pidfd_send_signal"):
        hutch("run", "-d", "--bundle", str(bundle.path), "test")
        words = [hutch.command, "--root", str(hutch.root), "delete", "--force", "test"]
        subprocess.run(
            [*inject(call, when, follow=False), *words],
            **QUIET,
        )  # fmt: skip
        delete_and_look(hutch)


@pytest.mark.parametrize("when", (1, 2, 5, 9))
def test_a_start_or_exec_that_is_killed_leaves_a_container_that_can_be_deleted(
    hutch: Runtime, bundle: Bundle, when: int
) -> None:
    bundle.args("sleep", "1000")
    root = ["--root", str(hutch.root)]
    for words in (["start", "test"], ["exec", "test", "true"]):
        hutch("create", "--bundle", str(bundle.path), "test")
        if words[0] == "exec":
            hutch("start", "test")
        for call in ("recvmsg", "openat"):
            subprocess.run(
                [*inject(call, when, follow=True), hutch.command, *root, *words],
                **QUIET,
            )  # fmt: skip
        delete_and_look(hutch)


def test_the_death_of_the_init_is_reported_and_undone(hutch: Runtime, bundle: Bundle) -> None:
    words = command(hutch, bundle, "run")
    done = subprocess.run(
        [*inject("pivot_root", 1, follow=True), *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ended by signal 9 before it was ready" in done.stderr
    assert hutch.ids() == []


def test_a_container_on_the_hosts_mounts_is_unmounted(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.config["linux"]["namespaces"] = [
        entry for entry in bundle.config["linux"]["namespaces"] if entry["type"] != "mount"
    ]
    bundle.args("sleep", "1000")
    for call, when in (("move_mount", 3), ("mknodat", 2), ("sendmsg", 1)):
        subprocess.run(
            [*inject(call, when, follow=True), *command(hutch, bundle, "create")],
            **QUIET,
        )  # fmt: skip
        delete_and_look(hutch)
    hutch("run", "-d", "--bundle", str(bundle.path), "test")
    assert str(bundle.rootfs) in Path("/proc/self/mountinfo").read_text()
    hutch("delete", "--force", "test")
    assert str(bundle.rootfs) not in Path("/proc/self/mountinfo").read_text()


def test_two_runtimes_that_race_make_one_container(hutch: Runtime, bundle: Bundle) -> None:
    for _ in range(5):
        racers = [
            subprocess.Popen(
                command(hutch, bundle, "create"),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for _ in range(3)
        ]  # fmt: skip
        codes = sorted(racer.wait(60) for racer in racers)
        assert codes == [0, 1, 1]
        assert hutch.state("test")["status"] == "created"
        deleters = [
            subprocess.Popen([hutch.command, "--root", str(hutch.root), "delete", "-f", "test"])
            for _ in range(3)
        ]
        assert [racer.wait(60) for racer in deleters] == [0, 0, 0]
        assert [id for id in hutch.ids() if not id.startswith(".")] == []
