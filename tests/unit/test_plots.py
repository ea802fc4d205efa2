"""The pictures of the results are those of the measurements, and the recording is of commands."""

import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.plots.bars import Plot, svg
from conformance.plots.pages import ROOT, files
from conformance.plots.recording import COMMANDS

FILES = files()
PICTURES = [ROOT / "docs" / "session.svg", *(path for path in FILES if path.suffix == ".svg")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_and_a_picture_are_what_the_results_give(path: Path) -> None:
    assert path.read_text() == FILES[path], "run ./dev plots"


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_stands_alone(path: Path) -> None:
    """It is XML, has a name for who cannot see it, and neither script nor anything to load."""
    root = ElementTree.fromstring(path.read_text())
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "title", "style", "rect", "line", "text", "tspan"}
    assert root.find("{*}title") is not None
    assert not re.search(r"url\(|@import|href", path.read_text())


def test_bars_are_as_long_as_the_medians() -> None:
    samples = {"one": {"a": [(1.0, 0.5), (2.0, 1.0), (9.0, 3.0)], "b": [(4.0, 4.0)]}}
    root = ElementTree.fromstring(svg(Plot("a & b", samples, ("a",), "ms")))
    bars = {
        each.get("class", ""): float(each.get("width", 0))
        for each in root.iterfind("{*}rect")
        if each.get("x") == "150"
    }
    assert bars["own wall"] * 2 == pytest.approx(bars["peer wall"], abs=0.2)
    assert bars["own"] * 2 == pytest.approx(bars["own wall"], abs=0.2)
    assert root.findtext("{*}title") == "a & b"


def test_the_recording_has_the_commands_of_the_script() -> None:
    root = ElementTree.fromstring((ROOT / "docs" / "session.svg").read_text())
    lines = [unescape("".join(text.itertext())) for text in root.iterfind("{*}text")]
    for command, _ in COMMANDS:
        assert f"$ {command}" in lines
