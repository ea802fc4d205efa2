"""Tries the wheels of a folder in fresh root file systems.

python -m conformance.wheels FOLDER [NAME...]

NAME is bookworm, trixie, sid or musl; all of them by default. It takes root, and the network for
Debian's packages and for the wheels that hutch depends on; both are kept in .dev/wheels.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email import message_from_bytes
from pathlib import Path

from packaging.requirements import Requirement

HERE = Path(__file__).parent
KEPT = Path(".dev") / "wheels"
SUITES = {"bookworm": "3.11", "trixie": "3.13", "sid": "3.14"}
MANNERS = ("system", "venv", "venv-space", "user", "target")
PACKAGES = "conmon,procps,python3,python3-pip,python3-venv"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
MUSL_PREFIX = "usr/lib/python3.12/site-packages"


def requirements(wheel: Path, python: str) -> list[str]:
    """What a wheel requires with a version of the interpreter. pip download would use the markers
    of the interpreter that it runs with."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(archive.read(name))
    wanted = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    return [
        f"{one.name}{one.specifier}"
        for one in wanted
        if one.marker is None or one.marker.evaluate(environment)
    ]


def dependencies(wheel: Path, python: str) -> Path:
    """The folder with the wheels that ``wheel`` requires."""
    folder = KEPT / "dependencies" / python
    if not (folder / "complete").exists():
        words = [sys.executable, "-m", "pip", "download", "-q", "-d", str(folder)]
        words += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
        for abi in ("cp" + python.replace(".", ""), "abi3", "none"):
            words += ["--abi", abi]
        for platform in PLATFORMS:
            words += ["--platform", platform]
        subprocess.run([*words, *requirements(wheel, python)], check=True)
        (folder / "complete").touch()
    return folder


def debian(suite: str) -> Path:
    """The root file system of a suite."""
    root = KEPT / "roots" / suite
    if not (root / "complete").exists():
        print(f"debootstrap {suite} (a minute)", flush=True)
        shutil.rmtree(root, ignore_errors=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        words = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        (root / "complete").touch()
    return root


def enter(root: Path, wheels: Path, *words: str) -> bool:
    """Runs a command line in a root; whether it succeeded."""
    command = [str(HERE / "enter.sh"), str(root.absolute()), str(wheels), *words]
    unshare = ["unshare", "--mount", "--propagation", "private", "--net", "--fork"]
    return subprocess.run([*unshare, *command], check=False).returncode == 0


def try_debian(suite: str, wheel: Path, work: Path) -> list[str]:
    """The manners of installation that fail."""
    python = SUITES[suite]
    wheels = work / suite
    shutil.copytree(dependencies(wheel, python), wheels)
    shutil.copy(wheel, wheels)
    root = debian(suite)
    failed = []
    for manner in MANNERS:
        print(f"\n== {suite}, CPython {python}: {manner}", flush=True)
        if not enter(root, wheels, "/bin/sh", "/tmp/inside.sh", "/tmp/wheels", manner):
            failed.append(f"{suite} {manner}")
    return failed


def try_musl(wheel: Path, work: Path) -> list[str]:
    """The same with a root that has only busybox, and the files of the wheel as pip places them."""
    print("\n== musl and busybox, without an interpreter", flush=True)
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
    if not enter(root, wheel.parent, "/tmp/busybox", "sh", "/musl.sh", "/usr/bin"):
        failed.append("musl: the static programs")
    return failed


def foreign_symbols(package: Path) -> list[str]:
    """The symbols of the extensions that neither the interpreter nor musl has (nm, and Debian's
    musl)."""
    musl = subprocess.check_output(
        ["nm", "-D", "--defined-only", "/usr/lib/x86_64-linux-musl/libc.so"], text=True
    )
    known = {line.split()[-1] for line in musl.splitlines()}
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
    arguments = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory(prefix="hutch-wheels-") as folder:
        for name in arguments.names or [*SUITES, "musl"]:
            libc = "musl" if name == "musl" else "many"
            wheel = next(arguments.folder.glob(f"hutch-*-{libc}linux_*_x86_64*.whl"), None)
            if wheel is None:
                raise SystemExit(f"{arguments.folder} has no {libc}linux wheel for x86_64")
            action = try_musl if name == "musl" else None
            if action:
                failed += action(wheel, Path(folder))
            else:
                failed += try_debian(name, wheel, Path(folder))
    print("\nfailed: " + ", ".join(failed) if failed else "\nall passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
