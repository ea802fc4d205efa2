"""The report of `hutch check --host` as text and as JSON."""

from typing import TYPE_CHECKING

from hutch.container.cold.host_report import Fact, Report

if TYPE_CHECKING:
    from hutch.spec.json import Json


def as_text(report: Report) -> str:
    """The facts by area, then the features with their verdicts."""
    lines: list[str] = []
    width = max(len(fact.name) for fact in (*report.facts, *report.features))
    for fact in (*report.facts, *report.features):
        title = "features of hutch" if fact.area == "feature" else fact.area
        if title not in lines:
            lines += ["", title] if lines else [title]
        lines.append(f"  {fact.verdict:6}  {fact.name:{width}}  {fact.detail}".rstrip())
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> "Json":
    """{"able", "facts": [...], "features": [...]}."""
    return {
        "able": report.is_able(),
        "facts": [{"area": fact.area, **_entry(fact)} for fact in report.facts],
        "features": [_entry(fact) for fact in report.features],
    }


def _entry(fact: Fact) -> "dict[str, Json]":
    return {"name": fact.name, "verdict": fact.verdict, "detail": fact.detail}
