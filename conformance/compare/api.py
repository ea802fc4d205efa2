"""``./dev compare api``: the same command lines of Docker's own command, through the socket of
``warren serve`` and through dockerd's.

The lines are those of ``./dev compare``, then those of api.txt. expected_api.toml says
where the two differ and why, as expected.toml does there.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from conformance.compare.engines import docker, registry, served, with_programs
from conformance.compare.lines import CHAPTERS, read_chapters
from conformance.compare.report import against, describe, run
from conformance.samples.busybox import write_docker_archive

EXPECTED = Path(__file__).with_name("expected_api.toml")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev compare api", description=__doc__)
    parser.add_argument("--show", metavar="TEXT", help="all outcomes of lines with this text")
    parser.add_argument("--only", metavar="CHAPTER", help="run the lines of this chapter only")
    options = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    chapters = [*CHAPTERS.items(), *read_chapters("api").items()]
    text = [lines for name, lines in chapters if options.only in (None, name)]
    with tempfile.TemporaryDirectory(prefix="compare-", dir="/var/tmp") as name:
        base = Path(name)
        for engine in ("warren", "docker"):
            (base / engine).mkdir()
        archive, tree = write_docker_archive(base, "box:1")
        with docker(base / "docker") as other, served(base / "warren") as ours:
            if other is None:
                print("docker is not here, or its daemon does not run", file=sys.stderr)
                return 2
            for one in (ours, other):
                one.prepare(archive, tree)
                with_programs(one, {})
            with registry(base):
                results = run([ours, other], text)
            for one in (ours, other):
                one.clear()
    for label, (_, outcomes) in results.items():
        if options.show is not None and options.show in label:
            describe(label, "shown", outcomes)
    tables = tomllib.loads(EXPECTED.read_text())["docker"]
    return 1 if against(results, "docker", tables, every=options.only is None) else 0


if __name__ == "__main__":
    sys.exit(main())
