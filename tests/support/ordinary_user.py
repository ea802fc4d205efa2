"""Runs commands as an ordinary user, also if the installation under test is below /root."""

import sys
from collections.abc import Sequence
from pathlib import Path

# In its own mount namespace, the script mounts the files for the user's name and ids, and makes the
# installed commands accessible to the user. Then it executes the command as this user.
SCRIPT = """
set -e
prefix=$1 closed=$2 etc=$3 uid=$4 gid=$5
shift 5
for file in passwd group subuid subgid resolv.conf; do
    [ ! -e "$etc/$file" ] || mount --bind "$etc/$file" "/etc/$file"
done
if [ -e "$etc/tun" ]; then
    mkdir -p /dev/net
    mount -t tmpfs net /dev/net
    : >/dev/net/tun
    mount --bind "$etc/tun" /dev/net/tun
fi
if [ -n "$closed" ]; then
    mount --bind "$prefix" /mnt
    mount -t tmpfs -o mode=755 tmpfs "$closed"
    mkdir -p "$prefix"
    mount --bind /mnt "$prefix"
fi
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups "$@"
"""


def as_user(words: "Sequence[str | Path]", uid: int, gid: int, etc: Path) -> "list[str | Path]":
    """A command that executes ``words`` as this user. The files passwd, group, subuid, subgid and
    resolv.conf in the folder ``etc`` replace those of the machine, ``tun`` the device
    /dev/net/tun."""
    prefix = Path(sys.prefix)
    closed = _closed_to_others(prefix)
    own: list[str | Path] = [prefix, closed, etc, str(uid), str(gid)]
    return ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", *own, *words]


def _closed_to_others(path: Path) -> str:
    """The first directory in ``path`` that not all users may enter; "" if there is none."""
    for above in reversed([path, *path.parents]):
        if not above.stat().st_mode & 0o001:
            return str(above)
    return ""
