"""Freezing a container for the time of one operation, such as commit.

The process that freezes the container may be killed. Therefore it leaves a file in the container's
folder and holds a lock meanwhile. If the file is there and nobody holds the lock, the next command
that looks at the container thaws it (thaw.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hutch.engine.containers.records import Record
from hutch.engine.containers.stop import pause, unpause
from hutch.engine.containers.thaw import frozen_lock
from hutch.engine.engine import Engine


@contextmanager
def frozen(engine: Engine, record: Record) -> Iterator[None]:
    """Keeps the container's processes frozen. Raises Conflict if it does not run or is paused, and
    KernelError."""
    mark = engine.places(record).frozen
    lock = frozen_lock(engine, record)
    lock.acquire()
    try:
        mark.touch()
        pause(engine, record)
        try:
            yield
        finally:
            unpause(engine, record)
    finally:
        mark.unlink(missing_ok=True)
        lock.release()
