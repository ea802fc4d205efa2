"""The table of the programs, and whether hutch did as expected."""

from conformance.programs.expected import Expected
from conformance.programs.verdict import PASS, Verdict

Results = dict[str, dict[str, Verdict]]  # by program, by runtime

# These programs assert nothing; they only print diagnostics. So they are counted separately.
HOOKS = frozenset(
    ("hooks", "poststart", "poststart_fail", "poststop", "poststop_fail", "prestart")
) | {"prestart_fail"}


def render(results: Results, expectations: dict[str, Expected]) -> str:
    """The table in Markdown, with a line of totals."""
    names = list(next(iter(results.values())))
    lines = ["| program | " + " | ".join(names) + " | why it cannot pass |"]
    lines.append("|" + "---|" * (len(names) + 2))
    for program, row in results.items():
        reason = expectations[program].reason if program in expectations else ""
        cells = [program, *(str(row[name]) for name in names), reason]
        lines.append("| " + " | ".join(cells) + " |")
    for title, wanted in (("passed", False), ("passed, hooks", True)):
        rows = [row for program, row in results.items() if (program in HOOKS) == wanted]
        if rows:
            totals = [sum(row[name].result == PASS for row in rows) for name in names]
            lines.append(
                f"| {title} | " + " | ".join(f"{n} of {len(rows)}" for n in totals) + " | |"
            )
    return "\n".join(lines) + "\n"


def surprises(results: Results, name: str, expectations: dict[str, Expected]) -> list[str]:
    """The differences between a runtime's results and the list, one sentence for each; [] if there
    are none."""
    found = []
    for program, row in results.items():
        passed = row[name].result == PASS
        expectation = expectations.get(program)
        if passed and expectation and not expectation.racy:
            found.append(f"{program}: {name} passes it: take it out of expected.toml")
        if not passed and not expectation:
            found.append(f"{program}: {name} does not pass it ({row[name]}) {row[name].first}")
    return found
