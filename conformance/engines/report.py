"""The table of engines, checks and runtimes, and what differs."""

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


def reasons() -> dict[tuple[str, str, str], str]:
    """Why an engine, check and runtime fail or differ; an engine * stands for all."""
    found = {}
    for table in tomllib.loads(EXPECTED.read_text()).get("difference", []):
        for engine in table["engines"]:
            for runtime in table["runtimes"]:
                for label in table["checks"]:
                    found[engine, label, runtime] = table["reason"]
    return found


def reason(known: dict[tuple[str, str, str], str], engine: str, label: str, runtime: str) -> str:
    """The reason of one, "" if none is listed."""
    return known.get((engine, label, runtime)) or known.get(("*", label, runtime), "")


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


def failures(page: Page) -> list[str]:
    """Sentences for what is wrong with hutch: it differs without a reason, or a reason is stale."""
    known, found = reasons(), []
    differ = differences(page)
    for engine, label, runtime, note in differ:
        if not reason(known, engine, label, runtime) and runtime == "hutch":
            found.append(f"{engine}: {label}: {note}")
    there = {(engine, label, runtime) for engine, label, runtime, _ in differ}
    for engine, label, runtime in known:
        ran = page.results.get(engine, {}).get(label, {}).get(runtime)
        if ran and ran.result != NONE and (engine, label, runtime) not in there:
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


def cell(page: Page, engine: str, chapter: str) -> str:
    """Of the checks that the engine has: "12" if all pass with each runtime, "11 · 12 · 12 of 12"
    otherwise."""
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
    return " · ".join(str(passed[runtime]) for runtime in page.runtimes) + f" of {most}"


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
