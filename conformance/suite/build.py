"""Builds the probe. It is a static program, so it needs no libraries in the root file system."""

import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "probe"
WARNINGS = ("-Wall", "-Wextra", "-Werror")


def build_probe(output: Path) -> Path:
    """Builds the static probe, with musl if it is installed.

    Raises CalledProcessError; the compiler has then printed its errors.
    """
    command = ["cc", "-static"]
    if shutil.which("musl-gcc"):
        triplet = subprocess.check_output(["gcc", "-print-multiarch"], text=True).strip()
        # musl-gcc does not search the directories of the kernel's headers.
        headers = ("/usr/include", f"/usr/include/{triplet}")
        command = ["musl-gcc", "-static", *(f"-idirafter{path}" for path in headers)]
    sources = sorted(map(str, SOURCES.glob("*.c")))
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-Os", "-s", *WARNINGS]
    subprocess.run([*command, *flags, "-o", str(output), *sources], check=True)
    return output


if __name__ == "__main__":
    build_probe(Path(sys.argv[1]))
