"""Users and groups on the command line: numbers only.

A runtime does not know the names of users in the container; engines look them up. A number out of
range is an error and never read as a name (CVE-2024-40635, CVE-2026-46680, security.md S-08, S-09).
"""

from hutch.errors import UsageError

# 2³² - 1 means "unchanged" to setresuid(2).
LARGEST = (1 << 32) - 2


def parse_id(text: str, flag: str) -> int:
    """A user or group id; raises UsageError with the name of the flag."""
    if not (text.isascii() and text.isdigit()) or int(text[:11]) > LARGEST or len(text) > 10:
        raise UsageError(
            flag + ": " + repr(text) + " is not an id", hint="a number from 0 to " + str(LARGEST)
        )
    return int(text)


def parse_user(text: str) -> "tuple[int, int | None]":
    """(uid, gid) from UID or UID:GID; the gid is None if it is not given: then the container's gid
    stays, as with runc. Raises UsageError."""
    uid, colon, gid = text.partition(":")
    return parse_id(uid, "--user"), parse_id(gid, "--user") if colon else None
