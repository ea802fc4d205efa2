"""Runs the tests of CVEs with hutch and with other installed runtimes, to show that they can fail.

    python -m tests.security.peers        (in the repository; ./dev security)

An old runtime that has the vulnerability fails its test; so the test can fail. Prints a table, and
then a summary for each runtime. The exit code is 1 if hutch fails a test.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

FOLDER = Path(__file__).parent
STAGE = FOLDER.parents[1] / "conformance" / "stage.sh"
PEERS = ("runc", "crun")
FILES = ("test_peers.py", "test_paths.py", "test_process.py", "test_races.py")
# If a runtime fails this test, its other results prove nothing.
CONTROL = "test_s28_a_plain_container_runs"

HOLDS, FALLS, NO_ANSWER, ABSENT = "holds", "falls", "no answer", "does not run here"


def verdicts(report: ET.Element) -> dict[str, str]:
    """The verdict of each test in a report of pytest (in JUnit's format), by its name.

    A test falls if one of its cases falls. A test that was skipped, or failed in its set-up, has no
    answer. An error at the end of a test that passed is ignored, because the test is not about it.
    """
    found: dict[str, str] = {}
    for case in report.iter("testcase"):
        name = case.get("name", "").partition("[")[0]
        error = case.find("error")
        if case.find("failure") is not None:
            found[name] = FALLS
        elif case.find("skipped") is not None or (
            error is not None and "on setup" in error.get("message", "")
        ):
            found.setdefault(name, NO_ANSWER)
        elif found.get(name) != FALLS:
            found[name] = HOLDS
    return found


def results(
    command: str, words: tuple[str, ...] = (), stage: tuple[str, ...] = ()
) -> dict[str, str]:
    """The verdicts of the tests of CVEs whose names have these words, with the runtime of this
    command. ``stage`` is the command that starts pytest.

    If the runtime cannot run a plain container, all verdicts are "does not run here".
    """
    chosen = f"({' and '.join(['cve', *words])}) or {CONTROL}"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        subprocess.run(
            [*stage, sys.executable, "-m", "pytest", "-q", "-k", chosen, "-p", "no:cacheprovider",
             f"--junitxml={report}", *(str(FOLDER / name) for name in FILES)],
            cwd=FOLDER.parents[1], env={**os.environ, "HUTCH": command}, check=False,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        found = verdicts(ET.parse(report).getroot())
    if found.pop(CONTROL, NO_ANSWER) != HOLDS:
        return dict.fromkeys(found, ABSENT)
    return found


def version(command: str) -> str:
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].replace("version ", "")


def main() -> int:
    table = {"hutch": results(str(Path(sys.prefix) / "bin" / "hutch"))}
    for name in PEERS:
        if shutil.which(name):
            table[version(name)] = results(name, stage=(str(STAGE),))
    names = sorted(table["hutch"])
    width = max(map(len, names))
    print("".ljust(width), *(name.ljust(len(ABSENT)) for name in table), sep="  ")
    for name in names:
        cells = [table[runtime].get(name, NO_ANSWER).ljust(len(ABSENT)) for runtime in table]
        print(name.ljust(width), *cells, sep="  ")
    for runtime, found in table.items():
        held = sum(what == HOLDS for what in found.values())
        if ABSENT in found.values():
            print(f"{runtime}: {ABSENT}")
        else:
            print(f"{runtime}: {held} of {len(found)} hold")
    return set(table["hutch"].values()) != {HOLDS}


if __name__ == "__main__":
    sys.exit(main())
