"""Signals: their dispositions in a container, and their delivery."""

import signal
from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

STATUS = "/proc/self/status"
SHOW = "grep SigIgn " + STATUS
NONE_IGNORED = "SigIgn:\t0000000000000000\n"


def ignore_all() -> None:
    """Ignores all signals. A runtime may inherit ignored signals, for example under nohup(1)."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)


def test_a_container_ignores_nothing_that_its_caller_ignores(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.args(*SHOW.split())
    done = hutch("run", "--bundle", str(bundle.path), "test", preexec_fn=ignore_all)
    assert done.out == NONE_IGNORED


def test_a_process_of_exec_ignores_nothing_that_its_caller_ignores(
    hutch: Runtime, sleeper: str
) -> None:
    done = hutch("exec", sleeper, *SHOW.split(), preexec_fn=ignore_all)
    assert done.out == NONE_IGNORED


def test_a_container_of_a_caller_that_ignores_sighup_receives_sighup(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.change(lambda config: config["root"].update(readonly=False))
    bundle.sh("trap 'echo heard > /tmp/heard; exit' HUP; touch /tmp/ready; while :; do :; done")
    hutch("run", "--detach", "--bundle", str(bundle.path), "test", preexec_fn=ignore_all)
    eventually((bundle.rootfs / "tmp" / "ready").exists)
    hutch("kill", "test", "HUP")
    eventually((bundle.rootfs / "tmp" / "heard").exists)
    eventually(lambda: hutch.state("test")["status"] == "stopped")


def test_a_hook_ignores_nothing_that_its_caller_ignores(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    record.mkdir()
    kinds = ("createRuntime", "createContainer", "startContainer", "poststart", "poststop")
    bundle.config["mounts"].append(
        {"destination": str(record), "source": str(record), "options": ["bind", "rw"]}
    )
    # sed exists inside and outside, and unlike a shell it does not change dispositions.
    bundle.config["hooks"] = {
        kind: [
            {"path": "/bin/sed", "args": ["sed", "-n", f"/SigIgn/w {record}/{kind}", STATUS]},
        ]
        for kind in kinds
    }
    bundle.save()
    hutch("run", "--bundle", str(bundle.path), "test", preexec_fn=ignore_all)
    for kind in kinds:
        ignored = int((record / kind).read_text().split()[1], 16)
        # 32 and 33 are the C library's own, which ignores them whenever it spawns.
        assert ignored & ~(0b11 << 31) == 0, kind


def test_exit_codes_arrive_at_a_caller_that_ignores_its_children(
    hutch: Runtime, bundle: Bundle
) -> None:
    def ignore_children() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    bundle.sh("exit 7")
    words = ["run", "--bundle", str(bundle.path), "test"]
    assert hutch(*words, check=False, preexec_fn=ignore_children).code == 7
    bundle.args("sleep", "1000")
    hutch("run", "--detach", *words[1:], preexec_fn=ignore_children)
    assert hutch("exec", "test", "false", check=False, preexec_fn=ignore_children).code == 1
