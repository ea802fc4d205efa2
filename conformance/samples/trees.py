"""A tree of files as data that can be compared: all attributes that a tar archive can contain."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

OVERLAY = ("trusted.overlay.", "user.overlay.")


def describe(root: Path, *, times: bool = True) -> dict[bytes, dict[str, Any]]:
    """{path: mode, owner, times, xattrs, content, target, device}; hard links are in groups."""
    found: dict[bytes, dict[str, Any]] = {}
    first: dict[tuple[int, int], bytes] = {}
    base = os.fsencode(root)

    def visit(path: bytes) -> None:
        status = os.lstat(path)
        name = path[len(base) :].lstrip(b"/")
        facts: dict[str, Any] = {
            "mode": oct(status.st_mode),
            "owner": (status.st_uid, status.st_gid),
            "xattrs": {
                key: os.getxattr(path, key, follow_symlinks=False)
                for key in os.listxattr(path, follow_symlinks=False)
                if not key.startswith(OVERLAY)
            },
        }
        if times:
            facts["mtime"] = status.st_mtime_ns
        if stat.S_ISREG(status.st_mode):
            facts["size"] = status.st_size
            with open(path, "rb") as file:
                facts["content"] = hashlib.file_digest(file, "sha256").hexdigest()
            facts["links"] = status.st_nlink
            facts["same as"] = first.setdefault((status.st_dev, status.st_ino), name)
        elif stat.S_ISLNK(status.st_mode):
            facts["target"] = os.readlink(path)
        elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            facts["device"] = (os.major(status.st_rdev), os.minor(status.st_rdev))
        found[name] = facts
        if stat.S_ISDIR(status.st_mode):
            for child in sorted(os.listdir(path)):
                visit(path + b"/" + child)

    visit(base)
    return found


def differences(one: dict[bytes, Any], other: dict[bytes, Any]) -> list[str]:
    """One line for each path and attribute in which two trees differ."""
    lines = []
    for name in sorted(set(one) | set(other)):
        if name not in one or name not in other:
            lines.append(f"{name!r} only in the {'first' if name in one else 'second'}")
            continue
        for fact in sorted(set(one[name]) | set(other[name])):
            a, b = one[name].get(fact), other[name].get(fact)
            if a != b:
                lines.append(f"{name!r}: {fact}: {a} / {b}")
    return lines
