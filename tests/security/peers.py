"""The tests of CVEs under hutch and under the peers that are installed: is each test a real one?

    python -m tests.security.peers        (in the repository; ./dev security)

A test that an old runtime fails, which the CVE is of, shows that it can fail. Prints a table; its
last lines are what SECURITY.md says of the peers. The exit code is 1 if hutch fails any.
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
# What a runtime that cannot do this is asked proves nothing about it.
CONTROL = "test_s28_a_plain_container_runs"

HOLDS, FALLS, NO_ANSWER, ABSENT = "holds", "falls", "no answer", "does not run here"


def verdicts(report: ET.Element) -> dict[str, str]:
    """What came of each test in a report of pytest's (JUnit's form), by its name.

    A test falls where any of its cases does. What was skipped or failed in its set-up has no
    answer; what a test that passed finds at its end is not what the test is about.
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
    """What came of each test of a CVE whose name has these words, under the runtime of this
    command; ``stage`` is what pytest itself is started by.

    A runtime that does not run one plain container does not run here, whatever it is asked.
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
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.splitlines()[0].replace("version ", "")


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
