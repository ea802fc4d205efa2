"""Headers and static libraries of a processor, from Debian's packages.

The packages are not installed: they are fetched and unpacked into a folder. Those of the processor
that builds too, so that a build does not depend on what the machine happens to have.
"""

import shutil
import subprocess
from pathlib import Path

from wheels.targets import Processor

PACKAGES = (
    "libpython3.11-dev", "libseccomp-dev", "libsqlite3-dev", "linux-libc-dev", "musl-dev",
    "zlib1g-dev",
)  # fmt: skip
HEADERS = ("seccomp.h", "seccomp-syscalls.h", "sqlite3.h", "zlib.h", "zconf.h")


class Sysroot:
    """The unpacked packages of a processor in the folder ``folder``."""

    def __init__(self, folder: Path, processor: Processor) -> None:
        self.processor = processor
        self.root = folder / "root"
        self.include = folder / "include"
        self._debs = folder / "debs"
        self._folder = folder

    @property
    def libraries(self) -> Path:
        return self.root / "usr/lib" / self.processor.triplet

    @property
    def python_library(self) -> Path:
        return self.libraries / "libpython3.11.a"

    @property
    def python_headers(self) -> Path:
        return self.include / "python3.11"

    def versions(self) -> list[str]:
        """NAME VERSION of each package."""
        names = sorted(path.name for path in self._debs.glob("*.deb"))
        return [" ".join(name.split("_")[:2]).replace("%3a", ":") for name in names]

    def copyrights(self) -> dict[str, Path]:
        """{package: its file of licenses}, of what programs and extensions are linked with."""
        found = {}
        for name in PACKAGES:
            path = self.root / "usr/share/doc" / name
            # It may be a link to the file of another package; those of this machine are the same.
            for file in (path / "copyright", Path("/usr/share/doc") / name / "copyright"):
                if file.exists():
                    found[name] = file
                    break
        return found

    def fetch(self) -> None:
        """Fetches and unpacks what is missing. Raises CalledProcessError."""
        if (self.root / "complete").exists():
            return
        apt = self._folder / "apt"
        for path in (apt / "lists/partial", apt / "cache/archives/partial", self._debs, self.root):
            path.mkdir(parents=True, exist_ok=True)
        (apt / "status").touch()
        options = [
            f"APT::Architecture={self.processor.debian}",
            f"APT::Architectures={self.processor.debian}",
            f"Dir::State::Lists={apt / 'lists'}",
            f"Dir::State::status={apt / 'status'}",
            f"Dir::Cache={apt / 'cache'}",
            "Debug::NoLocking=1",
            "APT::Sandbox::User=root",
        ]
        words = ["apt-get", "-qq", *(f"-o{option}" for option in options)]
        subprocess.run([*words, "update"], check=True)
        subprocess.run([*words, "download", *PACKAGES], check=True, cwd=self._debs)
        for deb in sorted(self._debs.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", deb, self.root], check=True)
        self._collect_headers()
        self._write_specs()
        (self.root / "complete").touch()

    def _collect_headers(self) -> None:
        """Those that are not the C library's, in one folder: a compiler for another C library must
        not see the others."""
        headers = self.root / "usr/include"
        special = headers / self.processor.triplet
        shutil.copytree(headers / "python3.11", self.python_headers, dirs_exist_ok=True)
        shutil.copy(special / "python3.11/pyconfig.h", self.python_headers)
        for name in HEADERS:
            place = next(path for path in (headers / name, special / name) if path.exists())
            shutil.copy(place, self.include)

    def _write_specs(self) -> None:
        """The specs of musl-gcc (musl-tools), for musl in this folder."""
        folder = f"/usr/lib/{self.processor.name}-linux-musl"
        headers = f"/usr/include/{self.processor.name}-linux-musl"
        text = (self.root / folder[1:] / "musl-gcc.specs").read_text()
        for path in (folder, headers):
            text = text.replace(path, str(self.root) + path)
        self.specs.write_text(text)

    @property
    def specs(self) -> Path:
        return self._folder / "musl-gcc.specs"

    def static_compiler(self) -> list[str]:
        """The compiler and the options of static, position-independent programs, as
        static_program.py has them for musl-gcc."""
        library = f"{self.processor.name}-linux-musl"
        headers = self.root / "usr/include"
        return [
            f"{self.processor.triplet}-gcc", "-specs", str(self.specs),
            "-idirafter", str(headers), "-idirafter", str(headers / self.processor.triplet),
            "-static", "-nostartfiles", "-Wl,-pie", "-Wl,--no-dynamic-linker",
            str(self.root / "usr/lib" / library / "rcrt1.o"),
        ]  # fmt: skip
