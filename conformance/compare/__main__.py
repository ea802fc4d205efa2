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

from conformance.compare.engines import docker, podman, warren
from conformance.compare.lines import CHAPTERS
from conformance.compare.report import against, describe, run
from conformance.samples.busybox import write_docker_archive

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
            results = run(present, list(CHAPTERS.values()))
            for engine in present:
                engine.clear()
        subprocess.run(["umount", "-q", str(folders["podman"] / "p" / "overlay")], check=False)
    if len(present) == 1:
        print("neither docker nor podman is here", file=sys.stderr)
        return 2
    for label, (_, outcomes) in results.items():
        if options.show is not None and options.show in label:
            describe(label, "shown", outcomes)
    tables = tomllib.loads(EXPECTED.read_text())
    wrong = [against(results, engine.name, tables[engine.name]) for engine in present[1:]]
    return 1 if any(wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
