"""The AppArmor profile for containers: loads the file hutch-default of this folder."""

from pathlib import Path

import hutch
from hutch.errors import HostError

NAME = "hutch-default"
ENABLED = Path("/sys/module/apparmor/parameters/enabled")
LOADED = Path("/sys/kernel/security/apparmor/profiles")


def file() -> Path:
    """Where its text is."""
    return Path(hutch.__path__[0], "defaults", NAME)


def enabled() -> bool:
    """Whether the host has AppArmor."""
    return ENABLED.exists() and ENABLED.read_text() == "Y\n"


def loaded() -> bool | None:
    """Whether the kernel has the profile; None if this process cannot read that (without root)."""
    try:
        lines = LOADED.read_text().splitlines()
    except OSError:
        return None
    return any(line.partition(" ")[0] == NAME for line in lines)


def load() -> None:
    """Loads the profile, and replaces an older version, also for containers that use it.

    The profile stays loaded until the host reboots. Raises HostError if AppArmor or
    apparmor_parser is missing, or without root.
    """
    _parse("--replace")


def unload() -> None:
    """Removes the profile. Containers that use it are then unconfined. Raises HostError."""
    _parse("--remove")


def _parse(option: str) -> None:
    import subprocess

    if not enabled():
        raise HostError(
            "AppArmor is not enabled on this host",
            hint="boot with security=apparmor, on a kernel that has it",
        )
    try:
        done = subprocess.run(
            ["apparmor_parser", option, file()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise HostError(
            "apparmor_parser is not installed, and nothing else loads AppArmor profiles",
            hint="apt-get install apparmor",
        ) from None
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise HostError(f"apparmor_parser {option} {file()} failed: {said}", hint="it takes root")
