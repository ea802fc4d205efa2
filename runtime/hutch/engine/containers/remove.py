"""Removing containers."""

import signal

from hutch.engine.containers import records as phases
from hutch.engine.containers.finish import clear, finish, refresh
from hutch.engine.containers.records import Record
from hutch.engine.containers.truth import Death
from hutch.engine.engine import Engine
from hutch.engine.errors import Conflict


def remove(engine: Engine, record: Record, *, force: bool = False, volumes: bool = False) -> None:
    """Removes a container; with ``force`` also one that runs, with ``volumes`` the anonymous
    volumes that no other uses. Raises Conflict."""
    record = refresh(engine, record)
    if record.phase in (phases.RUNNING, phases.STARTING, phases.RESTARTING):
        if not force:
            status = "paused" if record.paused else record.phase
            raise Conflict(
                f"cannot remove container {record.name}: it is {status}",
                id=record.id,
                status=status,
                hint="stop it before, or use --force",
            )
        record.stopping = True
        engine.records.save(record, "stopping")
        if record.paused:
            engine.runtime(record.id).resume()
        death = Death(record.pid, record.birth)
        death.signal(signal.SIGKILL)
        death.wait(10)
        death.close()
    with engine.locked(record.id):
        current = finish(engine, record.id)
        if current is not None:
            take_away(engine, current, volumes=volumes)


def take_away(engine: Engine, record: Record, *, volumes: bool = True) -> None:
    """The container's files and its row, under its lock; it does not run. With ``volumes`` the
    anonymous ones too."""
    record.phase = phases.REMOVING
    engine.records.save(record, "phase")
    clear(engine, record)
    engine.store.discard(engine.places(record).folder)
    mine = [m["source"] for m in record.options.mounts if m.get("anonymous")] if volumes else []
    with engine.store.database.transaction():
        engine.records.remove(record.id)
        engine.events.of(record, "destroy")
    for name in mine:
        if not engine.volumes.users(name):
            engine.volumes.remove(name, force=True)


def prune(engine: Engine) -> list[str]:
    """Removes all containers that do not run; their ids."""
    gone = []
    for record in engine.records.all():
        current = refresh(engine, record)
        if current.phase in (phases.CREATED, phases.EXITED, phases.DEAD):
            remove(engine, current)
            gone.append(current.id)
    return gone
