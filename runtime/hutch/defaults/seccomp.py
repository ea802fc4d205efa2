"""Docker's format of seccomp profiles, and the default profile, which has this format.

Docker's format has these fields in addition to those of config.json's linux.seccomp (Docker's
documentation, "Seccomp security profiles"):

    archMap           [{architecture, subArchitectures}]: other architectures of the same machine
    comment           in an entry: a comment for people
    includes          in an entry: the entry is used only if all these conditions are true
    excludes          in an entry: the entry is not used if any of these conditions is true
        caps          capabilities in the container's bounding set
        arches        the host's architecture, by its Go name: amd64, arm64
        minKernel     the host's kernel has at least this version: 4.8

``resolve`` makes the linux.seccomp of one container on one host from a profile.

The default profile (seccomp.json) lists the system calls that a container may make. The calls in
Docker's table "Significant syscalls blocked by the default profile" are allowed only with the
capability that the table names. The calls of io_uring are not allowed, because seccomp does not see
the operations of a ring. Docker's engine differs from the table in some calls, and the profile
follows the engine: it allows ptrace and similar calls since Linux 4.8, and clock_adjtime, but not
AF_ALG.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import hutch
from hutch.errors import ConfigError
from hutch.spec.json import decode

if TYPE_CHECKING:
    from hutch.spec.config import Seccomp

# uname -m -> the name in profiles, and the Go name that includes.arches uses.
MACHINES = {
    "x86_64": ("SCMP_ARCH_X86_64", "amd64"),
    "i386": ("SCMP_ARCH_X86", "x86"),
    "i486": ("SCMP_ARCH_X86", "x86"),
    "i586": ("SCMP_ARCH_X86", "x86"),
    "i686": ("SCMP_ARCH_X86", "x86"),
    "aarch64": ("SCMP_ARCH_AARCH64", "arm64"),
    "armv6l": ("SCMP_ARCH_ARM", "arm"),
    "armv7l": ("SCMP_ARCH_ARM", "arm"),
    "armv8l": ("SCMP_ARCH_ARM", "arm"),
    "loongarch64": ("SCMP_ARCH_LOONGARCH64", "loong64"),
    "mips": ("SCMP_ARCH_MIPS", "mips"),
    "mips64": ("SCMP_ARCH_MIPS64", "mips64"),
    "ppc": ("SCMP_ARCH_PPC", "ppc"),
    "ppc64": ("SCMP_ARCH_PPC64", "ppc64"),
    "ppc64le": ("SCMP_ARCH_PPC64LE", "ppc64le"),
    "parisc64": ("SCMP_ARCH_PARISC64", "parisc64"),
    "riscv64": ("SCMP_ARCH_RISCV64", "riscv64"),
    "s390": ("SCMP_ARCH_S390", "s390"),
    "s390x": ("SCMP_ARCH_S390X", "s390x"),
}
# The names of MIPS with little-endian byte order: uname -m does not show the byte order.
LITTLE_ENDIAN = {
    "mips": ("SCMP_ARCH_MIPSEL", "mipsle"),
    "mips64": ("SCMP_ARCH_MIPSEL64", "mips64le"),
}
CONDITIONS = {"caps", "arches", "minKernel"}
OWN_FIELDS = {"name", "comment", "includes", "excludes"}  # of an entry


class Host:
    """The facts about a host that conditions of a profile use: ``architecture`` and ``go_name``
    ("" if hutch does not know the machine), and ``kernel``, its version as (major, minor)."""

    def __init__(self, machine: str, release: str, byte_order: str = "little") -> None:
        names = MACHINES.get(machine)
        if byte_order == "little":
            names = LITTLE_ENDIAN.get(machine, names)
        self.architecture, self.go_name = names or ("", "")
        self.kernel = version(release) or (0, 0)

    @classmethod
    def here(cls) -> "Host":
        """This host."""
        import os
        import sys

        uname = os.uname()
        return cls(uname.machine, uname.release, sys.byteorder)


def version(text: str) -> tuple[int, int] | None:
    """``6.1.0-13-amd64`` as (6, 1); None if ``text`` is not a version."""
    major, _, rest = text.partition(".")
    minor = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return (int(major), int(minor)) if major.isdecimal() and minor else None


def parsed_profile(text: str, document: str = "the seccomp profile") -> dict[str, Any]:
    """A profile from its text. Raises JsonError, with the name of the ``document``."""
    return cast("dict[str, Any]", decode(text.encode(), document))


def default_profile() -> dict[str, Any]:
    """A new copy of the default profile in Docker's format. The caller may change it."""
    file = Path(hutch.__path__[0], "defaults", "seccomp.json")
    return parsed_profile(file.read_text(), str(file))


