"""The table of engines, checks and runtimes, and what differs."""

import json
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from conformance.engines.checks import CHAPTERS

EXPECTED = Path(__file__).with_name("expected.toml")
PASS, FAIL, NONE = "passed", "failed", "not asked"


@dataclass
class Outcome:
    """Of one check, with one engine and one runtime. ``shown`` must be the same with all."""

    result: str
    note: str = ""
    shown: str = ""


# engine -> "chapter: name" -> runtime -> outcome
Results = dict[str, dict[str, dict[str, Outcome]]]


@dataclass
class Page:
    """All results, and what describes them."""

    results: Results
    runtimes: list[str]
    versions: list[str]
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reason:
    """Why an engine, check and runtime fail or differ. ``sometimes``: they do not always."""

    text: str
    sometimes: bool


def reasons() -> dict[tuple[str, str, str], Reason]:
    """What expected.toml says of an engine, check and runtime; the engine * stands for all."""
    return {
        (engine, label, runtime): Reason(table["reason"], table.get("sometimes", False))
        for table in tomllib.loads(EXPECTED.read_text()).get("difference", [])
        for engine in table["engines"]
        for runtime in table["runtimes"]
        for label in table["checks"]
    }


def read(file: Path) -> Results:
    """The outcomes that are in conformance/results."""
    return {
        engine: {
            label: {name: Outcome(**one) for name, one in by_runtime.items()}
            for label, by_runtime in checks.items()
        }
        for engine, checks in json.loads(file.read_text()).items()
    }


def lacks() -> dict[tuple[str, str], str]:
    """Why a check is not asked of an engine, by the engine and the check."""
    return {
        (table["engine"], label): table["reason"]
        for table in tomllib.loads(EXPECTED.read_text()).get("lacks", [])
        for label in table["checks"]
    }


def reason(known: dict[tuple[str, str, str], Reason], engine: str, label: str, runtime: str) -> str:
    """The reason of one, "" if none is listed."""
    found = known.get((engine, label, runtime)) or known.get(("*", label, runtime))
    return found.text if found else ""


def differences(page: Page) -> list[tuple[str, str, str, str]]:
    """Engine, check, runtime, what differs: each failure, and each output that is not runc's."""
    found = []
    for engine, checks in page.results.items():
        for label, by_runtime in checks.items():
            peer = by_runtime.get("runc")
            for runtime, outcome in by_runtime.items():
                if outcome.result == FAIL:
                    found.append((engine, label, runtime, outcome.note))
                elif peer and peer.result == PASS and outcome.shown != peer.shown:
                    found.append((engine, label, runtime, unlike(peer.shown, outcome.shown)))
    return found


def unlike(one: str, other: str) -> str:
    """The lines which only one of two texts has."""
    own, peers = other.splitlines(), one.splitlines()
    more = [f"+{line}" for line in own if line not in peers]
    less = [f"-{line}" for line in peers if line not in own]
    return "beside runc: " + ("; ".join(less + more) or "another order of lines")


def failures(page: Page, *, stale: bool = True) -> list[str]:
    """Sentences for what is wrong with hutch: it differs without a reason, or, with ``stale``, a
    reason is not needed any more."""
    known, found = reasons(), []
    differ = differences(page)
    for engine, label, runtime, note in differ:
        if not reason(known, engine, label, runtime) and runtime == "hutch":
            found.append(f"{engine}: {label}: {note}")
    there = {(engine, label, runtime) for engine, label, runtime, _ in differ}
    for (engine, label, runtime), one in known.items() if stale else ():
        ran = page.results.get(engine, {}).get(label, {}).get(runtime)
        passes = ran and ran.result != NONE and (engine, label, runtime) not in there
        if passes and not one.sometimes:
            found.append(f"{engine}: {label}: {runtime}: expected.toml lists it, and it passes")
    return found


def capability_table(page: Page) -> str:
    """One row for each chapter, one column for each engine: of how many checks each runtime passes
    how many."""
    engines = list(page.results)
    lines = [
        f"| {' · '.join(page.runtimes)} | " + " | ".join(engines) + " |",
        "|---|" + "---|" * len(engines),
    ]
    for chapter in CHAPTERS:
        cells = [cell(page, engine, chapter) for engine in engines]
        if any(cells):
            lines.append(f"| {chapter} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def with_table(text: str, page: Page) -> str:
    """A document with the table of capabilities between its two marks."""
    before, begin, rest = text.partition("<!-- engines -->\n")
    _, end, after = rest.partition("\n<!-- /engines -->")
    assert begin and end
    return before + begin + "\n" + capability_table(page) + "\n" + end + after


def cell(page: Page, engine: str, chapter: str) -> str:
    """Of the checks that the engine has: "12" if all pass with each runtime, "11 · 12 · - of 12"
    otherwise, here without a run of the last."""
    passed: dict[str, int] = defaultdict(int)
    asked: dict[str, int] = defaultdict(int)
    for label, by_runtime in page.results[engine].items():
        if label.startswith(f"{chapter}: "):
            for runtime, outcome in by_runtime.items():
                asked[runtime] += outcome.result != NONE
                passed[runtime] += outcome.result == PASS
    most = max(asked.values(), default=0)
    if not most:
        return ""
    if all(passed[runtime] == most for runtime in page.runtimes):
        return str(most)
    cells = [str(passed[name]) if asked[name] else "-" for name in page.runtimes]
    return " · ".join(cells) + f" of {most}"


def markdown(page: Page) -> str:
    """The whole page."""
    known = reasons()
    parts = ["# Engines with " + ", ".join(page.runtimes), ""]
    parts += [f"- {version}" for version in page.versions]
    parts += ["", "How many checks pass. One number: all, with each runtime.", ""]
    parts += [capability_table(page), "", "## What differs", ""]
    for engine, label, runtime, note in differences(page):
        why = reason(known, engine, label, runtime) or "no reason is listed"
        parts.append(f"- {engine}, {label}, {runtime}: {why}\n  (`{short(note)}`)")
    parts += ["", "## Every check", ""]
    for engine, checks in page.results.items():
        parts += [f"### {engine}", "", "| check | " + " | ".join(page.runtimes) + " |"]
        parts.append("|---|" + "---|" * len(page.runtimes))
        for label, by_runtime in checks.items():
            if all(one.result == NONE for one in by_runtime.values()):
                continue
            cells = [
                by_runtime[name].result if name in by_runtime else "" for name in page.runtimes
            ]
            parts.append(f"| {label} | " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join(parts)


def short(note: str) -> str:
    line = " ".join(note.replace("`", "'").split())
    return line if len(line) < 160 else line[:157] + "..."
