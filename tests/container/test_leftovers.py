"""If a session of tests leaves a container, it fails and reports it; the container is removed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.containers import eventually

pytestmark = pytest.mark.root

ROOT = Path(__file__).parents[2]
LEAVES = """
import os
from tests.support.containers import COMMAND, Bundle, Runtime
from tests.support.leftovers import CGROUPS

def test_leaves(tmp_path):
    bundle = Bundle(tmp_path / "bundle").args("sleep", "1000")
    runtime = Runtime(COMMAND, tmp_path / "state")
    runtime("run", "--detach", "--bundle", str(bundle.path), "left")
    (tmp_path.parents[1] / "who").write_text(f"{CGROUPS} {runtime.state('left')['pid']}")
"""


def test_what_a_session_leaves_is_reported_and_removed(tmp_path: Path) -> None:
    (tmp_path / "test_leaves.py").write_text(LEAVES)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.leftovers",
        "-p",
        "no:cacheprovider",
    ]
    words += ["-c", os.devnull, "--rootdir", str(tmp_path), "--basetemp", str(tmp_path / "base")]
    done = subprocess.run(
        [*words, str(tmp_path / "test_leaves.py")],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    name, pid = (tmp_path / "who").read_text().split()
    assert f"process {pid} in /sys/fs/cgroup/" in done.stdout
    assert f"cgroup /{name}/test_leaves0 in /sys/fs/cgroup" in done.stdout
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert not [*Path("/sys/fs/cgroup").glob(f"*/{name}"), *Path("/sys/fs/cgroup").glob(name)]
    eventually(lambda: not Path(f"/proc/{pid}").exists())
