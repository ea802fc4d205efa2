"""Runs rows against runtimes."""

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from conformance.runtimes import Runtime
from conformance.suite import host
from conformance.suite.case import Case
from conformance.suite.stage import build, clear, enter
from conformance.suite.table import ARGUED, FAIL, NOT_HERE, PASS, NotHere, Row, Unmet

# The version for a runtime without the verb features, and the newest version in a config.
OLDEST, NEWEST = "1.0.2", "1.3.0"


class Outcome(NamedTuple):
    """The result of a row with a runtime, and the reason for it."""

    result: str
    note: str = ""


Outcomes = dict[str, dict[str, Outcome]]  # by row, by runtime


def version_for(runtime: Runtime) -> str:
    """The newest version of the specification that a runtime reports to support, at most 1.3.0."""
    version = str(runtime.features().get("ociVersionMax", OLDEST))
    numbers = version.partition("-")[0].split(".")
    return NEWEST if tuple(map(int, numbers)) > (1, 3, 0) else version


def outcome_of(row: Row, case: Case) -> Outcome:
    """Runs one check."""
    if row.check is None:
        return Outcome(ARGUED, row.argument)
    try:
        row.check(case)
    except Unmet as unmet:
        return Outcome(FAIL, str(unmet))
    except NotHere as lack:
        return Outcome(NOT_HERE, str(lack))
    finally:
        case.close()
        clear(case.bundle.parent)
    return Outcome(PASS)


def run_all(
    chosen: list[Row],
    runtimes: list[Runtime],
    probe: Path,
    tell: Callable[[Row, str, Outcome], None] = lambda *_: None,
    workers: int = os.cpu_count() or 1,
) -> Outcomes:
    """Runs all rows with all runtimes. ``tell`` is called with each result."""
    host.adopt_orphans()
    enter()
    outcomes: Outcomes = {row.id: {} for row in chosen}
    top = f"/conformance-{os.getpid()}"
    with TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        stage = build(folder)
        versions = {runtime.name: version_for(runtime) for runtime in runtimes}

        def one(row: Row, runtime: Runtime) -> None:
            label = f"{row.id}-{runtime.name}"
            version = versions[runtime.name]
            case = Case(runtime, version, probe, stage, folder / label, f"{top}/{label}")
            outcome = outcome_of(row, case)
            outcomes[row.id][runtime.name] = outcome
            tell(row, runtime.name, outcome)

        try:
            with ThreadPoolExecutor(workers) as pool:
                waiting = [pool.submit(one, row, runtime) for row in chosen for runtime in runtimes]
                for future in waiting:
                    future.result()
        finally:
            clear(folder)
            for hierarchy in host.hierarchies():
                with contextlib.suppress(OSError):
                    (hierarchy / top[1:]).rmdir()
    return outcomes
