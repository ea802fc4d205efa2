"""Stops, freezes and waits for containers."""

import _signal as signal

from hutch.engine.containers import records as phases
from hutch.engine.containers.config import stop_signal
from hutch.engine.containers.finish import finish, refresh
from hutch.engine.containers.options import probed
from hutch.engine.containers.places import Places
from hutch.engine.containers.records import Record
from hutch.engine.containers.truth import Death
from hutch.engine.engine import Engine
from hutch.engine.errors import Conflict
from hutch.errors import HutchError
from hutch.spec.signal_names import signal_name, signal_number

DYING = 10  # seconds that a process has to end after SIGKILL
# Who has sent a signal: container.ending.SENT has what is said of each.
STOP, STOP_LATE, KILL, RUN = "stop", "stop timeout", "kill", "warren run"


def stop(engine: Engine, record: Record, seconds: float | None = None, sig: str = "") -> bool:
    """Sends the container its stop signal and, where that does not end it in ``seconds`` (None:
    its own time-out; negative: for ever), SIGKILL. False if it did not run."""
    refresh(engine, record)
    # Not before whoever starts it, or records its end, is done: they write the whole row.
    with engine.locked(record.id):
        current = finish(engine, record.id)
        if current is not None and current.phase == phases.RESTARTING:
            _give_up_restart(engine, current)
            return True
        if current is None or current.phase != phases.RUNNING:
            return False
        record = current
        record.stopping = True
        engine.records.save(record, "stopping")
    options = record.options
    number = signal_number(sig or stop_signal(options, engine.image_config(record).checked()))
    limit = float(options.stop_timeout) if seconds is None else seconds
    _end(engine, record, number, limit)
    engine.events.of(record, "stop")
    return True


def terminate(engine: Engine, record: Record, seconds: float) -> None:
    """Ends a container as ``stop`` does, but not for good: its restart policy holds."""
    record = refresh(engine, record)
    if record.phase == phases.RUNNING:
        image = engine.image_config(record).checked()
        _end(engine, record, signal_number(stop_signal(record.options, image)), seconds)


def _end(engine: Engine, record: Record, number: int, limit: float) -> None:
    """Sends the signal, waits (negative: for ever), sends SIGKILL, records the end."""
    with engine.attending(record.id):
        death = Death(record.pid, record.birth)
        try:
            if record.paused:
                engine.runtime(record).resume()
            send(engine, record, death, number, STOP)
            engine.events.of(record, "kill", signal=str(number))
            if not death.wait(None if limit < 0 else limit):
                send(engine, record, death, signal.SIGKILL, STOP_LATE)
                engine.events.of(record, "kill", signal="9")
                if not death.wait(DYING):
                    raise HutchError(
                        f"process {record.pid} of container {record.name} does not end after "
                        "SIGKILL",
                        hint=f"it sleeps in the kernel: see /proc/{record.pid}/stack",
                    )
            witness(engine, record, death)
        finally:
            death.close()
        conclude(engine, record)


def witness(engine: Engine, record: Record, death: Death) -> None:
    """Keeps how the process has ended, if it has, for the record of its end."""
    status = death.status()
    if status is not None:
        engine.statuses[record.id] = status


def send(engine: Engine, record: Record, death: Death, number: int, verb: str) -> None:
    """Sends a signal. It is written down first, for who asks how the container ended."""
    record.sent = f"{number} {verb}"
    engine.records.save(record, "sent")
    death.signal(number)


def give_up_restart(engine: Engine, record: Record) -> None:
    """Ends the process that waits to start a container again, and records that it has ended."""
    with engine.locked(record.id):
        current = engine.records.get(record.id)
        if current is not None and current.phase == phases.RESTARTING:
            _give_up_restart(engine, current)


def _give_up_restart(engine: Engine, record: Record) -> None:
    record.stopping = True
    record.phase = phases.EXITED
    engine.records.save(record, "stopping", "phase")
    waiting = Death(record.conmon, record.conmon_birth)
    waiting.signal(signal.SIGKILL)
    waiting.close()


