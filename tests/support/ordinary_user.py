"""Commands as an ordinary user, wherever the installation under test lies: even below /root."""

import sys
from collections.abc import Sequence
from pathlib import Path

# In a mount namespace of its own: who the user is and what ids he may map, and the installed
# commands where he can reach them whoever owns the directories above. Then as that user.
SCRIPT = """
set -e
prefix=$1 closed=$2 etc=$3 uid=$4 gid=$5
shift 5
for file in passwd group subuid subgid; do
    [ ! -e "$etc/$file" ] || mount --bind "$etc/$file" "/etc/$file"
done
if [ -n "$closed" ]; then
    mount --bind "$prefix" /mnt
    mount -t tmpfs -o mode=755 tmpfs "$closed"
    mkdir -p "$prefix"
    mount --bind /mnt "$prefix"
fi
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups "$@"
"""


def as_user(words: "Sequence[str | Path]", uid: int, gid: int, etc: Path) -> "list[str | Path]":
    """The words of a command that executes ``words`` as this user. Of passwd, group, subuid and
    subgid those in the folder ``etc`` take the places of the machine's own."""
    prefix = Path(sys.prefix)
    closed = _closed_to_others(prefix)
    own: list[str | Path] = [prefix, closed, etc, str(uid), str(gid)]
    return ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", *own, *words]


def _closed_to_others(path: Path) -> str:
    """The first directory on the way to ``path`` that not everybody may enter; "" if none."""
    for above in reversed([path, *path.parents]):
        if not above.stat().st_mode & 0o001:
            return str(above)
    return ""
