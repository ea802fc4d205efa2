"""Runs all rows of conformance/suite with the installed command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.suite.every import rows
from tests.support.containers import COMMAND

pytestmark = pytest.mark.root


def test_hutch_does_what_the_specification_demands(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "conformance", "--runtime", COMMAND, "--report", str(tmp_path)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=600)
    report = json.loads((tmp_path / "conformance.json").read_text())
    assert len(report["rows"]) == len(rows())
    failed = {
        row["id"]: result["note"]
        for row in report["rows"]
        for result in row["results"].values()
        if result["result"] == "fail"
    }
    assert failed == {}, done.stderr
    # Only rows that need cgroup v2, an LSM or RDT may be "not applicable".
    absent = [row["id"] for row in report["rows"] if "not here" in str(row["results"])]
    assert len(absent) < 40, absent
