"""Thawing a container that a killed process has left frozen (freeze.py)."""

from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.errors import HutchError
from hutch.image.store import Lock


def frozen_lock(engine: Engine, record: Record) -> Lock:
    """The lock that a process holds while it keeps the container frozen."""
    return engine.store.lock("frozen-" + record.id)


def thaw_abandoned(engine: Engine, record: Record) -> None:
    """Thaws a running container that a killed process has left frozen."""
    places = engine.places(record)
    lock = frozen_lock(engine, record)
    if not lock.acquire(wait=False):
        return
    try:
        try:
            engine.runtime(record).resume()
        except HutchError:
            pass  # it was killed before it froze anything
        record.paused = False
        engine.records.save(record, "paused")
        (places.folder / "paused").unlink(missing_ok=True)  # for the health monitor
        places.frozen.unlink(missing_ok=True)
    finally:
        lock.release()
