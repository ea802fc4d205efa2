"""Removing containers."""

import _signal as signal
from collections.abc import Callable

from hutch.engine.containers import records as phases
from hutch.engine.containers.clear import take_away
from hutch.engine.containers.finish import finish, refresh
from hutch.engine.containers.records import Record
from hutch.engine.containers.stop import give_up_restart
from hutch.engine.containers.truth import Death
from hutch.engine.disk_use import tree_size
from hutch.engine.engine import Engine
from hutch.engine.errors import Conflict


def remove(
    engine: Engine,
    record: Record,
    *,
    force: bool = False,
    volumes: bool = False,
    with_pod: bool = False,
) -> None:
    """Removes a container; with ``force`` also one that runs, with ``volumes`` the anonymous
    volumes that no other uses. The infra container of a pod goes only ``with_pod``. Raises
    Conflict."""
    if record.options.infra and not with_pod:
        raise Conflict(
            f"container {record.name} is the infra container of a pod, and goes with it",
            id=record.id,
            hint=f"warren pod rm {record.options.pod[:12]}",
        )
    with engine.attending(record.id):
        _remove(engine, record, force=force, volumes=volumes)


def _remove(engine: Engine, record: Record, *, force: bool, volumes: bool) -> None:
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
        if record.phase == phases.RESTARTING:
            give_up_restart(engine, record)
            record = refresh(engine, record)  # it may have been started just before
        record.stopping = True
        engine.records.save(record, "stopping")
        if record.paused:
            engine.runtime(record).resume()
        death = Death(record.pid, record.birth)
        death.signal(signal.SIGKILL)
        engine.events.of(record, "kill", signal="9")
        death.wait(10)
        death.close()
    with engine.locked(record.id):
        current = finish(engine, record.id)
        if current is not None:
            take_away(engine, current, volumes=volumes)


def prune(
    engine: Engine, meant: Callable[[Record], bool] = lambda _: True
) -> tuple[list[str], int]:
    """Removes all containers that do not run and are ``meant``: their ids, and the bytes of what
    they wrote."""
    gone, freed = [], 0
    for record in engine.records.all():
        if record.options.infra:
            continue
        current = refresh(engine, record)
        if current.phase in (phases.CREATED, phases.EXITED, phases.DEAD) and meant(current):
            freed += tree_size(str(engine.places(current).upper))
            remove(engine, current)
            gone.append(current.id)
    return gone, freed
