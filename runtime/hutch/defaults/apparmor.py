"""The AppArmor profile for containers, hutch-default: the file beside this one, and loading it."""

import subprocess
from pathlib import Path

from hutch.errors import HostError

NAME = "hutch-default"
FILE = Path(__file__).parent / NAME
ENABLED = Path("/sys/module/apparmor/parameters/enabled")
LOADED = Path("/sys/kernel/security/apparmor/profiles")


def enabled() -> bool:
    """Whether the host has AppArmor."""
    return ENABLED.exists() and ENABLED.read_text() == "Y\n"


def loaded() -> bool | None:
    """Whether the kernel has the profile; None where this process cannot tell, as without root."""
    try:
        lines = LOADED.read_text().splitlines()
    except OSError:
        return None
    return any(line.partition(" ")[0] == NAME for line in lines)


def load() -> None:
    """Loads the profile, in the place of one of that name; containers that have it change to it.

    Lasts until the host boots anew. Raises HostError without AppArmor, its parser, or root.
    """
    _parse("--replace")


def unload() -> None:
    """Removes the profile: its containers are unconfined then. Raises HostError."""
    _parse("--remove")


def _parse(option: str) -> None:
    if not enabled():
        raise HostError(
            "AppArmor is not enabled on this host",
            hint="boot with security=apparmor, on a kernel that has it",
        )
    try:
        done = subprocess.run(
            ["apparmor_parser", option, FILE],
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
        raise HostError(f"apparmor_parser {option} {FILE} failed: {said}", hint="it takes root")
