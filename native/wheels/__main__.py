"""Builds the wheels: one for each processor and C library.

python -m wheels [--arch NAME]... [FOLDER]
"""

import argparse
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from static_program import ROOT

from wheels.archive import File, write_wheel
from wheels.contents import documents, information, mark, package_files, programs
from wheels.extensions import compile_extensions
from wheels.sysroot import Sysroot
from wheels.targets import LIBCS, PROCESSORS, file_name, tags

KEPT = ROOT / ".dev" / "wheels"  # what was fetched
WORK = Path("build") / "wheels"


def epoch() -> int:
    """The time of the files: SOURCE_DATE_EPOCH, or that of the commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    words = ["git", "log", "-1", "--format=%ct"]
    return int(given or subprocess.check_output(words, cwd=ROOT, text=True))


def build(processor: str, output: Path) -> list[Path]:
    """Builds the wheels for a processor into the folder ``output``; their files."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    sysroot = Sysroot(KEPT / processor, PROCESSORS[processor])
    sysroot.fetch()
    work = WORK / processor
    inside, commands = programs(sysroot, work, mark())
    named = f"hutch-{version}"
    files: dict[str, File] = {
        **package_files(),
        "hutch/_sqlite.py": File((ROOT / "native/sqlite/standard.py").read_bytes()),
        **inside,
        **{f"{named}.data/scripts/{name}": file for name, file in commands.items()},
        **{f"{named}.data/data/{name}": file for name, file in documents(work / "share").items()},
        **{
            f"{named}.dist-info/{name}": file
            for name, file in information(work / "information", sysroot).items()
        },
    }
    output.mkdir(parents=True, exist_ok=True)
    built = []
    for libc in LIBCS.values():
        extensions = compile_extensions(sysroot, libc, work / libc.zig)
        binary = {f"hutch/{name}": File(path.read_bytes()) for name, path in extensions.items()}
        wheel = output / file_name(version, sysroot.processor, libc)
        names = tags(sysroot.processor, libc)
        write_wheel(wheel, {**files, **binary}, f"{named}.dist-info", names, epoch())
        built.append(wheel)
    return built


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev wheels", description=__doc__.partition("\n")[0])
    parser.add_argument("--arch", action="append", choices=list(PROCESSORS), help="only for this")
    parser.add_argument("folder", nargs="?", default="dist", type=Path, help="default: dist")
    arguments = parser.parse_args()
    if sys.version_info[:2] != (3, 11):
        raise SystemExit("wheels are built with CPython 3.11, on Debian 12")
    folder = arguments.folder.absolute()
    os.chdir(ROOT)
    for processor in arguments.arch or PROCESSORS:
        for wheel in build(processor, folder):
            print(wheel)
    return 0


if __name__ == "__main__":
    sys.exit(main())
