"""Small static programs of warren's that stay with a container: warren-health, warren-logs.

They outlive warren, and end with the container, whose first process they hold a pidfd of. As long
as one lives it keeps a file locked, which has the number of its run: whoever looks at the container
and finds the lock free starts another, which continues.
"""

import fcntl
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import hutch
from hutch.engine.containers.places import Places
from hutch.engine.containers.records import Record
from hutch.engine.containers.truth import birth, wait_until

HANDOVER = 5.0  # seconds that the companion of the run before may need to end


def begin(
    places: Places, record: Record, name: str, words: Callable[[], list[str]], inner: str = ""
) -> None:
    """Starts a companion of a run that has just begun. Another warren that looks at the container
    may have done it already."""
    lock = places.folder / inner / f"{name}.lock"
    wait_until(
        lambda: watch(places, record, name, words, inner) or lock.read_text() == str(record.runs),
        HANDOVER,
    )


def watch(
    places: Places, record: Record, name: str, words: Callable[[], list[str]], inner: str = ""
) -> bool:
    """Starts the companion ``name`` with these words unless there is one; False if there is. It
    works in the container's folder, or in the folder ``inner`` of that."""
    folder = places.folder / inner
    path = folder / f"{name}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    container = -1
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            container = os.pidfd_open(record.pid)
        except OSError:
            return True
        if birth(record.pid) != record.birth:
            return True
        os.ftruncate(lock, 0)
        os.write(lock, str(record.runs).encode())
        program = Path(hutch.__path__[0]) / "libexec" / f"warren-{name}"
        subprocess.Popen(
            [program, str(container), str(lock), *words()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(container, lock),
            start_new_session=True,
            cwd=folder,
        ).returncode = 0  # it is not ours to wait for
        return True
    finally:
        os.close(lock)
        if container >= 0:
            os.close(container)
