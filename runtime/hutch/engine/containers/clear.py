"""Removes what a run has in the kernel, and the files of a container."""

from hutch.engine.containers import records as phases
from hutch.engine.containers.options import bridged, by_pasta
from hutch.engine.containers.records import Record
from hutch.engine.containers.rootfs import unmount_rootfs
from hutch.engine.containers.staging import unstage
from hutch.engine.engine import Engine
from hutch.errors import HutchError, NotFound


def clear(engine: Engine, record: Record) -> None:
    """What a run has in the kernel: processes, cgroups, the runtime's state, links, the mount."""
    if bridged(record.options):
        from hutch.engine.network.wire import in_the_background, is_wired, unwire

        if is_wired(engine, record.id):
            unwired = in_the_background(lambda: unwire(engine, record.id))
            try:
                clear_all_but_links(engine, record)
            finally:
                unwired()
            return
    clear_all_but_links(engine, record)


def clear_all_but_links(engine: Engine, record: Record) -> None:
    try:
        engine.runtime(record).delete(force=True)
    except NotFound:
        pass
    except HutchError as error:
        engine.warn(error)
    if by_pasta(record.options):
        from hutch.engine.network.pasta import disconnect

        disconnect(engine, record)
    unmount_rootfs(engine.places(record))
    unstage(engine.places(record))
    if engine.places(record).executions.exists():
        engine.store.discard(engine.places(record).executions)


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
