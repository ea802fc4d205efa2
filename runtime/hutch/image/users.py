"""Finds the ids of an image's "USER" in the passwd and group files of its root file system.

These files come from the image, so they are opened below its root and only a limited number of
bytes is read. A text that any program could read as a number is treated as a number, never as a
name, and must be a valid id. An invalid id in a file is an error, not 0 (S-09).
"""

import os
import stat

from hutch.errors import shown
from hutch.image.errors import ImageError
from hutch.kernel.beneath import O_PATH, open_in_root

BYTES = 1 << 20
MAX_ID = (1 << 32) - 2  # the kernel takes 2³²-1, which is -1, as "do not change"
BASES = ("0x", "0o", "0b")


def _lines(root: int, path: str) -> list[list[str]]:
    """The fields of each line of a file in the root, separated by colons; [] if it cannot be read.

    Lines end with a newline, as for the C library. Only the first ``BYTES`` bytes are read; a line
    that is not complete there is left out.
    """
    try:
        place = open_in_root(root, path, O_PATH)
    except OSError:
        return []
    try:
        # The type is checked before the open: the image may have a device here, and opening a
        # device can have side effects.
        if not stat.S_ISREG(os.stat(place).st_mode):
            return []
        with open(f"/proc/self/fd/{place}", "rb") as file:
            data = file.read(BYTES + 1)
    except OSError:
        return []
    finally:
        os.close(place)
    if len(data) > BYTES:
        data = data[: data.rfind(b"\n", 0, BYTES) + 1]
    return [line.split(":") for line in os.fsdecode(data).split("\n")]


def _number(text: str) -> int | None:
    """The id in a text of decimal digits; None for any other text."""
    digits = text.lstrip("0") or "0" if text else ""
    if not (text.isascii() and text.isdecimal()) or len(digits) > 10 or int(digits) > MAX_ID:
        return None
    return int(digits)


def _numeric(text: str) -> bool:
    """Whether a program may read ``text`` as a number, with a sign, blanks, separators, digits of
    another script, or another base."""
    bare = text.strip().lstrip("+-").strip().replace("_", "").replace(",", "").replace(".", "")
    return bare.isnumeric() or bare[:2].lower() in BASES


def _asked(text: str, what: str) -> int | None:
    """The id in ``text``; None if it is a name. Raises ImageError for other numbers."""
    found = _number(text)
    if found is None and _numeric(text):
        raise ImageError(
            f"image config: config.User: {what} {shown(text[:40])} is neither an id nor a name",
            hint=f"an id is written in decimal digits, from 0 to {MAX_ID}",
        )
    return found


def _field(line: list[str], place: int, path: str) -> int:
    """The id in a line of the image's file. Raises ImageError."""
    found = _number(line[place])
    if found is None:
        what = shown(line[place][:40])
        raise ImageError(f"the image's {path}: the line of {shown(line[0])}: {what} is not an id")
    return found


def resolve(root: int, user: str) -> tuple[int, int, list[int]]:
    """The uid, gid and additional gids of ``USER``, ``UID`` or ``USER:GROUP`` (image-spec,
    config.md).

    A name must have a line in passwd, a number need not. Raises ImageError.
    """
    name, _, group = user.partition(":")
    passwd = [line for line in _lines(root, "etc/passwd") if len(line) >= 4]
    groups = [line for line in _lines(root, "etc/group") if len(line) >= 3]
    uid = _asked(name, "user") if name else 0
    if uid is None:
        own = next((line for line in passwd if line[0] == name), None)
        if own is None:
            raise ImageError(f"user {shown(name)} is not in the image's /etc/passwd")
        uid = _field(own, 2, "/etc/passwd")
    else:
        own = next((line for line in passwd if _number(line[2]) == uid), None)
    if group:
        found = _asked(group, "group")
        if found is None:
            line = next((line for line in groups if line[0] == group), None)
            if line is None:
                raise ImageError(f"group {shown(group)} is not in the image's /etc/group")
            found = _field(line, 2, "/etc/group")
        return uid, found, []
    gid = _field(own, 3, "/etc/passwd") if own else 0
    login = own[0] if own else ""
    more = {
        number
        for line in groups
        if login and len(line) >= 4 and login in line[3].split(",")
        if (number := _number(line[2])) is not None and number != gid
    }
    return uid, gid, sorted(more)


def home(root: int, uid: int) -> str:
    """The home directory of a user in the image's passwd; "/" if there is none."""
    for line in _lines(root, "etc/passwd"):
        if len(line) >= 6 and _number(line[2]) == uid and line[5].startswith("/"):
            return line[5]
    return "/"
