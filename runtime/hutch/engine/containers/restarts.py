"""The process that a restart policy starts: it waits, and then starts the container again."""

import os
import time

from hutch.engine.containers import records as phases
from hutch.engine.containers.finish import delay, later, restarts
from hutch.engine.containers.left_behind import named
from hutch.engine.containers.records import Record
from hutch.engine.containers.start import start_locked
from hutch.engine.engine import Engine
from hutch.errors import HutchError


def restart_later(engine: Engine, id: str, runs: int) -> None:
    """Waits, and starts the container again, unless somebody has done anything to it meanwhile."""

    def waiting() -> Record | None:
        record = engine.records.get(id)
        if record is None or record.runs != runs or record.stopping:
            return None
        return record if record.phase == phases.RESTARTING else None

    with engine.locked(id):  # whoever left us behind has written our pid by then
        record = waiting()
    if record is None:
        return
    seconds = delay(record)
    named("warren-restart", f"warren: restarts {record.name} {id[:12]} in {seconds:g} s")
    time.sleep(seconds)
    with engine.locked(id):
        current = waiting()
        if current is None or current.conmon != os.getpid():
            return
        current.restarts = record.restarts + 1
        current.phase = phases.EXITED
        try:
            start_locked(engine, current)
        except HutchError as error:
            engine.warn(error)
            failed = engine.records.get(id)
            if failed is not None and failed.phase == phases.EXITED and restarts(failed):
                later(engine, failed)
