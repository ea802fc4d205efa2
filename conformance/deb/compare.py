"""Compares files: of two builds, and of a root before and after a package was there."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

# What installing and removing any package changes: dpkg's and apt's own records.
RECORDS = re.compile(
    r"/(var/log/(dpkg\.log|alternatives\.log|apt/.*)|var/lib/dpkg/.*|var/lib/apt/.*|var/cache/apt/.*"
    r"|var/cache/(ldconfig|debconf)/.*|etc/ld\.so\.cache|tmp/deb-.*|root/packages/.*)"
)

# Run in a root: the kind, mode, owner and path of each file, and the digest of what it contains.
LISTING = r"""
find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -printf '%y %m %U:%G %p %l\n' |
    sort -k 4
find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -type f -print0 | sort -z |
    xargs -0 sha256sum
"""


def digests(files: Iterable[Path]) -> dict[str, str]:
    """{name: sha256} of files."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def differences(before: str, after: str) -> list[str]:
    """The lines of two listings that are only in one of them, "-" or "+" in front, without the
    records of dpkg and apt and the times of folders that contain these."""
    one, other = set(before.splitlines()), set(after.splitlines())
    lines = [(line, "- ") for line in one - other] + [(line, "+ ") for line in other - one]
    return [
        sign + line for line, sign in sorted(lines)
        if not any(RECORDS.fullmatch(word) for word in line.split())
    ]  # fmt: skip
