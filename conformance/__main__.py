"""``./dev conformance``: tests the requirements of the specification with hutch, runc and crun.

Without arguments it runs the suite of this project. With --programs it runs the validation programs
of opencontainers/runtime-tools, which the user must build.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.runtimes import Runtime, find, strict_flags
from conformance.suite.run import Outcome

if TYPE_CHECKING:
    from conformance.suite.report import Page

PROJECT = Path(__file__).resolve().parents[1]
DEFAULT = ("hutch", "runc", "crun")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev conformance", description=__doc__)
    parser.add_argument(
        "--runtime", action="append", metavar="NAME", help="a command or path (may be repeated)"
    )
    parser.add_argument("--programs", type=Path, metavar="DIR", help="built validation programs")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="only these programs, or rows whose id begins so",
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="write the pages into DIR")
    parser.add_argument("--json", action="store_true", help="print every result")
    parser.add_argument("--host", choices=["vm"], help="in a machine with cgroup v2")
    parser.add_argument("--security", default="apparmor", help="what the machine has (apparmor)")
    parser.add_argument("--probe", type=Path, help="the probe, built already")
    parser.add_argument("--verbose", action="store_true", help="tell every row's result")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the programs' output here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        if options.host:
            return on_test_host(options)
        runtimes = [
            Runtime(
                Path(given).name, find(given), Path(name) / Path(given).name, strict_flags(given)
            )
            for given in options.runtime or DEFAULT
        ]
        if options.programs:
            return validate(runtimes, options)
        return demand(runtimes, options, Path(name))


def demand(runtimes: list[Runtime], options: argparse.Namespace, folder: Path) -> int:
    """Runs the suite of this project. 1 if a runtime fails a row."""
    from conformance.suite import host, report
    from conformance.suite.build import build_probe
    from conformance.suite.every import rows
    from conformance.suite.run import run_all
    from conformance.suite.table import FAIL, Row

    chosen = [
        row
        for row in rows()
        if not options.only or any(row.id.startswith(prefix) for prefix in options.only)
    ]

    def tell(row: Row, name: str, outcome: Outcome) -> None:
        if outcome.result == FAIL or options.verbose:
            print(f"{row.id:8} {name:6} {outcome.result:8} {outcome.note}", file=sys.stderr)

    probe = options.probe or build_probe(folder / "probe")
    outcomes = run_all(chosen, runtimes, probe, tell)
    versions = [(runtime.name, runtime.version()) for runtime in runtimes]
    return publish(report.Page(chosen, outcomes, versions, host.describe()), options)


def publish(page: "Page", options: argparse.Namespace) -> int:
    """Writes the pages to the folder that the user named, and prints a summary."""
    from conformance.suite import report
    from conformance.suite.table import FAIL

    if options.json:
        print(report.as_json(page), flush=True)
    if options.report:
        options.report.mkdir(parents=True, exist_ok=True)
        (options.report / "conformance.md").write_text(report.markdown(page))
        (options.report / "conformance.html").write_text(report.as_html(page))
        (options.report / "conformance.json").write_text(report.as_json(page))
    print(report.totals(page), file=sys.stderr)
    return int(any(page.counts(name)[FAIL] for name in page.names))


def on_test_host(options: argparse.Namespace) -> int:
    """Runs the suite in the virtual machine with cgroup v2 (conformance.testhost)."""
    from conformance.suite import report
    from conformance.suite.build import build_probe
    from conformance.suite.every import rows

    # The results must be in a folder that the machine shares.
    probe = build_probe(PROJECT / ".dev" / "probe")
    words = ["--json", "--probe", str(probe), *(["--verbose"] if options.verbose else [])]
    for flag, values in (("--runtime", options.runtime), ("--only", options.only)):
        for value in values or []:
            words += [flag, value]
    host = [sys.executable, "-m", "conformance.testhost", "run", "--share", str(PROJECT)]
    host += ["--timeout", "3600", "--security", options.security, "--"]
    found = ""
    # Errors, and the rows that a runtime failed, are on the same stream. They are printed at once.
    with subprocess.Popen(
        [*host, sys.executable, "-m", "conformance", *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    ) as machine:
        assert machine.stdout
        for line in machine.stdout:
            if found:  # what it says after its results, we say again
                continue
            if line.startswith('{"host": '):
                found = line
            else:
                print(line, file=sys.stderr, end="", flush=True)
    if not found:
        return machine.returncode or 1
    options.json = False
    return publish(report.from_json(found, rows()), options)


def validate(runtimes: list[Runtime], options: argparse.Namespace) -> int:
    """Runs the validation programs. 1 if the results of hutch are not as expected."""
    from conformance.programs.expected import expected
    from conformance.programs.run import programs_in, run, version_of
    from conformance.programs.table import Results, render, surprises

    folder = options.programs.absolute()
    programs = programs_in(folder)
    version = version_of(programs, folder)
    expectations = expected(version)
    results: Results = {}
    for program, path in programs.items():
        if options.only and program not in options.only:
            continue
        results[program] = {}
        for runtime in runtimes:
            verdict, output = run(path, folder, runtime)
            results[program][runtime.name] = verdict
            print(f"{program:34} {runtime.name:8} {verdict}", file=sys.stderr, flush=True)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{program}.{runtime.name}").write_text(output)
    print(f"Validation programs of ociVersion {version}\n")
    print("\n".join(f"- {runtime.name}: {runtime.version()}" for runtime in runtimes) + "\n")
    print(render(results, expectations))
    found = [
        sentence
        for runtime in runtimes
        if runtime.name == "hutch"
        for sentence in surprises(results, runtime.name, expectations)
    ]
    for sentence in found:
        print("conformance: " + sentence, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
