"""How the validation programs of runtime-tools are judged, and the list of those that fail."""

import pytest

from conformance.programs.expected import CONDITIONS, LIST, Expected, expected
from conformance.programs.table import HOOKS, render, surprises
from conformance.programs.verdict import FAIL, PASS, TIMEOUT, Verdict, judge


@pytest.mark.parametrize(
    ("output", "code", "verdict"),
    [
        ("TAP version 13\nok 1 - a\nok 2 # SKIP b\n1..2\n", 0, Verdict(PASS, 1, 0, 1)),
        ("ok 1\nnot ok 2 - b\n1..2\n", 0, Verdict(FAIL, 1, 1, 0, "not ok 2 - b")),
        ("ok 1\n", 1, Verdict(FAIL, 1)),
        ("", 0, Verdict(PASS)),
        ("", 1, Verdict(FAIL)),
        ('  ---\n  {\n    "error": "a hook failed"\n  }\n  ...\n1..0\n', 0, Verdict(FAIL)),
        ('ok 1\n  ---\n  {\n    "error": "exit status 1"\n  }\n', 0, Verdict(PASS, 1)),
        ("ok 1\n", None, Verdict(TIMEOUT, 1)),
    ],
    ids=["ok", "not ok", "status", "silent", "silent status", "diagnostic", "told", "hangs"],
)
def test_a_program_passes_by_its_status_and_its_assertions(
    output: str, code: int | None, verdict: Verdict
) -> None:
    assert judge(output, code) == verdict


def test_every_reason_is_a_sentence_and_every_condition_is_known() -> None:
    for version in ("1.0.2-dev", "1.3.0"):
        for program, entry in expected(version).items():
            assert len(entry.reason) > 20, program
    for name in CONDITIONS:
        assert f'where = "{name}"' in LIST.read_text()


def test_what_is_against_the_list_is_told_either_way() -> None:
    results = {
        "good": {"hutch": Verdict(PASS, 1)},
        "bad": {"hutch": Verdict(FAIL, 1, 1, 0, "not ok 2 - b")},
        "mended": {"hutch": Verdict(PASS, 1)},
        "lucky": {"hutch": Verdict(PASS, 1)},
        "hopeless": {"hutch": Verdict(FAIL)},
    }
    reasons = {
        "mended": Expected("no runtime can pass it"),
        "lucky": Expected("it passes now and then", racy=True),
        "hopeless": Expected("no runtime can pass it"),
    }
    found = surprises(results, "hutch", reasons)
    assert [sentence.partition(":")[0] for sentence in found] == ["bad", "mended"]


def test_the_hooks_that_assert_nothing_are_counted_apart() -> None:
    results = {name: {"hutch": Verdict(PASS)} for name in ("create", *HOOKS)}
    text = render(results, {})
    assert "| passed | 1 of 1 |" in text
    assert "| passed, hooks | 7 of 7 |" in text
