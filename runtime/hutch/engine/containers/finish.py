"""The end of a run. conmon's call-back executes this code, and so does every command that finds an
ended container.

    a program ends -> conmon writes the exit file -> conmon runs "warren container cleanup ID",
    unless a warren that waits for this end is there (Engine.attending)

Every process may do each step, and may do it again; it holds the container's lock. So the next
command repairs what a kill -9 of conmon, warren or the call-back left undone.
"""

import signal

from hutch.engine.containers import records as phases
from hutch.engine.containers.clear import clear, take_away
from hutch.engine.containers.ending import attributes, find_out
from hutch.engine.containers.options import by_pasta, probed
from hutch.engine.containers.records import Record, now
from hutch.engine.containers.truth import Death, before_this_boot, lives, wait_until
from hutch.engine.engine import Engine
from hutch.engine.rootless import let_go, rootless

# An ordinary user's containers need their namespaces in these phases.
LIVING = (phases.STARTING, phases.RUNNING, phases.RESTARTING)
LOST = 255  # the exit code of a container whose supervisor was killed
BACKOFF = 0.1  # seconds before the first restart; doubled each time
LONGEST = 60.0
STEADY = 10.0  # a run of so many seconds starts the count anew
WITNESS = 5.0  # seconds that conmon has to write the exit code of a process that is gone


def refresh(engine: Engine, record: Record) -> Record:
    """The container as the kernel shows it. Changes its row only if the row is out of date."""
    if settled(record):
        if record.phase == phases.RUNNING:
            accompany(engine, record)
        return record
    lock = engine.store.lock("container-" + record.id)
    if not lock.acquire(wait=False):
        return record  # somebody is at it
    try:
        found = finish(engine, record.id)
    finally:
        lock.release()
    if found is None:
        record.phase = phases.REMOVING  # it is gone
    return found or record


def refresh_all(engine: Engine) -> None:
    """Updates the rows of all containers: one that was killed is in no network any more."""
    for record in engine.records.all():
        refresh(engine, record)


def accompany(engine: Engine, record: Record) -> None:
    """Starts those of a running container's companions again that were killed, and thaws it if
    the process that froze it was killed."""
    if engine.places(record).frozen.exists():
        from hutch.engine.containers.thaw import thaw_abandoned

        thaw_abandoned(engine, record)
    if probed(record.options):
        from hutch.engine.containers import health

        health.watch(engine, record)
    if by_pasta(record.options):
        from hutch.engine.network import pasta

        pasta.watch(engine, record)
    if record.options.log_files > 1:
        from hutch.engine.containers import log_files

        log_files.watch(engine.places(record), record)


def settled(record: Record) -> bool:
    """Whether the row can be true as it stands."""
    if record.phase == phases.RUNNING:
        return lives(record.pid, record.birth)
    if record.phase == phases.RESTARTING:
        return lives(record.conmon, record.conmon_birth)
    return record.phase in (phases.CREATED, phases.EXITED, phases.DEAD)


def finish(engine: Engine, id: str) -> Record | None:
    """Corrects a row that is out of date; the caller holds the container's lock.

    It records the end of a run and cleans up. It undoes a start that was killed, and completes a
    removal that was killed. Returns None if the container does not exist any more.
    """
    record = engine.records.get(id)
    if record is None or settled(record):
        return record
    if record.phase == phases.REMOVING:
        take_away(engine, record)
        return None
    if record.phase == phases.RESTARTING:
        record.phase = phases.EXITED
        engine.records.save(record, "phase")
        return record
    rebooted = before_this_boot(record.birth)
    ended(engine, record)
    gone = record.options.auto_remove
    if gone:
        take_away(engine, record)
    elif restarts(record) and not rebooted:  # after a boot "warren system boot" starts it
        later(engine, record)
    if record.options.pod and not record.options.infra:
        leave_pod(engine, record.options.pod)
    idle(engine)
    return None if gone else record


def leave_pod(engine: Engine, pod: str) -> None:
    """Ends the infra container of a pod if the last of the others has ended and the exit policy
    wants it. While a verb is at the pod (Pods.locked) nothing happens: it does this itself."""
    from hutch.engine.pods.infra import unneeded

    lock = engine.store.lock("pod-" + pod)
    if not lock.acquire(wait=False):
        return
    try:
        infra = unneeded(engine, pod)
        if infra is None or infra.phase != phases.RUNNING:
            return
        with engine.attending(infra.id):
            death = Death(infra.pid, infra.birth)
            death.signal(signal.SIGTERM)
            death.wait(WITNESS)
            death.close()
            with engine.locked(infra.id):
                finish(engine, infra.id)
    finally:
        lock.release()


def idle(engine: Engine) -> None:
    """Lets go of an ordinary user's namespaces, if no container needs them."""
    if rootless() and not any(one.phase in LIVING for one in engine.records.all()):
        let_go(engine.store.root)


def ended(engine: Engine, record: Record) -> None:
    """Records the end of a run, and removes what it left in the kernel."""
    places = engine.places(record)
    if record.phase == phases.STARTING:
        record.error = record.error or "its start was cut short"
        record.exit_code = 128
    else:
        wait_until(
            lambda: places.exit_code() is not None or not lives(record.conmon, record.conmon_birth),
            WITNESS,
        )
        code = places.exit_code()
        record.exit_code = LOST if code is None else code
        if code is None:
            record.error = (
                "the machine was shut down, or crashed, while it ran"
                if before_this_boot(record.birth)
                else "its supervisor (conmon) was killed: how it ended is not known"
            )
        record.oom = (places.folder / "oom").exists()
        if code is not None:
            find_out(engine, record, code)
    clear(engine, record)
    record.phase = phases.EXITED
    record.paused = False
    record.pid, record.birth = 0, ""
    try:
        record.finished = places.exit_file.stat().st_mtime
    except OSError:
        record.finished = now()
    with engine.store.database.transaction():
        engine.records.save(record)
        if record.oom:
            engine.events.of(record, "oom")
        engine.events.of(record, "die", exitCode=str(record.exit_code), **attributes(record))
    places.exit_file.unlink(missing_ok=True)  # so conmon's call-back knows that all is done


def restarts(record: Record) -> bool:
    """Whether the restart policy wants the ended container to run again."""
    options = record.options
    if record.stopping or options.restart == "no":
        return False
    if options.restart == "on-failure":
        within = not options.restart_limit or record.restarts < options.restart_limit
        return record.exit_code != 0 and within
    return True


def delay(record: Record) -> float:
    """Seconds to wait before the next start."""
    if record.finished - record.started >= STEADY:
        record.restarts = 0
    return min(BACKOFF * 2.0 ** min(record.restarts, 16), LONGEST)


def later(engine: Engine, record: Record) -> None:
    """Starts a process that waits for the back-off time and then starts the container again."""
    import subprocess

    from hutch.engine.containers.truth import birth

    process = subprocess.Popen(
        [*engine.program, "container", "restart-later", record.id, str(record.runs)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    process.returncode = 0  # it is not ours to wait for
    record.phase = phases.RESTARTING
    record.conmon, record.conmon_birth = process.pid, birth(process.pid)
    engine.records.save(record)
