"""What the host may have installed: Python packages, users from other sources than files, ps(1)."""

import os
import pwd
from importlib.util import find_spec
from subprocess import run

from hutch.errors import HutchError, UsageError


def is_installed(package: str) -> bool:
    """Whether a Python package can be imported. Does not import it."""
    return find_spec(package) is not None


def user_name(uid: int) -> str:
    """The name of a user, from all sources of the host (nsswitch.conf(5)); "" if there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def process_table(pids: list[int], options: list[str]) -> str:
    """The output of ps(1) with these options: the header, and the lines of ``pids``."""
    environment = {b"PATH": os.environb.get(b"PATH", b"/usr/bin:/bin")}
    try:
        done = run(["ps", *options], capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        raise HutchError("ps is not installed", hint="--format json needs no ps") from None
    if done.returncode != 0:
        raise UsageError("ps: " + done.stderr.decode(errors="replace").strip())
    header, *lines = done.stdout.decode(errors="replace").splitlines()
    columns = header.split()
    if "PID" not in columns:
        raise UsageError("these options of ps show no PID column: " + " ".join(options))
    place = columns.index("PID")
    wanted = {str(pid) for pid in pids}
    kept = [line for line in lines if len(line.split()) > place and line.split()[place] in wanted]
    return "".join([line + "\n" for line in [header, *kept]])