def conclude(engine: Engine, record: Record) -> None:
    """Records the end of a container whose first process is gone."""
    with engine.locked(record.id):
        finish(engine, record.id)


def kill(engine: Engine, record: Record, sig: str = "KILL") -> None:
    """Sends a signal to the first process. Raises Conflict if it does not run."""
    number = signal_number(sig)
    record = require_running(engine, record, f"cannot kill container: {record.name}: ")
    if record.paused and number == signal.SIGKILL:
        engine.runtime(record).resume()
    if number in (signal.SIGKILL, signal.SIGTERM) or signal_name(number) == "SIGINT":
        record.stopping = True
        engine.records.save(record, "stopping")
    death = Death(record.pid, record.birth)
    send(engine, record, death, number, KILL)
    engine.events.of(record, "kill", signal=str(number))
    if number == signal.SIGKILL:
        death.wait(DYING)
        witness(engine, record, death)
        conclude(engine, record)
    death.close()


def hold(places: Places, paused: bool) -> None:
    """Tells the container's health monitors that nothing is to be checked, or that it may be."""
    from hutch.engine.containers.health import FOLDERS

    for inner in FOLDERS.values():
        folder = places.folder / inner
        if paused and folder.is_dir():
            (folder / "paused").touch()
        else:
            (folder / "paused").unlink(missing_ok=True)


def require_running(engine: Engine, record: Record, what: str = "") -> Record:
    """The container as it is. Raises Conflict if it does not run."""
    record = refresh(engine, record)
    if record.phase != phases.RUNNING:
        raise Conflict(
            f"{what}container {record.name} is not running", id=record.id, status=record.phase,
            hint=f"warren start {record.name}",
        )  # fmt: skip
    return record


def pause(engine: Engine, record: Record) -> None:
    """Freezes all its processes. Raises Conflict."""
    record = require_running(engine, record)
    if record.paused:
        raise Conflict(f"container {record.name} is already paused", id=record.id)
    if probed(record.options):
        hold(engine.places(record), True)
    engine.runtime(record).pause()
    record.paused = True
    engine.records.save(record, "paused")
    engine.events.of(record, "pause")


def unpause(engine: Engine, record: Record) -> None:
    """Thaws all its processes. Raises Conflict if it is not paused."""
    record = require_running(engine, record)
    if not record.paused:
        raise Conflict(f"container {record.name} is not paused", id=record.id)
    engine.runtime(record).resume()
    if probed(record.options):
        hold(engine.places(record), False)
    record.paused = False
    engine.records.save(record, "paused")
    engine.events.of(record, "unpause")


def wait(engine: Engine, record: Record) -> int:
    """Waits until the container does not run; its exit code."""
    since = engine.events.last()
    while True:
        current = engine.records.get(record.id)
        if current is None:
            break
        current = refresh(engine, current)
        if current.phase in (phases.EXITED, phases.CREATED, phases.DEAD):
            return current.exit_code
        pid, born = current.pid, current.birth
        if current.phase == phases.RESTARTING:
            pid, born = current.conmon, current.conmon_birth
        death = Death(pid, born)
        death.wait(1.0 if current.phase != phases.RUNNING else None)
        if current.phase == phases.RUNNING:
            witness(engine, current, death)
        death.close()
        with engine.locked(current.id):
            finish(engine, current.id)
        code = engine.events.exit_code(record.id, since)
        if code is not None and current.phase == phases.RUNNING:
            return code
    code = engine.events.exit_code(record.id, 0)
    return 0 if code is None else code


def top(engine: Engine, record: Record, arguments: list[str]) -> str:
    """The processes of a container, as ps(1) shows them with these arguments."""
    from hutch.container.cold.tools import process_table

    require_running(engine, record)
    pids = engine.runtime(record).processes()
    return process_table(pids, arguments or ["-ef"])
