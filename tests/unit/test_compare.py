"""How command lines are compared with docker's and podman's, and the list of those that differ."""

import tomllib
from pathlib import Path

import pytest

from conformance.compare import __main__ as command_lines
from conformance.compare import api, compose
from conformance.compare.lines import CHAPTERS, INPUT, labels, lines, read_chapters
from conformance.compare.outcome import Outcome, kind, normal
from conformance.compare.report import Table, expected
from conformance.compare.shapes import lacking, shape

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


def test_replies_lack_the_fields_that_others_have() -> None:
    def rows(document: object) -> str:
        return "\n".join(shape(document))

    theirs = rows({"a": [{"b": 1}], "c": None, ID: "text", "d": {"e": True}})
    assert lacking(theirs, theirs) == []
    assert (
        lacking(rows({"a": [{"b": 1}, {"x": 2}], "c": [5], ID[::-1]: "t", "d": None}), theirs) == []
    )
    assert set(lacking(rows({"a": [{"b": "1"}], "c": None}), theirs)) == {
        ".a.#.b: number", ".ID: string", ".d.e: boolean",
    }  # fmt: skip


CONFORMANCE = [
    (command_lines.EXPECTED, "docker", [CHAPTERS]),
    (command_lines.EXPECTED, "podman", [CHAPTERS]),
    (api.EXPECTED, "docker", [CHAPTERS, read_chapters("api")]),
    (compose.EXPECTED, "new", [read_chapters("compose")]),
    (compose.EXPECTED, "old", [read_chapters("compose")]),
    (compose.EXPECTED, "testcontainers", [read_chapters("compose")]),
]


@pytest.mark.parametrize(("path", "peer", "chapters"), CONFORMANCE)
def test_the_lists_name_lines_that_are_run_each_once_and_give_reasons(
    path: Path, peer: str, chapters: list[dict[str, str]]
) -> None:
    run = lines([text for one in chapters for text in one.values()])
    found = labels(run)
    assert len(found) >= 70
    assert len(set(found)) == len(found)
    tables: list[Table] = tomllib.loads(path.read_text())[peer]
    always, some = expected(tables)
    assert always | some <= set(found)
    assert not always & some
    listed = [label for table in tables for label in table.get("lines", [])]
    assert len(listed) == len(set(listed))
    assert all(len(table["reason"]) > 20 for table in tables)


def test_input_is_for_lines_that_are_run() -> None:
    assert {line.text for line in lines(list(CHAPTERS.values()))} >= set(INPUT)
