"""What the specification demands of cgroups, asked where they are v2 (conformance/suite)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.containers import COMMAND

pytestmark = pytest.mark.vm
PROJECT = Path(__file__).parents[2]
# Control groups, their limits, and what the features say of them.
ROWS = ("LNX-30", "LNX-31", "LNX-32", "LNX-34", "LNX-35", "LNX-36", "LNX-4", "LNX-7", "RUN-14")


def test_cgroups_of_v2_are_what_the_specification_demands(tmp_path: Path) -> None:
    # There is no compiler in the machine: ./dev has built it.
    words = [sys.executable, "-m", "conformance", "--probe", str(PROJECT / ".dev" / "probe")]
    words += ["--runtime", COMMAND, "--report", str(tmp_path)]
    for prefix in ROWS:
        words += ["--only", prefix]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=600, cwd=PROJECT
    )
    report = json.loads((tmp_path / "conformance.json").read_text())
    assert "cgroup v2" in report["host"]
    results = {row["id"]: row["results"]["hutch"]["result"] for row in report["rows"]}
    assert {id for id, result in results.items() if result == "fail"} == set(), done.stderr
    for id in ("LNX-317", "LNX-352", "LNX-448", "LNX-717", "LNX-719", "LNX-721", "LNX-734"):
        assert results[id] == "pass", id
