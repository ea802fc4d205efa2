"""Tries the wheels of a folder in fresh root file systems.

python -m conformance.wheels FOLDER [NAME...] [--python PREFIX]...

NAME is bookworm, trixie, sid or musl; without a name and --python, all of them. --python tries an
interpreter of this machine, by the prefix that it was installed into. It is copied into a Debian
12, or, if it is linked with musl, into a root that has only musl, busybox and conmon.

It takes root, and the network for Debian's packages and for the wheels that hutch depends on; both
are kept in .dev/wheels.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from conformance.wheels.dependencies import dependencies
from conformance.wheels.interpreter import Interpreter, interpreter
from conformance.wheels.roots import HERE, MUSL, SUITES, debian, enter, musl

MANNERS = ("system", "venv", "venv-space", "user", "target")
MUSL_PREFIX = "usr/lib/python3.12/site-packages"
WHEELS = "hutch-*_x86_64.whl"


def wheel_for(folder: Path, libc: str) -> Path:
    """The wheel in ``folder`` for glibc or musl. Raises SystemExit if it is not there."""
    tag = {"glibc": "manylinux", "musl": "musllinux"}[libc]
    wheel = next((path for path in folder.glob(WHEELS) if f"-{tag}_" in path.name), None)
    if wheel is None:
        raise SystemExit(f"{folder} has no {tag} wheel for x86_64")
    return wheel


def collect(folder: Path, version: str, libc: str, place: Path) -> None:
    """Makes ``place`` with the wheels that are required, and with all of hutch in ``folder``: pip
    shall choose."""
    shutil.copytree(dependencies(wheel_for(folder, libc), version, libc), place)
    for wheel in folder.glob(WHEELS):
        shutil.copy(wheel, place)


def try_manners(title: str, layers: Sequence[Path], wheels: Path, program: str) -> list[str]:
    """The manners of installation that fail with an interpreter in a root."""
    failed = []
    for manner in MANNERS:
        print(f"\n== {title}: {manner}", flush=True)
        if not enter(layers, wheels, "/bin/sh", "/tmp/inside.sh", "/tmp/wheels", program, manner):
            failed.append(f"{title} {manner}")
    return failed


def try_debian(suite: str, folder: Path, work: Path) -> list[str]:
    wheels = work / suite
    collect(folder, SUITES[suite], "glibc", wheels)
    title = f"{suite}, CPython {SUITES[suite]}"
    return try_manners(title, [debian(suite)], wheels, "/usr/bin/python3")


def try_interpreter(given: Interpreter, folder: Path, work: Path) -> list[str]:
    """The same with an interpreter of this machine."""
    wheels = work / "wheels"
    collect(folder, given.version, given.libc, wheels)
    if given.libc == "musl":
        root, name = work / "musl", "musl and busybox"
        musl(root)
    else:
        root, name = debian("bookworm"), "bookworm"
    given.copy_to(work / "interpreter")
    title = f"{name}, CPython {given.version} of {given.prefix}"
    return try_manners(title, [work / "interpreter", root], wheels, str(given.program))


def try_musl(folder: Path, work: Path) -> list[str]:
    """The static programs in a root that has only busybox, and the files of the wheel as pip places
    them."""
    print("\n== musl and busybox, without an interpreter", flush=True)
    wheel = wheel_for(folder, "musl")
    root = work / "musl"
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            match = re.fullmatch(r"[^/]+\.data/scripts/(.*)", entry.filename)
            place = root / ("usr/bin/" + match[1] if match else f"{MUSL_PREFIX}/{entry.filename}")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(archive.read(entry))
            place.chmod(entry.external_attr >> 16 & 0o777)
    shutil.copy(HERE / "musl.sh", root)
    failed = [f"musl: {line}" for line in foreign_symbols(root / MUSL_PREFIX / "hutch")]
    if not enter([root], wheel.parent, "/tmp/busybox", "sh", "/musl.sh", "/usr/bin"):
        failed.append("musl: the static programs")
    return failed


def foreign_symbols(package: Path) -> list[str]:
    """The symbols of the extensions that neither the interpreter nor musl has (nm)."""
    text = subprocess.check_output(["nm", "-D", "--defined-only", str(MUSL)], text=True)
    known = {line.split()[-1] for line in text.splitlines()}
    foreign = []
    for file in sorted(package.glob("*.so")):
        wanted = subprocess.check_output(["nm", "-D", "--undefined-only", str(file)], text=True)
        names = [line.split()[-1] for line in wanted.splitlines() if " U " in line]
        others = [n for n in names if n not in known and not n.startswith(("Py", "_Py"))]
        print(f"- {file.name}: {len(names)} symbols, all of musl and the interpreter: {not others}")
        foreign += [f"{file.name} needs {name}" for name in others]
    return foreign


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev wheels --try", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", choices=[[], *SUITES, "musl"])
    parser.add_argument(
        "--python", action="append", type=Path, default=[], metavar="PREFIX",
        help="an interpreter of this machine; may be repeated",
    )  # fmt: skip
    arguments = parser.parse_args()
    given = [interpreter(prefix) for prefix in arguments.python]
    folder = arguments.folder
    failed = []
    with tempfile.TemporaryDirectory(prefix="hutch-wheels-") as place:
        work = Path(place)
        for name in arguments.names or ([] if given else [*SUITES, "musl"]):
            if name == "musl":
                failed += try_musl(folder, work / "static")
            else:
                failed += try_debian(name, folder, work)
        for number, one in enumerate(given):
            own = work / f"python-{number}"
            own.mkdir()
            failed += try_interpreter(one, folder, own)
    print("\nfailed: " + ", ".join(failed) if failed else "\nall passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
