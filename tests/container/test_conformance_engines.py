"""``./dev conformance --engines``: a few checks with containerd and hutch; nothing is left."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.containers import COMMAND

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        not all(map(shutil.which, ("containerd", "ctr", "tini"))),
        reason="takes containerd and tini",
    ),
]
ROOT = Path(__file__).parents[2]
CHECKS = (
    "run: output",
    "exec: output",
    "pause: a container that",
    "killed: a container that lives",
)


def own() -> set[Path]:
    """The folders and cgroups of such runs."""
    places = [*Path("/var/tmp").glob("en.*"), *Path("/sys/fs/cgroup").glob("*/**/engines-*")]
    return {path for path in places if path.is_dir()}


def test_containerd_with_hutch() -> None:
    before = own()
    words = [word for name in CHECKS for word in ("--only", name)]
    done = subprocess.run(
        [ROOT / "conformance/engines/stage.sh", sys.executable, "-m", "conformance.engines",
         "containerd", "--runtime", COMMAND, "--verbose", *words],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(": passed") == len(CHECKS), done.stderr
    assert own() <= before
