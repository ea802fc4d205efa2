"""hutch called as containerd 2 calls its runtime: the forms of words that others do not use.

The flags of every call, and the file of its log, are those of containerd-shim-runc-v2.
"""

import json
import subprocess
from pathlib import Path

import pytest

from conformance.engines.kernel import limit
from tests.container.test_checkpoint import Recorder
from tests.support.containers import Bundle, Runtime, alive, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def flags(path: Path) -> list[str]:
    return ["--log", str(path / "log.json"), "--log-format", "json"]


def test_features_without_any_flag(hutch: Runtime) -> None:
    """Once for each handler; without recursive read-only mounts pods cannot ask for them."""
    done = subprocess.run([hutch.command, "features"], capture_output=True, check=True)
    features = json.loads(done.stdout)
    assert {"rro", "idmap", "ridmap"} <= set(features["mountOptions"])
    assert "user" in features["linux"]["namespaces"]
    assert features["linux"]["mountExtensions"]["idmap"]["enabled"] is True


def test_kill_all_by_itself(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    """After the first process has ended, and on a container that is gone."""
    bundle.share("pid").sh("sleep 1000 & sleep 1000 & exit 0")
    hutch(*flags(tmp_path), "run", "--detach", "--bundle", str(bundle.path), "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    pids = json.loads(hutch(*flags(tmp_path), "ps", "--format", "json", "test").out)
    assert len(pids) == 2
    hutch(*flags(tmp_path), "kill", "--all", "test", "9")
    eventually(lambda: not any(alive(pid) for pid in pids))
    hutch(*flags(tmp_path), "kill", "--all", "test", "9")
    hutch(*flags(tmp_path), "delete", "test")
    hutch(*flags(tmp_path), "delete", "--force", "test")
    assert "does not exist" in hutch.refuses(*flags(tmp_path), "kill", "--all", "test", "9")


def test_update_by_one_word(hutch: Runtime, sleeper: str, tmp_path: Path) -> None:
    """Zero leaves a limit as it is."""
    resources = {
        "memory": {"limit": 2**26, "swap": 0, "reservation": 0},
        "cpu": {"shares": 0, "quota": 30000, "period": 100000},
        "blockIO": {"weight": 0},
    }
    (tmp_path / "resources").write_text(json.dumps(resources))
    pid = hutch.state(sleeper)["pid"]
    shares = limit(pid, "cpu", "cpu.shares", "cpu.weight")
    with open(tmp_path / "resources") as stdin:
        hutch(*flags(tmp_path), "update", "--resources=-", sleeper, stdin=stdin)
    assert limit(pid, "memory", "memory.limit_in_bytes", "memory.max") == str(2**26)
    assert limit(pid, "cpu", "cpu.cfs_quota_us", "cpu.max").startswith("30000")
    assert limit(pid, "cpu", "cpu.shares", "cpu.weight") == shares


def test_checkpoint_with_file_locks(hutch: Runtime, sleeper: str, tmp_path: Path) -> None:
    folder = tmp_path / "stand-in"
    folder.mkdir()
    recorder = Recorder(folder)
    recorder.answers(True)
    hutch(
        *flags(tmp_path), "checkpoint", "--image-path", str(tmp_path / "images"), "--work-path",
        str(tmp_path / "images"), "--file-locks", "--leave-running", sleeper,
        env=recorder.environment,
    )  # fmt: skip
    _, options = recorder.request()
    assert (options["file_locks"], options["leave_running"]) == (1, 1)
    assert hutch.state(sleeper)["status"] == "running"