def default_seccomp(capabilities: Collection[str], host: Host | None = None) -> "Seccomp":
    """linux.seccomp from the default profile. ``capabilities`` is the container's bounding set."""
    return resolve(default_profile(), capabilities, host or Host.here(), "the default profile")


def resolve(
    profile: dict[str, Any], capabilities: Collection[str], host: Host, document: str
) -> "Seccomp":
    """linux.seccomp from a profile in Docker's format or in that of config.json.

    ``capabilities`` is the container's bounding set. ``document`` names the profile in errors.
    Raises ConfigError for errors in fields that only Docker's format has; the other fields are
    checked with the config.
    """
    seccomp = {
        field: value for field, value in profile.items() if field not in ("archMap", "syscalls")
    }
    if profile.get("archMap"):
        if profile.get("architectures"):
            raise ConfigError(
                "archMap", "excludes architectures: both say which there are", document=document
            )
        seccomp["architectures"] = architectures(profile["archMap"], host, document)
    kept = []
    for index, entry in enumerate(_list(profile, "syscalls", document)):
        pointer = f"syscalls[{index}]"
        if not isinstance(entry, dict):
            raise ConfigError(pointer, "must be an object", document=document, value=entry)
        includes = _conditions(entry, pointer, "includes", document)
        excludes = _conditions(entry, pointer, "excludes", document)
        if all(includes(capabilities, host)) and not any(excludes(capabilities, host)):
            fields = {field: value for field, value in entry.items() if field not in OWN_FIELDS}
            if "name" in entry:
                if entry.get("names"):
                    raise ConfigError(pointer + ".name", "excludes names", document=document)
                fields["names"] = [entry["name"]]
            kept.append({field: value for field, value in fields.items() if value is not None})
    seccomp["syscalls"] = kept
    return cast("Seccomp", seccomp)


def architectures(entries: Any, host: Host, document: str) -> list[str]:
    """The host's architecture, and the others of the same machine according to an archMap."""
    if not host.architecture:
        return []  # a filter without any has the one that libseccomp was made for
    for index, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        if not isinstance(entry, dict) or not isinstance(entry.get("architecture"), str):
            raise ConfigError(f"archMap[{index}]", "names no architecture", document=document)
        if entry["architecture"] == host.architecture:
            return [host.architecture, *(entry.get("subArchitectures") or [])]
    return [host.architecture]


class _Conditions:
    """``includes`` or ``excludes`` of an entry. A call returns one bool per condition."""

    def __init__(
        self, capabilities: list[str], arches: list[str], kernel: tuple[int, int] | None
    ) -> None:
        self.capabilities = capabilities
        self.arches = arches
        self.kernel = kernel

    def __call__(self, held: Collection[str], host: Host) -> list[bool]:
        """Each capability is one condition. All architectures together are one condition, which is
        true if the host has any of them."""
        told = [capability in held for capability in self.capabilities]
        if self.arches:
            told.append(host.go_name in self.arches)
        if self.kernel is not None:
            told.append(host.kernel >= self.kernel)
        return told


def _conditions(entry: dict[str, Any], pointer: str, field: str, document: str) -> _Conditions:
    pointer += "." + field
    given = entry.get(field) or {}
    if not isinstance(given, dict):
        raise ConfigError(pointer, "must be an object", document=document, value=given)
    for unknown in given.keys() - CONDITIONS:
        # If it were ignored, the entry could allow a call that the condition was to forbid.
        raise ConfigError(
            f"{pointer}.{unknown}",
            "is no condition that hutch knows",
            document=document,
            hint="there are caps, arches and minKernel",
        )
    kernel = None
    if text := given.get("minKernel"):
        kernel = version(text) if isinstance(text, str) else None
        if kernel is None:
            raise ConfigError(
                pointer + ".minKernel", "is no version as 4.8", document=document, value=text
            )
    return _Conditions(
        _list(given, "caps", document, pointer + "."),
        _list(given, "arches", document, pointer + "."),
        kernel,
    )


def _list(holder: dict[str, Any], field: str, document: str, before: str = "") -> list[Any]:
    value = holder.get(field) or []
    if not isinstance(value, list):
        raise ConfigError(before + field, "must be a list", document=document, value=value)
    return value
