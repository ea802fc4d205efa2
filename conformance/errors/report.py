"""The results as a table, and the lines side by side."""

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.errors.__main__ import Said

    Results = Mapping[str, Mapping[str, Said]]

MARKS = {"names it": "yes", "fails without naming it": "no", "succeeds in silence": "silent"}
NAMES = ("hutch", "runc", "crun", "hutch check")


def summary(results: "Results") -> str:
    """How many cases each names."""
    lines = []
    for name in NAMES:
        verdicts = [row[name].verdict for row in results.values()]
        silent = verdicts.count("succeeds in silence")
        named = verdicts.count("names it")
        lines.append(f"{name:12} names {named} of {len(verdicts)}; {silent} pass in silence")
    return "\n".join(lines)


def as_markdown(results: "Results", versions: Mapping[str, str], broken: int) -> str:
    """The page conformance/results/errors.md; the first ``broken`` cases are broken bundles."""
    lines = [
        "# Who names the field or the cause?",
        "",
        "Written by `./dev conformance --errors`. The rules are in conformance/errors/score.py,",
        "the cases in cases.py and failures.py. `hutch check` reads the bundle, and runs nothing.",
        "",
        *[f"- {version}" for version in versions.values()],
        "",
        "| | hutch | runc | crun | hutch check |",
        "|---|---|---|---|---|",
    ]
    names = list(results)
    parts = {"broken bundles": names[:broken], "failures at run time": names[broken:]}
    for part, listed in {**parts, "all": names}.items():
        numbers = [
            str(sum(results[name][runtime].verdict == "names it" for name in listed))
            for runtime in NAMES
        ]
        lines.append(f"| {len(listed)} {part} | {' | '.join(numbers)} |")
    for part, listed in parts.items():
        lines += ["", f"## {part.capitalize()}", ""]
        for name in listed:
            row = results[name]
            marks = ", ".join(f"{runtime} {MARKS[row[runtime].verdict]}" for runtime in NAMES)
            lines += [f"### {name}", "", f"{marks}", "", "<pre>"]
            for runtime in NAMES[:3]:
                message = row[runtime].message or "(nothing)"
                if len(message) > 900:
                    message = message[:897] + "..."
                lines.append(html.escape(f"{runtime}: {message}", quote=False))
            lines += ["</pre>", ""]
    return "\n".join(lines)
