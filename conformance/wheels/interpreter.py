"""An interpreter of this machine, such as one that pyenv has built, to be put into a root."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

# Not every version's module platform knows musl.
ASK = """import platform, sys
print("%d.%d" % sys.version_info[:2], platform.libc_ver()[0] == "glibc" and "glibc" or "musl")"""


class Interpreter(NamedTuple):
    """``prefix``: the folder that it was installed into. ``version``: MAJOR.MINOR. ``libc``: glibc
    or musl."""

    prefix: Path
    version: str
    libc: str

    @property
    def program(self) -> Path:
        return program(self.prefix)

    def copy_to(self, root: Path) -> None:
        """Copies the prefix into the folder ``root``, to the same path there. Raises SystemExit if
        that cannot be seen there."""
        if self.prefix.is_relative_to("/tmp"):
            raise SystemExit(f"{self.prefix}: a root has a /tmp of its own: copy it elsewhere")
        place = root / self.prefix.relative_to("/")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(self.prefix, place, symlinks=True, ignore=ignored)


def program(prefix: Path) -> Path:
    return prefix / "bin" / "python3"


def interpreter(prefix: Path) -> Interpreter:
    """The interpreter with this prefix. Raises SystemExit with the reason if there is none."""
    prefix = prefix.absolute()
    try:
        said = subprocess.check_output([program(prefix), "-I", "-c", ASK], text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"{prefix} has no interpreter, or it fails: {error}") from error
    version, libc = said.split()
    return Interpreter(prefix, version, libc)
