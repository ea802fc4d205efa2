"""What the build must know of each version of CPython: one row for each.

native/cpython has one C file for each of them, with what is used of its private parts.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple


class Version(NamedTuple):
    """``header``: the file in native/cpython. ``suite``: the Debian that has this version, and the
    package with the static library. ``modules``: the builtin
    modules of warren's executable that not all versions have. ``digests``: the builtin modules
    whose code the static library lacks, so that they are ours (digest/digest.c), with static
    libraries of more Debian packages."""

    header: str
    suite: str
    modules: tuple[str, ...]
    digests: tuple[str, ...]

    @property
    def package(self) -> str:
        """Debian's package with the static library."""
        return f"libpython{self.number}-dev"

    @property
    def more_packages(self) -> list[str]:
        """Debian's packages for digest/digest.c."""
        return list(DIGEST_LIBRARIES.values()) if self.digests else []

    @property
    def number(self) -> str:
        """Such as 3.11."""
        digits = self.header.removeprefix("python").removesuffix(".h")
        return f"{digits[0]}.{digits[1:]}"


# The builtin modules that every interpreter needs, and the functions that make them.
CORE = {
    "marshal": "PyMarshal_Init",
    "_imp": "PyInit__imp",
    "_warnings": "_PyWarnings_Init",
    "builtins": None,
    "gc": "PyInit_gc",
    "sys": None,
}

# The libraries of digest/digest.c, and the Debian package that has each.
DIGEST_LIBRARIES = {"libmd.a": "libmd-dev", "libb2.a": "libb2-dev"}

ROWS = (
    Version("python311.h", "bookworm", ("_sha256", "_sha512"), ()),
    Version(
        "python313.h", "trixie",
        ("_sha2", "_suggestions", "_sysconfig", "_typing"), ("_sha2",),
    ),
    Version(
        "python314.h", "sid",
        ("_contextvars", "_sha2", "_suggestions", "_sysconfig", "_types", "_typing"),
        ("_blake2", "_md5", "_sha1", "_sha2", "_sha3"),
    ),
)  # fmt: skip

VERSIONS = {row.number: row for row in ROWS}

RUNNING = "{}.{}".format(*sys.version_info)


def version() -> Version:
    """The row of the interpreter that builds. Raises KeyError for an unknown version."""
    return VERSIONS[RUNNING]


def static_library() -> Path:
    """Where the interpreter's static library should be."""
    return Path(sysconfig.get_config_var("LIBPL") or "") / f"libpython{RUNNING}.a"


def missing_library() -> str:
    """Why no static executable can be linked with this interpreter, and what to do; or ""."""
    if RUNNING not in VERSIONS:
        known = ", ".join(VERSIONS)
        choice = ", ".join(f"{row.package} ({row.suite})" for row in ROWS)
        return (
            f"it can be built with CPython {known}, and this is {RUNNING}: install one of Debian's "
            f"packages {choice}, and build with its interpreter"
        )
    if not static_library().exists():
        return (
            f"there is no {static_library()}: install Debian's package {version().package}, "
            f"and build with its interpreter, /usr/bin/python{RUNNING}"
        )
    packages = DIGEST_LIBRARIES if version().digests else {}
    if absent := [package for name, package in packages.items() if not _has_library(name)]:
        return f"static libraries are missing: install Debian's packages {' '.join(absent)}"
    return ""


def _has_library(name: str) -> bool:
    """Whether the linker finds a library. The compiler prints its path, or only the name."""
    said = subprocess.check_output(["gcc", "-print-file-name=" + name], text=True)
    return "/" in said
