"""The newest runtimes, containerd and conmon, from Debian's unstable suite.

``./dev newest FOLDER``, ``./dev bench --newest``.

They need newer shared libraries than this machine has, and a program between the bench and the
runtime (a script, ld.so as a command) would be measured too. So the packages are unpacked into a
folder with all that they depend on, and a copy of each program is given that folder's ld.so as its
interpreter and that folder's libraries as its search path (patchelf). The kernel executes it as any
other. Nothing is installed.
"""

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path

SUITE = "sid"
RUNTIMES = ("crun", "runc")
# Programs by their packages.
PROGRAMS = {
    "crun": ("crun",),
    "runc": ("runc",),
    "containerd": ("containerd", "ctr", "containerd-shim-runc-v2"),
    "conmon": ("conmon",),
}
# The clock of a machine that is tested may be ahead of what its mirror has.
STALE = 'Acquire::Check-Valid-Until "false"'


def unpack(folder: Path, packages: Sequence[str]) -> dict[str, Path]:
    """{name: program} of these packages, in the folder, which must stay where it is. Raises
    SystemExit if a command fails."""
    root = folder / "root"
    _call(
        "mmdebstrap", "--quiet", "--variant=extract", f"--aptopt={STALE}",
        f"--include={','.join(packages)}", SUITE, str(root),
    )  # fmt: skip
    (loader,) = root.glob("usr/lib*/ld-linux-*.so.*")
    (libraries,) = {path.parent for path in root.glob("usr/lib/*-linux-gnu/libc.so.6")}
    found = {}
    for name in (program for package in packages for program in PROGRAMS[package]):
        (source,) = (path for path in root.glob(f"usr/*bin/{name}") if not path.is_symlink())
        _call(
            "patchelf", "--set-interpreter", str(loader), "--force-rpath", "--set-rpath",
            str(libraries), "--output", str(folder / name), str(source),
        )  # fmt: skip
        found[name] = folder / name
    return found


def runtimes(folder: Path) -> dict[str, Path]:
    """{name with version: program} of the runtimes, made in the folder."""
    found = {}
    for name, path in unpack(folder, RUNTIMES).items():
        said = subprocess.run(
            [path, "--version"], check=True, text=True, capture_output=True
        ).stdout  # fmt: skip
        version = said.splitlines()[0].split()[-1].partition("+")[0]
        found[f"{name}-{version}"] = path
    return found


def _call(*words: str) -> None:
    done = subprocess.run(words, check=False, text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"newest: {words[0]}: {done.stderr.strip()[-800:]}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev newest", description=__doc__)
    parser.add_argument("folder", type=Path, help="a new folder for the programs")
    folder = parser.parse_args().folder.absolute()
    folder.mkdir(mode=0o755, parents=True)
    for path in unpack(folder, list(PROGRAMS)).values():
        print(path)


if __name__ == "__main__":
    main()
