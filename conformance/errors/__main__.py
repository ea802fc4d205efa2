"""Runs the cases, prints a table, and writes it to conformance/results."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from conformance.bench.bundle import make_bundle
from conformance.errors.cases import BROKEN, Case
from conformance.errors.failures import FAILING
from conformance.errors.report import as_markdown, summary
from conformance.errors.score import Verdict, verdict
from conformance.runtimes import Runtime, find

RESULTS = Path(__file__).parents[1] / "results"
PATIENCE = 60  # seconds
TIME = re.compile(r'^time="[^"]*" ', re.MULTILINE)


class Said(NamedTuple):
    """What a runtime said about a case."""

    verdict: Verdict
    code: int
    message: str


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev conformance --errors", description=__doc__)
    parser.add_argument("--only", metavar="WORD", help="only cases with this word in their name")
    options = parser.parse_args()
    cases = [case for case in (*BROKEN, *FAILING) if (options.only or "") in case.name]
    results: dict[str, dict[str, Said]] = {}
    with tempfile.TemporaryDirectory(prefix="errors-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        runtimes = [Runtime(n, find(n), folder / f"state-{n}") for n in ("hutch", "runc", "crun")]
        for number, case in enumerate(cases):
            results[case.name] = {
                runtime.name: run(case, runtime, folder / f"{number}-{runtime.name}")
                for runtime in runtimes
            }
            results[case.name]["hutch check"] = check(case, runtimes[0], folder / f"{number}-check")
            if options.only:
                for name, said in results[case.name].items():
                    print(f"{name}: {said.verdict} ({said.code})\n{said.message}\n")
            else:
                print(case.name, file=sys.stderr, flush=True)
        versions = {runtime.name: runtime.version() for runtime in runtimes}
    print(summary(results))
    if not options.only:
        (RESULTS / "errors.md").write_text(as_markdown(results, versions, len(BROKEN)))
        plain = {name: {k: v._asdict() for k, v in row.items()} for name, row in results.items()}
        (RESULTS / "errors.json").write_text(json.dumps(plain, indent=1) + "\n")
    named = sum(row["hutch"].verdict == "names it" for row in results.values())
    return 0 if options.only or named >= len(results) - 3 else 1


def lay(case: Case, folder: Path) -> None:
    """The broken bundle of a case."""
    make_bundle(folder, "true")
    (folder / "rootfs" / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["linux"]["cgroupsPath"] = f"/hutch-errors/{folder.name}"
    case.change(config, folder / "rootfs")
    text = json.dumps(config, indent=2)
    path.write_text(case.raw(text) if case.raw else text)


def run(case: Case, runtime: Runtime, folder: Path) -> Said:
    """What the runtime says when it runs the bundle: its standard error and its log."""
    lay(case, folder)
    log, output = folder / "log", folder / "err"
    words = [runtime.command, "--root", str(runtime.root), "--log", str(log)]
    words += ["run", "--bundle", str(folder), "test"]
    with output.open("w") as err:
        try:
            done = subprocess.run(
                [*case.wrap, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=err, timeout=PATIENCE, check=False,
            )  # fmt: skip
            code = done.returncode
        except subprocess.TimeoutExpired:
            code = -1
    runtime.sweep()
    message = message_of(output, log, folder)
    return Said(verdict(code, message, case.words, quiet=case.quiet), code, message)


def message_of(output: Path, log: Path, folder: Path) -> str:
    """The lines of both, each once: the log of a runtime repeats what it prints. The times of the
    log are left out: what has not changed is then the same in the results of another run."""
    lines = output.read_text(errors="replace").splitlines()
    if log.exists():
        for line in log.read_text(errors="replace").splitlines():
            told = line.partition("msg=")[2].strip('"') or line
            if not any(told[:60] in other for other in lines):
                lines.append(line)
    text = "\n".join(line.replace(str(folder), "BUNDLE") for line in lines if line.strip())
    return TIME.sub("", text)


def check(case: Case, hutch: Runtime, folder: Path) -> Said:
    """What `hutch check` says about the bundle, without running it."""
    lay(case, folder)
    done = subprocess.run(
        [*case.wrap, *hutch.words("check", str(folder))],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    message = "\n".join(lines).replace(str(folder), "BUNDLE")
    return Said(verdict(done.returncode, message, case.words), done.returncode, message)


if __name__ == "__main__":
    sys.exit(main())
