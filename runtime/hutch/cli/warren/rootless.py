"""Runs warren in a user namespace if the caller is not root.

If /etc/subuid and /etc/subgid give the user a range of ids, and newuidmap is installed, unshare(1)
maps the range and starts warren again as root of the namespace. Files then keep their owners.
Otherwise warren continues without a namespace: all files belong to the user, and a warning says so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from hutch.image.store import default_root

ROOT_VARIABLE = "WARREN_ROOT"
# Verbs that make or remove files of other owners.
VERBS = (
    "pull", "load", "import", "bundle", "rmi", "image prune", "system check", "system df",
    "system prune",
)  # fmt: skip
UNSHARE = ["unshare", "--user", "--map-root-user", "--map-auto", "--"]


def has_range(table: str) -> bool:
    """Whether /etc/subuid (or subgid) grants this user ids."""
    import pwd

    try:
        names = {str(os.getuid()), pwd.getpwuid(os.getuid()).pw_name}
    except KeyError:
        names = {str(os.getuid())}
    try:
        lines = Path(table).read_text(errors="replace").splitlines()
    except OSError:
        return False
    return any(line.partition(":")[0] in names for line in lines)


def enter_namespace(verb: str) -> None:
    """Starts this command again as root of a user namespace, if that is possible and needed."""
    if os.geteuid() == 0 or verb not in VERBS:
        return
    if not (has_range("/etc/subuid") and has_range("/etc/subgid") and shutil.which("newuidmap")):
        return
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0:
        return  # the kernel or a policy forbids it
    os.environ.setdefault(ROOT_VARIABLE, str(default_root()))
    os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, *sys.orig_argv[1:]])  # noqa: S606
