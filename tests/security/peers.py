"""The tests of CVEs under hutch and under the peers that are installed: is each test a real one?

    python -m security.peers        (in tests/; ./dev security)

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
PEERS = ("runc", "crun")
FILES = ("test_paths.py", "test_process.py", "test_races.py")


def results(command: str | None, words: tuple[str, ...] = ()) -> dict[str, str]:
    """What came of each test of a CVE: "holds", or "falls" where any of its cases did."""
    environment = {key: value for key, value in os.environ.items() if key != "HUTCH"}
    if command:
        environment["HUTCH"] = command
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-k", " and ".join(["cve", *words]),
             f"--junitxml={report}", *(str(FOLDER / name) for name in FILES)],
            cwd=FOLDER.parents[1], env=environment, check=False, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        cases = ET.parse(report).getroot().iter("testcase")
        found: dict[str, str] = {}
        for case in cases:
            name = case.get("name", "").partition("[")[0]
            bad = case.find("failure") is not None
            # What falls in its set-up or its end is no answer.
            if case.find("error") is None or name not in found:
                found[name] = "falls" if bad or found.get(name) == "falls" else "holds"
    return found


def version(command: str) -> str:
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.splitlines()[0].replace("version ", "")


def main() -> int:
    installed = [name for name in PEERS if shutil.which(name)]
    table = {"hutch": results(None), **{version(name): results(name) for name in installed}}
    names = sorted(table["hutch"])
    width = max(map(len, names))
    print("".ljust(width), *table, sep="  ")
    for name in names:
        cells = [table[runtime].get(name, "-").ljust(len(runtime)) for runtime in table]
        print(name.ljust(width), *cells, sep="  ")
    for runtime, found in table.items():
        fallen = sum(what == "falls" for what in found.values())
        print(f"{runtime}: {len(found) - fallen} of {len(found)} hold")
    return "falls" in table["hutch"].values()


if __name__ == "__main__":
    sys.exit(main())
