"""Other builds of hutch-init for tests, and copies of the installation that start them.

The command starts the init in its package's folder. So a build for tests gets its own copy of the
package, and the product needs no code for this.

    python -m tests.support.installation FOLDER    (./dev sanitize)

prints a command whose init is built with sanitizers.
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
    """Compiles native/init to a program; ``flags`` are added to the compiler's."""
    sources = sorted(map(str, (NATIVE / "init").glob("*.c")))
    command = [
        compiler, "-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-fno-omit-frame-pointer",
        "-Wall", "-Wextra", "-Werror", f"-I{NATIVE}", f"-I{NATIVE / 'init'}", "-o", str(output),
        *sources, *flags,
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return output


def install_with(init: Path, prefix: Path) -> Path:
    """Makes an installation below ``prefix`` with the init ``init``. Returns its command."""
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
    """The command of an installation whose init is built with AddressSanitizer and UBSan (S-84)."""
    options = NATIVE.parent / "tests" / "native" / "sanitized.c"
    return install_with(
        build_init(folder / "hutch-init", *SANITIZERS, str(options)), folder / "prefix"
    )


if __name__ == "__main__":
    print(sanitized(Path(sys.argv[1])))
