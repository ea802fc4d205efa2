"""The owners and attributes that this process may give to files."""

import os
from typing import NamedTuple


class Ownership(NamedTuple):
    """The owners and attributes that this process may set: all as root, otherwise only its own.

    ``namespaced``: the process is root of a user namespace. It may use only the ids that are mapped
    there, and may not set xattrs of the trusted namespace (xattr(7)).
    """

    privileged: bool
    uid: int
    gid: int
    namespaced: bool = False

    @classmethod
    def current(cls) -> "Ownership":
        with open("/proc/self/uid_map", encoding="ascii") as mapping:
            namespaced = mapping.read().split() != ["0", "0", "4294967295"]
        return cls(os.geteuid() == 0, os.geteuid(), os.getegid(), namespaced)
