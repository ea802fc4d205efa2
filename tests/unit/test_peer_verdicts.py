"""Reports of pytest's, and what ./dev security makes of them."""

import xml.etree.ElementTree as ET

import pytest

from tests.security.peers import FALLS, HOLDS, NO_ANSWER, verdicts

PASSES = '<testcase name="a[1]"/>'
FAILS = '<testcase name="a[2]"><failure message="AssertionError"/></testcase>'
SKIPS = '<testcase name="a[3]"><skipped message="takes strace"/></testcase>'
NO_SET_UP = '<testcase name="a[4]"><error message="failed on setup with &quot;x&quot;"/></testcase>'
LEAVES = '<testcase name="a[1]"><error message="failed on teardown with &quot;x&quot;"/></testcase>'


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        (PASSES, HOLDS),
        (FAILS, FALLS),
        (SKIPS, NO_ANSWER),
        (NO_SET_UP, NO_ANSWER),
        (PASSES + FAILS + SKIPS, FALLS),
        (SKIPS + NO_SET_UP + PASSES, HOLDS),
        (PASSES + SKIPS, HOLDS),
        (FAILS + LEAVES, FALLS),
        (LEAVES, HOLDS),
    ],
)
def test_s28_a_test_falls_if_one_of_its_cases_falls(cases: str, verdict: str) -> None:
    report = ET.fromstring(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert verdicts(report) == {"a": verdict}
