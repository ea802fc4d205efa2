"""Removes the containers and scratch layers of callers that were killed.

A container of a dead caller has ended already (box.py); its state directory and its cgroup stay,
and a Sandbox's scratch layer. The first sandbox of a process removes them, and so does ``warren
system check --repair``.
"""

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.container.delete import destroy
from hutch.container.status import start_time
from hutch.container.store import Store
from hutch.engine.sandbox.places import Places
from hutch.errors import HutchError, KernelError
from hutch.image.tree import remove_tree
from hutch.kernel.mounts import unmount

if TYPE_CHECKING:
    from hutch.image.check import Checker

MNT_DETACH = 2


def remove_leftovers(places: Places) -> list[str]:
    """Returns the ids of the containers that were removed. One that cannot be removed stays: that
    is no error of the caller's own sandbox."""
    store = Store(str(places.root))
    removed = [id for id in left(places) if _remove(store, id)]
    for folder in left_scratches(places):
        discard_scratch(folder)
    return removed


def left(places: Places) -> list[str]:
    """The ids of containers whose caller is dead."""
    try:
        ids = Store(str(places.root)).ids()
    except HutchError:
        return []
    return [id for id in ids if _is_left(Store(str(places.root)), id)]


def _is_left(store: Store, id: str) -> bool:
    try:
        entry = store.find(id)
        if not entry.lock(wait=False):
            return False  # somebody works on it
    except HutchError:
        return False
    try:
        state = entry.load_state()
        return start_time(state.maker) != state.maker_start_time
    except HutchError:
        # Killed before it could write its state; or it has just made the directory. The id begins
        # with the pid of its caller (box.py).
        pid = id.partition("-")[0]
        return not (pid.isdecimal() and start_time(int(pid)))
    finally:
        entry.release()


def _remove(store: Store, id: str) -> bool:
    try:
        entry = store.find(id)
        if not entry.lock(wait=False):
            return False
        try:
            try:
                state = entry.load_state()
            except HutchError:
                state = None
            destroy(entry, state)
        finally:
            entry.release()
    except HutchError:
        return False
    return True


def check(places: Places, checker: "Checker") -> None:
    """Tells the checker what killed callers have left; it is removed with ``repair``."""
    store = Store(str(places.root))
    for id in left(places):

        def remove(id: str = id) -> str:
            return "removed" if _remove(store, id) else ""

        checker.find(f"sandbox {id}: its caller has ended", remove)
    for folder in left_scratches(places):

        def discard(folder: Path = folder) -> str:
            discard_scratch(folder)
            return "removed"

        checker.find(f"sandbox {folder.name}: the caller of these files has ended", discard)


def left_scratches(places: Places) -> list[Path]:
    """The scratch layers of dead callers: the name is PID-START-RANDOM."""
    try:
        names = os.listdir(places.scratches)
    except FileNotFoundError:
        return []
    return [places.scratches / name for name in names if not _lives(name)]


def _lives(name: str) -> bool:
    pid, _, rest = name.partition("-")
    born = rest.partition("-")[0]
    return pid.isdecimal() and born.isdecimal() and start_time(int(pid)) == int(born)


def discard_scratch(folder: Path) -> None:
    """Removes a scratch layer. Its containers have ended. Raises KernelError."""
    try:
        unmount(str(folder), MNT_DETACH)
    except KernelError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM, errno.ENOENT):  # EINVAL: no mount point
            raise
    remove_tree(str(folder))
