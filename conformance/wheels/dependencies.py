"""The wheels that a wheel requires, for another interpreter than the one that runs this."""

import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

from packaging.requirements import Requirement

from conformance.wheels.roots import KEPT

PLATFORMS = {
    "glibc": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "musl": ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64"),
}


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


def dependencies(wheel: Path, python: str, libc: str) -> Path:
    """The folder with the wheels that ``wheel`` requires, for a version of CPython and a C library
    (glibc or musl). Raises CalledProcessError; pip prints why."""
    folder = KEPT / "dependencies" / f"{python}-{libc}"
    if not (folder / "complete").exists():
        words = [sys.executable, "-m", "pip", "download", "-q", "-d", str(folder)]
        words += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
        for abi in ("cp" + python.replace(".", ""), "abi3", "none"):
            words += ["--abi", abi]
        for platform in PLATFORMS[libc]:
            words += ["--platform", platform]
        subprocess.run([*words, *requirements(wheel, python)], check=True)
        (folder / "complete").touch()
    return folder
