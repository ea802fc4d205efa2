"""A mount namespace for the suite, and trees of mounts in it that containers bind.

Mounts that a runtime leaves behind end with the namespace, and the host's mounts do not change.
"""

import ctypes
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from conformance.suite.host import kernel

CLONE_NEWNS = 0x20000
HARD = "nosuid,nodev,noexec,noatime,nodiratime"


class Stage(NamedTuple):
    """Trees of a mount with another mount in it: ``plain`` is shared, the mounts of ``hard`` have
    all restrictions, and ``mapped`` has a file system that supports idmapped mounts."""

    plain: Path
    hard: Path
    mapped: Path


def enter() -> None:
    """Enters a new mount namespace. Raises SystemExit if the caller may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise SystemExit(f"conformance: unshare: {reason} (hint: run it as root)")
    _mount("--make-rprivate", "/")


def build(folder: Path) -> Stage:
    """Mounts the trees below a folder."""
    plain = folder / "plain"
    # tmpfs supports idmapped mounts since Linux 6.3, ext4 since 5.12.
    stage = Stage(plain, folder / "hard", plain if kernel() >= (6, 3) else folder / "mapped")
    for path, options in ((stage.plain, "rw"), (stage.hard, HARD)):
        for place in (path, path / "inner"):
            place.mkdir()
            _mount("-t", "tmpfs", "-o", options + ",mode=755", "tree", str(place))
            (place / "file").write_text("here\n")
    if stage.mapped != plain:
        for place in (stage.mapped, stage.mapped / "inner"):
            place.mkdir()
            _mount("--bind", str(place), str(place))
            (place / "file").write_text("here\n")
    (stage.plain / "link").symlink_to("file")
    share(stage)
    if _mount("-o", f"remount,bind,nosymfollow,{HARD}", str(stage.hard / "inner"), check=False):
        _mount("-o", f"remount,bind,nosymfollow,{HARD}", str(stage.hard))
    return stage


def share(stage: Stage) -> None:
    """Makes the plain tree shared, again if a container without a mount namespace has changed its
    propagation."""
    _mount("--make-rshared", str(stage.plain))


def clear(folder: Path) -> None:
    """Unmounts everything below a folder, so that it can be removed. A container without a mount
    namespace mounts here, and some runtimes do not unmount it."""
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in reversed(places):
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)


def _mount(*words: str, check: bool = True) -> bool:
    done = subprocess.run(["mount", *words], check=False, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"conformance: {done.stderr.strip()}")
    return done.returncode == 0
