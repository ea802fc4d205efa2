"""The report as HTML: one file that loads no other files, with a filter by result."""

from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

from conformance.suite.table import ARGUED, FAIL, NOT_HERE, PASS, RESULTS

COLOURS = {PASS: "good", FAIL: "bad", NOT_HERE: "dim", ARGUED: "said"}

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")


def html(
    title: str,
    where: str,
    runtimes: list[tuple[str, str]],
    counts: "dict[str, Counter[str]]",
    legend: dict[str, str],
    sections: list[tuple[str, list[dict[str, Any]]]],
    source: str,
) -> str:
    """The page. Each section has a title and rows; each row has a result for each runtime, and
    notes."""
    cards = "".join(_card(name, version, counts[name]) for name, version in runtimes)
    boxes = "".join(
        f'<label title="{escape(legend[result])}"><input type="checkbox" name="result" '
        f'value="{result}" checked> '
        f'<span class="{COLOURS[result]}">{result}</span></label>'
        for result in RESULTS
    )
    names = [name for name, _ in runtimes]
    columns = "".join(
        f'<label><input type="checkbox" name="runtime" checked> {escape(name)}</label>'
        for name in names
    )
    body = "".join(_section(heading, rows, names) for heading, rows in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>
{STYLE.read_text()}</style>
<h1>{escape(title)}</h1>
<p>Every MUST and SHOULD of <a href="{source}">runtime-spec 1.3.0</a> that touches Linux, asked of
{escape(", ".join(names))}. An id leads to the line of the specification that it is named after.</p>
<p class="quiet">{escape(where)}</p>
<div class="totals">{cards}</div>
<nav>{boxes}<span class="quiet">of</span>{columns}
<input type="search" placeholder="id or word" aria-label="Search">
<span id="shown" class="quiet"></span></nav>
{body}
<script>
{SCRIPT.read_text()}</script>
</html>
"""


def _card(name: str, version: str, counts: "Counter[str]") -> str:
    total = counts.total() or 1
    bar = "".join(
        f'<i class="{COLOURS[result]}" style="width:{100 * counts[result] / total:.2f}%"></i>'
        for result in RESULTS
    )
    words = "".join(
        f'<span class="{COLOURS[result]}">{counts[result]} {result}</span>' for result in RESULTS
    )
    return (
        f'<div class="card"><b>{escape(name)}</b> <span class="quiet">{escape(version)}</span>'
        f'<div class="bar">{bar}</div><div class="counts">{words}</div></div>'
    )


def _section(heading: str, rows: list[dict[str, Any]], names: list[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = "".join(_row(row) for row in rows)
    return (
        f'<section><h2>{escape(heading)}</h2><div class="wide"><table><thead><tr><th>id</th>'
        f"<th></th><th>requirement</th>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
        "</section>\n"
    )


def _row(entry: dict[str, Any]) -> str:
    row = entry["row"]
    cells = "".join(
        f'<td class="result {COLOURS[result]}">{result}</td>' for result in entry["results"]
    )
    notes = "".join(
        f"<small>{escape(name) + ': ' if name else ''}{escape(note)}</small>"
        for name, note in entry["notes"]
    )
    return (
        f'<tr id="{row.id}" data-results="{",".join(entry["results"])}"><td>'
        f'<a href="{row.link}">{row.id}</a></td><td class="level">{row.level}</td>'
        f'<td class="text">{escape(row.requirement)}{notes}</td>{cells}</tr>\n'
    )
