"""The results of engines with hutch, runc and crun: README.md's table, and what is wrong."""

from pathlib import Path

import pytest

from conformance.engines import report
from conformance.engines.__main__ import ENGINES, RUNTIMES, kept, present
from conformance.engines.every import every
from conformance.engines.report import FAIL, NONE, PASS, Outcome, Page, Reason

ROOT = Path(__file__).parents[2]


def test_the_readmes_table_is_that_of_the_results() -> None:
    text = (ROOT / "README.md").read_text()
    assert report.with_table(text, Page(kept(), list(RUNTIMES), [])) == text


def test_hutch_differs_in_the_results_only_where_a_reason_is_listed() -> None:
    assert {"podman", "crio", "kubernetes"} <= set(kept())
    assert report.failures(Page(kept(), list(RUNTIMES), [])) == []


def test_expected_names_checks_and_engines_that_there_are() -> None:
    labels = {one.label for one in every()}
    for engine, label, runtime in report.reasons():
        assert engine in {*ENGINES, "*"}
        assert label in labels
        assert runtime in RUNTIMES
    for engine, label in report.lacks():
        assert engine in ENGINES
        assert label in labels


def test_an_engine_without_its_programs_is_left_out_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert present([]) == [name for name, engine in ENGINES.items() if not engine.programs]
    assert "left out: crio: crio, pinns: not in PATH" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="crio: crio, pinns: not in PATH"):
        present(["crio"])
    for name in ("crio", "pinns"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    assert present(["crio"]) == ["crio"]
    assert "crio" in present([])


def page(runc: Outcome, hutch: Outcome) -> Page:
    return Page({"podman": {"run: it": {"runc": runc, "hutch": hutch}}}, ["runc", "hutch"], [])


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str, str], Reason]:
    listed: dict[tuple[str, str, str], Reason] = {}
    monkeypatch.setattr(report, "reasons", lambda: listed)
    return listed


def test_what_is_wrong(known: dict[tuple[str, str, str], Reason]) -> None:
    same = Outcome(PASS, shown="same")
    assert report.failures(page(same, same)) == []
    assert "podman: run: it: it broke" in report.failures(page(same, Outcome(FAIL, "it broke")))
    (line,) = report.failures(page(same, Outcome(PASS, shown="another")))
    assert "+another" in line
    assert report.failures(page(Outcome(NONE), Outcome(NONE))) == []
    known["podman", "run: it", "hutch"] = Reason("so it is", sometimes=False)
    assert report.failures(page(same, Outcome(FAIL, "it broke"))) == []
    (line,) = report.failures(page(same, same))
    assert "it passes" in line
    known["podman", "run: it", "hutch"] = Reason("so it is", sometimes=True)
    assert report.failures(page(same, same)) == []


def test_one_number_if_all_pass() -> None:
    good, bad = Outcome(PASS), Outcome(FAIL)
    assert report.cell(page(good, good), "podman", "run") == "1"
    assert report.cell(page(bad, good), "podman", "run") == "0 · 1 of 1"
    assert report.cell(page(good, good), "podman", "exec") == ""
