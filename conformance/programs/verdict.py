"""What a validation program's output and exit status mean.

The programs print TAP with JSON in its YAML blocks, which strict parsers of TAP refuse, and some
print several plans. So the verdict is simpler: a program passes if it ends with status 0 and no
assertion failed. The programs for hooks assert nothing, and report problems as diagnostics.
"""

import re
from typing import NamedTuple

PASS, FAIL, TIMEOUT = "pass", "fail", "timeout"
ASSERTION = re.compile(r"^(not )?ok \d+(?:.*# (skip))?", re.IGNORECASE | re.MULTILINE)
DIAGNOSTIC = re.compile(r'^\s*"error": ', re.MULTILINE)


class Verdict(NamedTuple):
    """How a program ended: pass, fail or timeout, and how many assertions passed, failed or were
    skipped."""

    result: str
    ok: int = 0
    not_ok: int = 0
    skipped: int = 0
    first: str = ""

    def __str__(self) -> str:
        counts = f"{self.ok}/{self.not_ok}/{self.skipped}"
        return f"{self.result} {counts}" if self.ok or self.not_ok else self.result


def judge(output: str, code: int | None) -> Verdict:
    """The verdict, from a program's output and exit status; the status is None after a timeout."""
    ok = not_ok = skipped = 0
    first = ""
    for match in ASSERTION.finditer(output):
        if match[1]:
            not_ok += 1
            first = first or output[match.start() :].partition("\n")[0]
        elif match[2]:
            skipped += 1
        else:
            ok += 1
    if code is None:
        return Verdict(TIMEOUT, ok, not_ok, skipped, first)
    silent = not (ok or not_ok or skipped)
    wrong = bool(code or not_ok or (silent and DIAGNOSTIC.search(output)))
    return Verdict(FAIL if wrong else PASS, ok, not_ok, skipped, first)
