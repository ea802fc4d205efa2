"""Reports of the results: a page in Markdown, a page in HTML, and JSON."""

import datetime
import json
from collections import Counter
from typing import NamedTuple

from conformance.suite.page import html
from conformance.suite.run import Outcome, Outcomes
from conformance.suite.table import ARGUED, FAIL, NOT_HERE, PASS, RESULTS, SOURCE, Row

TITLE = "What runtime-spec 1.3 demands on Linux"
MARKS = {PASS: "pass", FAIL: "**fail**", NOT_HERE: "not here", ARGUED: "argued"}
LEGEND = {
    PASS: "shown from inside a container",
    FAIL: "the runtime does otherwise; what it did is told",
    NOT_HERE: "this host, or what the runtime says of itself, does not let it be shown",
    ARGUED: "no container can show it; why is told",
}


class Page(NamedTuple):
    """The data of a report: the rows, their results, the runtimes with their versions, and one line
    about the host."""

    rows: list[Row]
    outcomes: Outcomes
    runtimes: list[tuple[str, str]]
    host: str

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.runtimes]

    def counts(self, name: str) -> "Counter[str]":
        """How many rows had each result with a runtime."""
        return Counter(self.outcomes[row.id][name].result for row in self.rows)


def totals(page: Page) -> str:
    """One line per runtime."""
    lines = []
    for name in page.names:
        counts = page.counts(name)
        said = ", ".join(f"{counts[result]} {result}" for result in RESULTS)
        lines.append(f"{name}: {said}, of {len(page.rows)} rows")
    return "\n".join(lines)


def where(page: Page) -> str:
    """A line with the host and the date."""
    return f"{page.host}. {datetime.date.today()}."


def as_json(page: Page) -> str:
    """Every row and result as one line of JSON, for programs."""
    return json.dumps(
        {
            "host": page.host,
            "runtimes": dict(page.runtimes),
            "rows": [
                {
                    "id": row.id,
                    "document": row.document,
                    "lines": row.lines,
                    "section": row.section,
                    "level": row.level,
                    "requirement": row.requirement,
                    "results": {
                        name: outcome._asdict() for name, outcome in page.outcomes[row.id].items()
                    },
                }
                for row in page.rows
            ],
        }
    )


def from_json(text: str, rows: list[Row]) -> Page:
    """The report that ``as_json`` has written, with the rows of the present table."""
    found = json.loads(text)
    outcomes = {
        row["id"]: {name: Outcome(**result) for name, result in row["results"].items()}
        for row in found["rows"]
    }
    chosen = [row for row in rows if row.id in outcomes]
    return Page(chosen, outcomes, list(found["runtimes"].items()), found["host"])


def notes(page: Page, row: Row) -> list[tuple[str, Outcome]]:
    """The notes of a row for each runtime; only one note if it is the same for all."""
    said = [(name, page.outcomes[row.id][name]) for name in page.names]
    if len({outcome for _, outcome in said}) == 1:
        said = [("", said[0][1])]
    return [(name, outcome) for name, outcome in said if outcome.note]


def cell(text: str) -> str:
    """Escapes the characters that have a meaning in a Markdown table."""
    for mark in "\\|`*_<>[]":
        text = text.replace(mark, "\\" + mark)
    return text.replace("\n", " ")


def markdown(page: Page) -> str:
    """The page as Markdown."""
    lines = [f"# {TITLE}", "", where(page), ""]
    lines += [f"- {name}: {version}" for name, version in page.runtimes]
    lines += ["", "| | " + " | ".join(RESULTS) + " |", "|---" * (len(RESULTS) + 1) + "|"]
    for name in page.names:
        counts = page.counts(name)
        lines.append(f"| {name} | " + " | ".join(str(counts[word]) for word in RESULTS) + " |")
    lines += [""] + [f"- {word}: {meaning}" for word, meaning in LEGEND.items()]
    document = section = ""
    for row in page.rows:
        if (row.document, row.section) != (document, section):
            document, section = row.document, row.section
            lines += ["", f"## {document}: {section}", ""]
            lines += ["| id | level | requirement | " + " | ".join(page.names) + " | |"]
            lines += ["|---" * (len(page.names) + 4) + "|"]
        said = "; ".join(
            (f"{name}: " if name else "") + outcome.note for name, outcome in notes(page, row)
        )
        marks = [MARKS[page.outcomes[row.id][name].result] for name in page.names]
        words = [f"[{row.id}]({row.link})", row.level, cell(row.requirement), *marks, cell(said)]
        lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines) + "\n"


def as_html(page: Page) -> str:
    """The page as one HTML file that loads no other files."""
    sections: list[tuple[str, list[dict[str, object]]]] = []
    for row in page.rows:
        title = f"{row.document}: {row.section}"
        if not sections or sections[-1][0] != title:
            sections.append((title, []))
        sections[-1][1].append(
            {
                "row": row,
                "results": [page.outcomes[row.id][name].result for name in page.names],
                "notes": [(name, outcome.note) for name, outcome in notes(page, row)],
            }
        )
    counts = {name: page.counts(name) for name in page.names}
    return html(TITLE, where(page), page.runtimes, counts, LEGEND, sections, SOURCE)
