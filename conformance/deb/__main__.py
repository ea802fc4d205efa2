"""./dev deb [OUT] [--suite SUITE...] [--twice] [--try]: builds the Debian package, and tries it."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance.deb.build import PROJECT, build, prepared, results
from conformance.deb.compare import digests
from conformance.deb.roots import DEFAULT, SUITES, Root
from conformance.deb.tries import trial

LINTIAN = "lintian --allow-root --info --display-info --pedantic --fail-on error,warning"

# The second build of --twice: what may differ between two machines does.
OTHER = {"HOSTNAME": "another-machine", "LOCALE": "C", "UMASK": "077"}
PLACE, OTHER_PLACE = "/build", "/srv/another/folder"


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="./dev deb", description=__doc__)
    parser.add_argument(
        "output",
        nargs="?",
        type=Path,
        default=PROJECT / "build" / "deb",
        help="the folder of the packages (build/deb); one below it for each suite",
    )
    parser.add_argument("--suite", action="append", choices=SUITES, help="may be repeated (both)")
    parser.add_argument(
        "--twice",
        action="store_true",
        help="build again in another folder, with another umask, host name and locale, and compare",
    )
    parser.add_argument("--try", action="store_true", dest="tries",
                        help="install in a fresh root, run a container, test, purge")  # fmt: skip
    given = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="deb-") as scratch:
        # The roots need much that is soon removed; the mount namespace is dev's.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "deb", scratch], check=True)
        try:
            for suite in given.suite or SUITES:
                bad += not package(suite, given.output / suite, Path(scratch), given)
        except subprocess.CalledProcessError as error:
            print(f"./dev deb: {error}", file=sys.stderr)
            bad += 1
        finally:
            subprocess.run(["umount", "--lazy", scratch], check=True)
    return bad != 0


def package(suite: str, output: Path, scratch: Path, given: argparse.Namespace) -> bool:
    """Builds the package for a suite into ``output``, and does with it what the options say.
    Returns whether all was right."""
    tools = prepared(suite, scratch)
    print(f"{suite}: building")
    built = build(tools, scratch / f"{suite}-one", PLACE, DEFAULT)
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    files = [Path(shutil.copy(path, output)) for path in results(built, PLACE)]
    for name, digest in digests(files).items():
        print(f"{digest}  {output / name}")
    good = lintian(built)
    if given.twice:
        good &= same(files, tools, scratch / f"{suite}-two")
    shutil.rmtree(built.folder)
    shutil.rmtree(tools.folder)
    if given.tries:
        deb, dsc = (next(f for f in files if f.match(kind)) for kind in ("hutch_*.deb", "*.dsc"))
        for options in ([], ["--no-install-recommends"]):
            left = trial(suite, deb, dsc, scratch, options)
            print(f"{suite}: tried {' '.join(options)}, left behind: {left or 'nothing'}")
            good &= not left
    return good


def lintian(built: Root) -> bool:
    """Whether Debian's checker finds no error and no warning."""
    try:
        built.run("sh", "-c", f"{LINTIAN} {PLACE}/*.changes")
    except subprocess.CalledProcessError:
        print("lintian has errors or warnings")
        return False
    return True


def same(files: list[Path], tools: Root, folder: Path) -> bool:
    """Whether another build has the same packages as ``files``."""
    again = build(tools, folder, OTHER_PLACE, OTHER)
    kinds = (".deb", ".dsc", ".xz")
    first = digests(file for file in files if file.suffix in kinds)
    second = digests(file for file in results(again, OTHER_PLACE) if file.suffix in kinds)
    for name in first:
        verdict = "the same" if first[name] == second.get(name) else "DIFFERENT"
        print(f"{name}: built twice, {verdict}")
        if verdict != "the same":
            shutil.copy(again.file(f"{OTHER_PLACE}/{name}"), files[0].parent / f"second-{name}")
    shutil.rmtree(folder)
    return first == second


if __name__ == "__main__":
    sys.exit(main())
