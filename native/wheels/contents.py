"""What is in a wheel."""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import embed
import everyday
from libexec import commit, write_programs
from machine import Machine
from static_program import ANYWHERE, COMMANDS, HARDENING, NATIVE, ROOT, WARNINGS, launcher, naming

from wheels.archive import File, read
from wheels.sysroot import Sysroot

HERE = ROOT / NATIVE / "wheels"
LEFT_OUT = {"__pycache__", "libexec"}
# What has no wheels, and what takes its place in what a wheel requires (left_behind.py).
INSTEAD = {"python-prctl>=1.8": "setproctitle>=1.3"}


def mark() -> str:
    """The name of the file by which a program finds its package: made from all sources."""
    digest = hashlib.sha256()
    for path in sorted([*_sources(ROOT / "runtime" / "hutch"), *_sources(ROOT / NATIVE)]):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return f"build-{digest.hexdigest()[:16]}"


def _sources(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and LEFT_OUT.isdisjoint(path.relative_to(folder).parts)
        and path.suffix not in {".so", ".o"}
    ]


def package_files() -> dict[str, File]:
    """The Python modules and the data of the package, as pyproject.toml names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    data = project["tool"]["setuptools"]["package-data"]["hutch"]
    package = ROOT / "runtime" / "hutch"
    paths = [*package.rglob("*.py"), *(package / name for name in data)]
    return {str(path.relative_to(package.parent)): File(path.read_bytes()) for path in paths}


def programs(sysroot: Sysroot, work: Path, name: str) -> tuple[dict[str, File], dict[str, File]]:
    """({path: file} of hutch/libexec, {name: file} of the commands), built for a processor. The
    mark has the name ``name``. Raises CalledProcessError, or RuntimeError with the reason."""
    processor = sysroot.processor
    libexec = work / "libexec"
    shutil.rmtree(libexec, ignore_errors=True)
    os.environ["STATIC_CC"] = " ".join(sysroot.static_compiler())
    write_programs(libexec, work, processor.name)
    for command in COMMANDS:
        launcher(command, libexec / command, mark=name)
    (libexec / "commit").write_text(commit())
    (libexec / name).write_text("\n".join([*sysroot.versions(), ""]))
    machine = Machine(
        (
            f"{processor.triplet}-gcc",
            *processor.flags,
            *("-I", str(sysroot.include), "-L", str(sysroot.libraries)),
        ),
        sysroot.python_headers,
        sysroot.python_library,
        processor.runner,
        name,
    )
    commands = {"hutch-python": File((HERE / "hutch-python").read_bytes(), executable=True)}
    for command, build in (("hutch", embed.build), ("warren", everyday.build)):
        flags = [*WARNINGS, *HARDENING, *ANYWHERE, *naming(command, name)]
        output = work / command
        reason = build(output, work / f"{command}-parts", ROOT / "runtime", flags, machine)
        if reason:
            raise RuntimeError(f"{command} for {processor.name}: {reason}")
        commands[command] = read(output)
    inside = {
        f"hutch/libexec/{path.relative_to(libexec)}": read(path)
        for path in libexec.rglob("*")
        if path.is_file()
    }
    return inside, commands


def documents(work: Path) -> dict[str, File]:
    """{path below the prefix: file} of manual pages and completions. The modules are those of the
    interpreter that runs this."""
    installed = Path(sys.prefix) / "lib/python3.11/site-packages"
    shutil.rmtree(work, ignore_errors=True)
    words = [sys.executable, str(NATIVE / "documents.py"), str(installed), str(work)]
    subprocess.run(words, check=True)
    paths = [path for path in work.rglob("*") if path.is_file()]
    return {f"share/{path.relative_to(work)}": read(path) for path in paths}


def information(work: Path, sysroot: Sysroot) -> dict[str, File]:
    """{path in the folder of information: file}: METADATA from pyproject.toml, and licenses,
    also of what the programs are linked with."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    make = "import sys; from setuptools import build_meta as b; " \
           "b.prepare_metadata_for_build_wheel(sys.argv[1])"  # fmt: skip
    subprocess.run([sys.executable, "-c", make, str(work)], check=True, stdout=subprocess.DEVNULL)
    folder = next(work.glob("*.dist-info"))
    metadata = (folder / "METADATA").read_text()
    for there, instead in INSTEAD.items():
        metadata = metadata.replace(f"Requires-Dist: {there}\n", f"Requires-Dist: {instead}\n")
        assert f"Requires-Dist: {instead}\n" in metadata, there
    found = {"METADATA": File(metadata.encode())}
    found["licenses/LICENSE"] = File((ROOT / "LICENSE").read_bytes())
    for package, path in sysroot.copyrights().items():
        found[f"licenses/{package}.copyright"] = File(path.read_bytes())
    return found
