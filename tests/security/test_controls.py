"""No test of a container passes because its command always fails."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.no_runtime]

TESTS = Path(__file__).parents[1]
FOLDERS = ("container", "security", "faults")


def test_no_test_passes_with_a_command_that_always_fails(tmp_path: Path) -> None:
    """Runs all tests that start the command. The others have the mark no_runtime."""
    fails = tmp_path / "fails"
    fails.write_text("#!/bin/sh\nexit 1\n")
    fails.chmod(0o755)
    report = tmp_path / "report.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not no_runtime", f"--junitxml={report}",
         "-p", "no:cacheprovider", *(str(TESTS / folder) for folder in FOLDERS)],
        cwd=TESTS.parent, env={**os.environ, "HUTCH": str(fails)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    cases = list(ET.parse(report).getroot().iter("testcase"))
    assert len(cases) > 500, done.stdout[-2000:]
    passed = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if not [part for part in case if part.tag in ("failure", "error", "skipped")]
    ]
    assert passed == []
