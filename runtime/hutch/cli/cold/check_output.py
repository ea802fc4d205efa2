"""The findings of `hutch check` as text, as JSON, and as SARIF 2.1.0 for code review."""

import os
import re
from typing import TYPE_CHECKING

import hutch
from hutch.container.cold.check import Finding, counts
from hutch.errors import shown
from hutch.spec.cold.sections import SPECIFICATION

if TYPE_CHECKING:
    from hutch.spec.json import Json

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(found: list[Finding], path: str) -> str:
    """One line for each finding, of the form that editors know from compilers, then the sum.

    ``path`` is that of config.json.
    """
    lines = []
    for one in found:
        place = one.pointer
        if place and one.value is not ...:
            place += " = " + shown(one.value)
        sentence = (place + ": " if place else "") + one.reason
        if one.hint:
            sentence += f" (hint: {one.hint})"
        line = f"{path}:{one.line}:{one.column}: {one.severity}: {sentence} [{one.section}]"
        lines.append("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))
    amounts = [f"{n} {severity}{'' if n == 1 else 's'}" for severity, n in counts(found)]
    return "\n".join([*lines, ", ".join(amounts)]) + "\n"


def as_json(found: list[Finding], path: str) -> "Json":
    """{"path", "errors", "warnings", "notes", "findings": [...]}; the keys of a finding are those
    of Finding."""
    listed: list[Json] = []
    for one in found:
        entry: dict[str, Json] = {
            "severity": one.severity,
            "pointer": one.pointer,
            "jsonPointer": one.json_pointer,
            "line": one.line,
            "column": one.column,
            "reason": one.reason,
            "specification": SPECIFICATION + one.section,
        }
        if one.value is not ...:
            entry["value"] = one.value  # type: ignore[assignment]
        if one.hint:
            entry["hint"] = one.hint
        listed.append(entry)
    amounts: dict[str, Json] = {severity + "s": number for severity, number in counts(found)}
    return {"path": path, **amounts, "findings": listed}


def as_sarif(found: list[Finding], path: str) -> "Json":
    """A log of SARIF 2.1.0 with one run. A rule is a field of config.json, without its indices."""
    rules: dict[str, Json] = {}
    results: list[Json] = []
    for one in found:
        rule = _rule(one)
        rules.setdefault(
            rule,
            {
                "id": rule,
                "shortDescription": {"text": f"{rule} in config.json"},
                "helpUri": SPECIFICATION + one.section,
            },
        )
        text = one.reason + (f" ({one.hint})" if one.hint else "")
        results.append(
            {
                "ruleId": rule,
                "ruleIndex": list(rules).index(rule),
                "level": one.severity,
                "message": {"text": f"{one.pointer}: {text}" if one.pointer else text},
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uri": _uri(path)},
                            "region": {"startLine": one.line, "startColumn": one.column},
                        },
                        "logicalLocations": [{"fullyQualifiedName": one.json_pointer}],
                    }
                ],
            }
        )
    driver: Json = {
        "name": "hutch",
        "version": hutch.__version__,
        "informationUri": SPECIFICATION + "config.md",
        "rules": list(rules.values()),
    }
    run: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": SARIF, "version": "2.1.0", "runs": [run]}


def _rule(finding: Finding) -> str:
    return re.sub(r"\[[^\]]*\]", "[]", finding.pointer) or "config.json"


def _uri(path: str) -> str:
    """A relative URI below the working directory, which is what code review expects; else file:."""
    from urllib.parse import quote

    whole = os.path.abspath(path)
    here = os.path.relpath(whole)
    return "file://" + quote(whole) if here.startswith("..") else quote(here)
