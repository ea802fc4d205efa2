"""Builds what Python cannot be: hutch-init, the commands, and the extensions.

``pip install .`` puts the static ``hutch-init`` into ``hutch/libexec`` and the commands beside the
interpreter's other ones. The init is linked with musl where musl-gcc is at hand (some tens of KiB,
a tenth of a millisecond to start) and with the system's libc otherwise.

Each command is built twice: a launcher of the interpreter, in ``hutch/libexec``, and, where a
static libpython is at hand, one static executable in which the interpreter and our modules are.
Without that the launcher is the command.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

sys.path.insert(0, str(Path(__file__).parent / "native"))
import embed
import everyday
from archive import write_archive
from documents import document_files
from libexec import COMMIT, commit, write_programs
from static_program import (
    ANYWHERE,
    HARDENING,
    WARNINGS,
    launcher,
    naming,
)  # fmt: skip

# setuptools brings a distutils of its own, once it is imported.
from distutils.command.build_scripts import build_scripts  # isort: skip
from distutils.errors import DistutilsExecError  # isort: skip

ROOT = Path(__file__).parent
NATIVE = Path("native")
DOCUMENTS = Path("build") / "documents"

# Headers that the build needs, and the Debian package that has each. musl-tools may be missing.
HEADERS = {
    "stdio.h": "libc6-dev",
    "linux/mount.h": "linux-libc-dev",
    "seccomp.h": "libseccomp-dev",
    "sqlite3.h": "libsqlite3-dev",
    "Python.h": f"libpython{sys.version_info[0]}.{sys.version_info[1]}-dev",
}


def missing_packages() -> list[str]:
    """The Debian packages without which nothing can be built here.

    The compiler is asked for its headers; without one, the folders where Debian has them.
    """
    python = sysconfig.get_paths()["include"]
    compiler = os.environ.get("CC") or shutil.which("gcc")
    if compiler is None:
        folders = [Path(python), Path("/usr/include"), *Path("/usr/include").glob("*-linux-gnu*")]
        absent = [p for h, p in HEADERS.items() if not any((f / h).exists() for f in folders)]
        return ["gcc", *absent]
    absent = []
    for header, package in HEADERS.items():
        command = [*shlex.split(compiler), "-E", "-I", python, "-x", "c", "-o", os.devnull, "-"]
        text = f"#include <{header}>\n"
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            absent.append(package)
    return absent


def check_packages() -> None:
    """Raises DistutilsExecError, naming the packages, if one is missing."""
    if absent := missing_packages():
        raise DistutilsExecError(
            f"hutch is built with a C compiler and headers that are not here: "
            f"apt-get install {' '.join(absent)}, then try again"
        )


class SourceArchive(sdist):
    """A source archive, which says what commit it was made of."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        (Path(base_dir) / COMMIT.name).write_text(commit())


class BuildExtensions(build_ext):
    """The extensions, and into hutch/libexec beside them what is executed from there."""

    def run(self) -> None:
        check_packages()
        super().run()
        package = Path("runtime" if self.inplace else self.build_lib) / "hutch"
        write_programs(package / "libexec", Path(self.build_temp))
        name, archive = write_archive(ROOT / "runtime", extension_files(self))
        (package / "libexec" / name).write_bytes(archive)
        launcher("hutch", package / "libexec" / "hutch", name)
        launcher("warren", package / "libexec" / "warren")
        (package / "libexec" / "commit").write_text(commit())


def extension_files(command: build_ext) -> dict[str, str]:
    """The files of the C modules, and of cffi's backend beside them, as they will be installed."""
    files = {
        extension.name: command.get_ext_filename(extension.name)  # type: ignore[no-untyped-call]
        for extension in command.extensions
    }
    backend = "_cffi_backend" + sysconfig.get_config_var("EXT_SUFFIX")
    return {**files, "_cffi_backend": backend}


class BuildCommands(build_scripts):
    """The commands: static programs. Also what is written about them, by what was built before."""

    def run(self) -> None:
        built = Path(self.get_finalized_command("build").build_lib)
        # -B: compiled modules would have the build's folder in them, and get into the package.
        program = [sys.executable, "-B", str(NATIVE / "documents.py"), str(built), str(DOCUMENTS)]
        subprocess.run(program, check=True)
        folder = Path(self.build_dir)
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(self.get_finalized_command("build").build_temp) / "embedded"
        for name, build in (("hutch", embed.build), ("warren", everyday.build)):
            flags = [*WARNINGS, *HARDENING, *ANYWHERE, *naming(name)]
            reason = build(folder / name, work / name, ROOT / "runtime", flags)
            if reason:
                print(f"{name} starts by the interpreter: {reason}")
                shutil.copy(built / "hutch" / "libexec" / name, folder / name)


setup(
    ext_modules=[
        Extension("hutch._json", ["native/json/json.c"], extra_compile_args=[*WARNINGS, *ANYWHERE]),
        Extension(
            "hutch._sqlite",
            ["native/sqlite/sqlite.c"],
            libraries=["sqlite3"],
            extra_compile_args=[*WARNINGS, *ANYWHERE],
        ),
    ],
    cffi_modules=["native/bindings.py:kernel", "native/bindings.py:seccomp"],
    scripts=["native/launcher/launcher.c"],
    data_files=document_files(ROOT / "runtime", DOCUMENTS),
    cmdclass={
        "build_ext": BuildExtensions,
        "build_scripts": BuildCommands,
        "sdist": SourceArchive,
    },
)
