"""``./dev compare``: runs the same command lines with warren, docker and podman.

docker is the judge where they differ, if its daemon runs here; what podman does otherwise is
listed, too. The run fails for each line in which warren differs from one of them and expected.toml
does not say why, and for each line of expected.toml in which it does not differ any more.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from conformance.compare.engines import Engine, docker, podman, warren
from conformance.compare.lines import Line, labels, lines
from conformance.compare.outcome import Outcome
from conformance.samples.busybox import write_docker_archive

Results = dict[str, tuple[Line, dict[str, Outcome]]]
EXPECTED = Path(__file__).with_name("expected.toml")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev compare", description=__doc__)
    parser.add_argument("--show", metavar="TEXT", help="all outcomes of lines with this text")
    options = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="compare-", dir="/var/tmp") as name:
        base = Path(name)
        folders = {engine: base / engine for engine in ("warren", "docker", "podman")}
        for folder in folders.values():
            folder.mkdir()
        archive, tree = write_docker_archive(base, "box:1")
        with docker(folders["docker"]) as other:
            engines = [warren(folders["warren"]), other, podman(folders["podman"])]
            present = [engine for engine in engines if engine is not None]
            for engine in present:
                engine.prepare(archive, tree)
            results = run(present)
            for engine in present:
                engine.clear()
        subprocess.run(["umount", "-q", str(folders["podman"] / "p" / "overlay")], check=False)
    if len(present) == 1:
        print("neither docker nor podman is here", file=sys.stderr)
        return 2
    for label, (_, outcomes) in results.items():
        if options.show is not None and options.show in label:
            describe(label, "shown", outcomes)
    wrong = [against(results, engine.name) for engine in present[1:]]
    return 1 if any(wrong) else 0


def run(engines: list[Engine]) -> Results:
    """What came of every line, by each engine, one line after the other."""
    found = lines()
    return {
        label: (line, {engine.name: engine.run(line) for engine in engines})
        for label, line in zip(labels(found), found, strict=True)
    }


def expected(peer: str) -> tuple[set[str], set[str]]:
    """The lines in which warren differs from the peer; and those in which it does on some
    machines."""
    tables = tomllib.loads(EXPECTED.read_text())[peer]
    always = {label for table in tables if not table.get("machine") for label in table["lines"]}
    some = {label for table in tables if table.get("machine") for label in table["lines"]}
    return always, some


def against(results: Results, peer: str) -> int:
    """Prints how warren compares with another; the number of lines that expected.toml has not, or
    has and should not."""
    always, some = expected(peer)
    same, listed, wrong, apart = 0, 0, 0, 0
    for label, (line, outcomes) in results.items():
        what = outcomes["warren"].differs(outcomes[peer], whole=line.whole)
        if what and label not in always | some:
            wrong += 1
            describe(label, f"differs from {peer} in {what}, and is not listed", outcomes)
        elif not what and label in always:
            wrong += 1
            describe(label, f"is listed, but does not differ from {peer}", outcomes)
        elif what:
            listed += 1
        elif line.whole:
            same += 1
        else:
            apart += 1
    for label in (always | some) - set(results):
        wrong += 1
        print(f"expected.toml has a line that is not run: {label}")
    print(
        f"warren and {peer}, {len(results)} command lines: {same} the same; {apart} the same in"
        " exit status and kind of error (their output is the engine's own);"
        f" {listed} differ as expected.toml says, {wrong} against it."
    )
    return wrong


def describe(label: str, what: str, outcomes: dict[str, Outcome]) -> None:
    """Prints one line's outcomes."""
    print(f"--- {label}\n    {what}")
    for name, one in outcomes.items():
        print(f"    {name}: {one.status} [{one.kind}] {one.said.strip()[:300]!r}")
        for row in one.output.splitlines()[:12]:
            print(f"        {row}")


if __name__ == "__main__":
    sys.exit(main())
