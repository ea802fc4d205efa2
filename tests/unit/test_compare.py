"""How command lines are compared with docker's and podman's, and the list of those that differ."""

import tomllib

import pytest

from conformance.compare.__main__ import EXPECTED, expected
from conformance.compare.lines import INPUT, labels, lines
from conformance.compare.outcome import Outcome, kind, normal

ID = "0123456789ab" * 5 + "cdef"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"{ID}\n{ID[:12]}\nsha256:{ID}", "ID\nID\nID"),
        ("Up 3 seconds   web", "Up SOME TIME web"),
        ("Exited (0) About a minute ago", "Exited (0) SOME TIME ago"),
        ("at 2026-11-28T10:44:58.374570555Z, 1.98MB", "at TIME, SIZE"),
        ("localhost/box:1   3 weeks", "box:1 3 weeks"),
    ],
)
def test_what_varies_is_taken_out(text: str, wanted: str) -> None:
    assert normal(text) == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("warren: No such container: x (hint: did you mean y?)", "no such container"),
        ('Error: no container with name or ID "x" found: no such container', "no such container"),
        ("unknown flag: --x\nSee 'docker run --help'.", "unknown flag"),
        ("docker: invalid reference format.\nSee 'docker run --help'.", "invalid"),
        ("", ""),
        ("what is this", "another"),
    ],
)
def test_errors_have_kinds(said: str, wanted: str) -> None:
    assert kind(said) == wanted


def test_outcomes_differ_by_status_output_and_kind() -> None:
    one = Outcome(0, "a", "")
    assert one.differs(Outcome(1, "a", ""), whole=True) == "status"
    assert one.differs(Outcome(0, "b", ""), whole=True) == "output"
    assert one.differs(Outcome(0, "b", ""), whole=False) == ""
    assert Outcome(1, "", "in use").differs(Outcome(1, "", "invalid"), whole=True) == "error"
    assert Outcome(0, "", "in use").differs(Outcome(0, "", ""), whole=True) == ""


def test_the_list_names_lines_that_are_run_each_once_and_gives_reasons() -> None:
    found = labels(lines())
    assert len(found) >= 100 and len(set(found)) == len(found)
    assert {line.text for line in lines()} >= set(INPUT)
    tables = tomllib.loads(EXPECTED.read_text())
    for peer in ("docker", "podman"):
        always, some = expected(peer)
        assert always | some <= set(found) and not always & some
        listed = [label for table in tables[peer] for label in table["lines"]]
        assert len(listed) == len(set(listed))
        assert all(len(table["reason"]) > 20 for table in tables[peer])
