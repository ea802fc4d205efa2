"""A plugin of pytest: writes what came of each phase of each test to the file MUTANTS_REPORT."""

import json
import os
from pathlib import Path

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    with Path(os.environ["MUTANTS_REPORT"]).open("a") as file:
        file.write(json.dumps([report.nodeid, report.when, report.outcome]) + "\n")
