"""Who "USER" of an image is: looked up in the root file system's own passwd and group.

The files are the image's, so they are opened beneath its root and read to a bound.
"""

import os
import stat

from ..errors import shown
from ..kernel.beneath import O_PATH, open_in_root
from .errors import ImageError

BYTES = 1 << 20
MAX_ID = (1 << 31) - 1


def _lines(root: int, path: str) -> list[list[str]]:
    """The colon-separated lines of a file in the root; none if it cannot be read."""
    try:
        place = open_in_root(root, path, O_PATH)
    except OSError:
        return []
    try:
        # Looked at before it is opened: opening the device that an image put there may do things.
        if not stat.S_ISREG(os.stat(place).st_mode):
            return []
        with open(f"/proc/self/fd/{place}", "rb") as file:
            data = file.read(BYTES)
    except OSError:
        return []
    finally:
        os.close(place)
    return [line.split(":") for line in data.decode(errors="replace").splitlines()]


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 10 and int(text) <= MAX_ID else None


def resolve(root: int, user: str) -> tuple[int, int, list[int]]:
    """uid, gid and additional gids of ``USER``, ``UID``, ``USER:GROUP`` (image-spec, config.md).

    A number needs no line in passwd; a name does. Raises ImageError.
    """
    name, _, group = user.partition(":")
    passwd = [line for line in _lines(root, "etc/passwd") if len(line) >= 4]
    groups = [line for line in _lines(root, "etc/group") if len(line) >= 3]
    uid = _number(name) if name else 0
    own = None
    if uid is None or not name:
        own = next((line for line in passwd if line[0] == (name or "root")), None)
    if own is None and uid is not None:
        own = next((line for line in passwd if _number(line[2]) == uid), None)
    if uid is None:
        uid = _number(own[2]) if own else None
        if uid is None:
            raise ImageError(f"user {shown(name)} is not in the image's /etc/passwd")
    gid = (_number(own[3]) if own else 0) or 0
    if group:
        found = _number(group)
        if found is None:
            line = next((line for line in groups if line[0] == group), None)
            found = _number(line[2]) if line else None
        if found is None:
            raise ImageError(f"group {shown(group)} is not in the image's /etc/group")
        return uid, found, []
    login = own[0] if own else ""
    more = {
        number
        for line in groups
        if login and len(line) >= 4 and login in line[3].split(",")
        if (number := _number(line[2])) is not None and number != gid
    }
    return uid, gid, sorted(more)
