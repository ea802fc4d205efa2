"""Docker's form of a seccomp profile, and the default profile, which is kept in it.

What Docker's form has beyond config.json's linux.seccomp ("Seccomp security profiles" of Docker's
documentation):

    archMap           [{architecture, subArchitectures}]: which others belong to the host's own
    comment           of an entry: for people
    includes          of an entry: it stands only where all of this is so
    excludes          of an entry: it falls away where any of this is so
        caps          capabilities that the container's bounding set has
        arches        the host's architecture, as Go names it: amd64, arm64
        minKernel     the host's kernel is of this version or a later one: 4.8

``resolve`` makes of it the linux.seccomp of one container on one host.

The default profile (seccomp.json) lists the system calls that a container may make. Those
of the table "Significant syscalls blocked by the default profile" are not in it, but where the
capability that they are gated by is given; nor are those of io_uring, whose work no filter sees.
Where that table has been overtaken, it follows the engine: ptrace and its kin are allowed since
Linux 4.8, clock_adjtime is, AF_ALG is not.
"""

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hutch.errors import ConfigError

if TYPE_CHECKING:
    from hutch.spec.config import Seccomp

FILE = Path(__file__).parent / "seccomp.json"

# uname -m -> the name in profiles, and Go's, by which includes.arches calls it.
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
# uname -m does not tell the byte order of a MIPS.
LITTLE_ENDIAN = {
    "mips": ("SCMP_ARCH_MIPSEL", "mipsle"),
    "mips64": ("SCMP_ARCH_MIPSEL64", "mips64le"),
}
CONDITIONS = {"caps", "arches", "minKernel"}
OWN_FIELDS = {"name", "comment", "includes", "excludes"}  # of an entry


class Host:
    """What a profile asks of a host: ``architecture`` and ``go_name`` ("" where hutch does not
    know the machine) and ``kernel``, its version as (major, minor)."""

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
    """``6.1.0-13-amd64`` as (6, 1); None where it is no version."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def default_profile() -> dict[str, Any]:
    """The default profile in Docker's form; the caller's to change."""
    profile: dict[str, Any] = json.loads(FILE.read_text())
    return profile


def default_seccomp(capabilities: Collection[str], host: Host | None = None) -> "Seccomp":
    """linux.seccomp as the default profile has it for a container whose bounding set is this."""
    return resolve(default_profile(), capabilities, host or Host.here(), "the default profile")


def resolve(
    profile: dict[str, Any], capabilities: Collection[str], host: Host, document: str
) -> "Seccomp":
    """linux.seccomp of a profile in Docker's form, or in config.json's.

    ``document`` is where the profile is from, for errors. Raises ConfigError for what is wrong with
    the parts that config.json does not have; the rest is checked with the config.
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
    """The host's own architecture and those that an archMap says belong to it."""
    if not host.architecture:
        return []  # a filter without any has the one that libseccomp was made for
    for index, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        if not isinstance(entry, dict) or not isinstance(entry.get("architecture"), str):
            raise ConfigError(f"archMap[{index}]", "names no architecture", document=document)
        if entry["architecture"] == host.architecture:
            return [host.architecture, *(entry.get("subArchitectures") or [])]
    return [host.architecture]


class _Conditions:
    """``includes`` or ``excludes`` of an entry; called, it tells of each whether it holds."""

    def __init__(
        self, capabilities: list[str], arches: list[str], kernel: tuple[int, int] | None
    ) -> None:
        self.capabilities = capabilities
        self.arches = arches
        self.kernel = kernel

    def __call__(self, held: Collection[str], host: Host) -> list[bool]:
        """Each capability is a condition of its own; one of the architectures is enough."""
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
        # Passed over, it would allow what it was to keep.
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
