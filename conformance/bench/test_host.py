"""The measurements in the virtual machine (conformance.testhost), which has cgroup v2.

QEMU emulates the processor, so times are some ten times as long; runtimes can be compared in them,
machines cannot. Instructions are counted in a second machine, whose clock is the number of executed
instructions: there a command's processor time, in nanoseconds, is the number of its instructions,
those of the kernel too, for every runtime.

What is measured is copied from the shared folders to the machine's own disk, because a file in a
shared folder is slow to open.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from conformance.bench.peers import BARE, make_bare

PROJECT = Path(__file__).parents[2]
MARK = "results: "
UNIT = "millions in user mode and in the kernel, counted by the virtual machine"
TIMEOUT = "7200"
COUNTED = 3  # rounds: they differ little
COPY = """
set -e
for path in "$@"; do
    [ "$path" != -- ] || break
    copy=$(mktemp -d /var/tmp/bench.XXXXXX)
    cp -a "$path" "$copy/"
    mount --bind "$copy/${path##*/}" "$path"
    shift
done
shift
exec "$@"
"""


def run(folder: Path, given: dict[str, Path], options: argparse.Namespace) -> dict[str, Any]:
    """The results of the machine. Raises SystemExit if it came to an early end."""
    programs = folder / "programs"
    programs.mkdir()
    given = given | {BARE: make_bare(folder)}
    for name, path in given.items():
        shutil.copy(path, programs / name)
    hutch = Path(sys.prefix) / "bin" / "hutch"
    (package,) = Path(sys.prefix).glob("lib/python3*/site-packages/hutch")
    words = ["--json", "--without", "hutch-a"]
    words += [word for name in options.without for word in ("--without", name)]
    words += [word for name in given for word in ("--peer", f"{name}={programs / name}")]
    copied = [hutch, package, programs, *folder.glob("newest/root")]
    results: dict[str, Any] = {}
    parts = options.part or ["times", "instructions"]
    measured = [name for name in ("times", "at once") if name in parts]
    if measured:
        own = [*words, "--rounds", str(options.rounds)]
        own += [word for name in measured for word in ("--part", name)]
        own += ["--at-once", *map(str, options.at_once)]
        results |= _in_machine([PROJECT, folder], copied, own, counting=False)
    if "instructions" in parts:
        own = [*words, "--rounds", str(COUNTED), "--part", "times"]
        found = _in_machine([PROJECT, folder], copied, own, counting=True)["times"]
        results["instructions"] = _counts(found)
    return results


def _counts(found: dict[str, Any]) -> dict[str, Any]:
    """The part "instructions" of times whose milliseconds are millions of instructions."""
    table = found.pop("table")
    rows = {
        name: {
            measure: f"{statistics.median(sample[1] for sample in row[name]):.1f}"
            for measure, row in table.items()
        }
        for name in found["peers"]
    }
    return {**found, "unit": UNIT, "rows": rows}


def _in_machine(
    shares: list[Path], copied: list[Path], words: list[str], *, counting: bool
) -> dict[str, Any]:
    host = [sys.executable, "-m", "conformance.testhost", "run", "--timeout", TIMEOUT]
    host += ["--counting"] if counting else []
    host += [word for share in shares for word in ("--share", str(share))]
    bench = [sys.executable, "-m", "conformance.bench", *words]
    host += ["--", "sh", "-c", COPY, "sh", *map(str, copied), "--", *bench]
    found: dict[str, Any] | None = None
    with subprocess.Popen(host, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as done:
        assert done.stdout
        try:
            for line in done.stdout:
                if line.startswith(MARK):
                    found = json.loads(line.removeprefix(MARK))
                else:
                    sys.stderr.write(line)
        finally:
            done.terminate()  # it ends the machine; no effect on one that has ended
    if found is None:
        raise SystemExit("bench: the machine came to an early end")
    return found
