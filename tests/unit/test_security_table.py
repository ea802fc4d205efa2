"""SECURITY.md: every requirement has a test, and every test that it names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
REQUIREMENTS = [
    *range(1, 15), *range(20, 33), 34, 35, 36, 38, *range(40, 47), *range(50, 57), *range(60, 78),
    *range(80, 88),
]  # fmt: skip
TESTS = {
    node.name
    for path in (ROOT / "tests").rglob("test_*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
}


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_every_requirement_has_a_test_and_a_line(number: int) -> None:
    assert [name for name in TESTS if f"s{number:02}" in name.split("_")]
    assert f"\n| S-{number:02} | " in TEXT


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert len(named) > 60
    assert named - TESTS == set()


def test_a_test_of_a_cve_says_so_in_the_table() -> None:
    for name in TESTS:
        for year, number in re.findall(r"cve_(\d{4})_(\d+)", name):
            assert f"| CVE-{year}-{number} |" in TEXT, name
