"""Runs the lines with each engine, and reports where warren differs from the others."""

from fnmatch import fnmatchcase
from typing import Any

from conformance.compare.engines import Engine
from conformance.compare.lines import Line, labels, lines
from conformance.compare.outcome import Outcome
from conformance.compare.shapes import lacking

Results = dict[str, tuple[Line, dict[str, Outcome]]]
Table = dict[str, Any]  # of a file of expected differences: reason, lines or fields, machine
SHOWN = 12  # rows of an output
LONGEST = 60


def run(engines: list[Engine], chapters: list[str]) -> Results:
    """What came of every line, by each engine, one line after the other."""
    found = lines(chapters)
    return {
        label: (line, {engine.name: engine.run(line) for engine in engines})
        for label, line in zip(labels(found), found, strict=True)
    }


def against(results: Results, peer: str, tables: list[Table], *, every: bool = True) -> int:
    """Prints how warren compares with another; the number of lines that the tables of expected
    differences have not, or have and should not. ``every``: all lines of the tables were run.

    Lines of a table with ``machine`` differ on some machines only. Tables with ``fields`` are for
    replies: patterns of a path and of what is lacking there (fnmatch(3)).
    """
    always, some = expected(tables)
    patterns = [pattern for table in tables for pattern in table.get("fields", [])]
    used: set[str] = set()
    same, listed, wrong, apart = 0, 0, 0, 0
    for label, (line, outcomes) in results.items():
        ours, theirs = outcomes["warren"], outcomes[peer]
        what = ours.differs(theirs, whole=line.whole and not line.shape)
        if line.shape and not what:
            rows = lacking(ours.output, theirs.output)
            fields = {row: _fitting(f"{line.path} {row}", patterns) for row in rows}
            used |= {pattern for fit in fields.values() for pattern in fit}
            if unknown := [row for row, fit in fields.items() if not fit]:
                what = "fields: " + ", ".join(unknown)
            elif rows:
                listed += 1
                continue
        if what and label not in always | some:
            wrong += 1
            describe(label, f"differs from {peer} in {what}, and is not listed", outcomes)
        elif not what and label in always:
            wrong += 1
            describe(label, f"is listed, but does not differ from {peer}", outcomes)
        elif what:
            listed += 1
        elif line.whole:
            same += 1
        else:
            apart += 1
    unused = ((always | some) - set(results)) | (set(patterns) - used) if every else set()
    for label in sorted(unused):
        wrong += 1
        print(f"among the expected differences, but does not differ or is not run: {label}")
    print(
        f"warren and {peer}, {len(results)} command lines: {same} the same; {apart} the same in"
        " exit status and kind of error (their output is the engine's own);"
        f" {listed} differ as is expected, {wrong} against it."
    )
    return wrong


def expected(tables: list[Table]) -> tuple[set[str], set[str]]:
    """The lines that differ; and those that do on some machines."""
    named = [(table.get("lines", []), table.get("machine")) for table in tables]
    return (
        {label for labels, machine in named if not machine for label in labels},
        {label for labels, machine in named if machine for label in labels},
    )


def _fitting(text: str, patterns: list[str]) -> list[str]:
    return [pattern for pattern in patterns if fnmatchcase(text, pattern)]


def describe(label: str, what: str, outcomes: dict[str, Outcome]) -> None:
    """Prints one line's outcomes; of long ones only the rows that another has not."""
    print(f"--- {label}\n    {what}")
    rows = {name: one.output.splitlines() for name, one in outcomes.items()}
    common = set.intersection(*map(set, rows.values()))
    for name, one in outcomes.items():
        print(f"    {name}: {one.status} [{one.kind}] {one.said.strip()[:300]!r}")
        own = [row for row in rows[name] if row not in common]
        for row in (rows[name] if len(rows[name]) <= SHOWN else own)[:LONGEST]:
            print(f"        {row}")
