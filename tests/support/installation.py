"""Other builds of hutch-init for tests, and copies of the installation that start them.

The command takes the init that lies beside its package. So a build for tests gets a copy of the
package to lie beside, and the product knows nothing of it.

    python -m tests.support.installation FOLDER    (./dev sanitize)

prints a command whose init has sanitizers in it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import hutch

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def build_init(output: Path, *flags: str, compiler: str = "cc") -> Path:
    """Compiles all of native/init, and what ``flags`` add to it, to a program."""
    sources = sorted(map(str, (NATIVE / "init").glob("*.c")))
    command = [
        compiler, "-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-fno-omit-frame-pointer",
        "-Wall", "-Wextra", "-Werror", f"-I{NATIVE}", f"-I{NATIVE / 'init'}", "-o", str(output),
        *sources, *flags,
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return output


def install_with(init: Path, prefix: Path) -> Path:
    """The command of an installation below ``prefix`` whose init is the program ``init``."""
    package = Path(hutch.__file__).parent
    others = prefix / package.parent.relative_to(sys.prefix)
    others.mkdir(parents=True)
    for path in package.parent.iterdir():
        if path != package:
            (others / path.name).symlink_to(path)
    shutil.copytree(package, others / "hutch", symlinks=True)
    shutil.copy(init, others / "hutch" / "libexec" / "hutch-init")
    (others / "hutch" / "libexec" / "hutch-init").chmod(0o755)
    (prefix / "bin").mkdir()
    command = prefix / "bin" / "hutch"
    shutil.copy(Path(sys.prefix) / "bin" / "hutch", command)
    return command


def sanitized(folder: Path) -> Path:
    """The command of an installation whose init has AddressSanitizer and UBSan in it (S-84)."""
    options = NATIVE.parent / "tests" / "native" / "sanitized.c"
    return install_with(
        build_init(folder / "hutch-init", *SANITIZERS, str(options)), folder / "prefix"
    )


if __name__ == "__main__":
    print(sanitized(Path(sys.argv[1])))
