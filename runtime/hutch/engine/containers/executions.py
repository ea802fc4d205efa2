"""Programs in a running container that conmon supervises: those in the background, and those at a
terminal that can be left. conmon keeps their exit code.

CONTAINER/execs/ID/       0700; most files are named as a container's own (places.py)
    execution.json        what is executed; later its pid and its exit code
    process.json          the same as the runtime gets it
    exits/CONTAINER       the exit code: conmon writes it; it goes once execution.json has the code
    lock                  locked while conmon lives

If conmon is killed, the program goes on; its exit code will not be known. Whoever looks at the
executions records their ends. The folder of one that has ended goes some minutes later, when the
next one begins, or with the end of the container's run.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hutch.engine.containers.conmon import Supervision, hutch_program, launch
from hutch.engine.containers.exec import ready_for
from hutch.engine.containers.finish import LOST
from hutch.engine.containers.places import Places, runtime_root
from hutch.engine.containers.process import Execution, process_of
from hutch.engine.containers.records import Record, now
from hutch.engine.containers.truth import birth, lives
from hutch.engine.engine import Engine

ENDED = ["container", "exec-ended"]
KEPT = 300.0  # seconds that the exit code can be asked for


class ExecutionPlaces(Places):
    """The files of an execution."""

    __slots__ = ()

    @property
    def exit_file(self) -> Path:
        return self.folder / "exits" / self.container

    @property
    def container(self) -> str:
        return self.folder.parents[1].name

    @property
    def document(self) -> Path:
        return self.folder / "execution.json"

    def write(self, state: "State") -> None:
        """Replaces the document."""
        new = self.folder / "execution.json.new"
        new.write_text(json.dumps([state.execution._asdict(), *state[2:]]), encoding="utf-8")
        os.replace(new, self.document)

    def read(self) -> "State | None":
        """What the document says; None if there is none, or it is damaged."""
        try:
            execution, *rest = json.loads(self.document.read_bytes())
            return State(self.id, Execution(**execution), *rest)
        except (OSError, ValueError, TypeError):
            return None


class State(NamedTuple):
    """What is known of an execution. ``exit_code`` is None until it has ended; ``pid`` 0 until its
    program has begun."""

    id: str
    execution: Execution
    pid: int = 0
    birth: str = ""
    exit_code: int | None = None
    finished: float = 0.0


class Supervised(NamedTuple):
    """An execution that this process has begun."""

    places: ExecutionPlaces
    pid: int
    answers: BinaryIO

    def exit_code(self) -> int | None:
        """Waits for its end; None if conmon was killed."""
        with self.answers as answers:
            try:
                return int(json.loads(answers.readline())["data"])
            except (ValueError, KeyError, TypeError):
                return None


def begin(
    engine: Engine,
    record: Record,
    execution: Execution,
    *,
    id: str = "",
    attach: Callable[[Places], object] | None = None,
) -> Supervised:
    """Has conmon execute a program. ``attach`` is called before the program begins; without it,
    the program has no input, and its output goes nowhere.

    Raises Conflict if the container does not run, ImageError for an unknown user, StartFailed.
    """
    record = ready_for(engine, record)
    process = json.dumps(process_of(engine, record, execution))
    id = id or os.urandom(32).hex()
    words = " ".join(execution.args)
    options = record.options
    with engine.locked(record.id):
        _forget_old(engine, record)
        places = ExecutionPlaces(engine.places(record).executions / id)
        places.exit_file.parent.mkdir(mode=0o700, parents=True)
        lock = os.open(places.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        state = State(id, execution)
        places.write(state)
        spec = places.folder / "process.json"
        spec.write_text(process, encoding="utf-8")
        engine.events.of(record, "exec_create: " + words, execID=id)
        supervision = Supervision(
            places,
            record.name,
            hutch_program(options.runtime),
            runtime_root(engine.store.root, options.runtime),
            terminal=execution.tty,
            stdin=execution.interactive,
            log_driver="none",
            attended=str(engine.attended(id).path),
            on_exit=[*engine.program, *ENDED, record.id, id],
            descriptors=(lock,),
            container=record.id,
            process=str(spec),
            attach=attach is not None,
        )
        pid, answers = launch(supervision, (lambda: attach(places)) if attach else None)
        places.write(state._replace(pid=pid, birth=birth(pid)))
        engine.events.of(record, "exec_start: " + words, execID=id)
    except BaseException:
        engine.store.discard(places.folder)
        raise
    finally:
        os.close(lock)
    return Supervised(places, pid, answers)


def record_end(engine: Engine, record: Record, id: str) -> None:
    """Records how an execution ended, if it has and nobody else did."""
    with engine.locked(record.id):
        _look(engine, record, ExecutionPlaces(engine.places(record).executions / id))


def executions(engine: Engine, record: Record) -> list[State]:
    """Those of a container that run, and those that have ended not long ago."""
    folder = engine.places(record).executions
    if not folder.exists():
        return []
    with engine.locked(record.id):
        there = sorted(folder.iterdir()) if folder.exists() else []  # the run may just have ended
        found = [_look(engine, record, ExecutionPlaces(one)) for one in there]
    return [state for state in found if state is not None]


def running(engine: Engine, record: Record) -> list[str]:
    """The ids of those that run."""
    return [state.id for state in executions(engine, record) if state.exit_code is None]


def find(engine: Engine, id: str) -> tuple[Record, State] | None:
    """The execution with this id, and its container."""
    for record in engine.records.all():
        if (engine.places(record).executions / id).exists():
            for state in executions(engine, record):
                if state.id == id:
                    return record, state
    return None


def _look(engine: Engine, record: Record, places: ExecutionPlaces) -> State | None:
    """An execution as it is; its end is recorded. None if there is none. The caller holds the
    container's lock."""
    state = places.read()
    if state is None or state.exit_code is not None:
        return state
    code = places.exit_code()
    if code is None:
        if not state.pid and not _supervised(places):
            state = _adopted(record, places, state)
        if _supervised(places) or lives(state.pid, state.birth):
            return state
        code = places.exit_code()  # written just before conmon ended
    state = state._replace(exit_code=LOST if code is None else code, finished=now())
    places.write(state)
    engine.events.of(record, "exec_die", execID=state.id, exitCode=str(state.exit_code))
    places.exit_file.unlink(missing_ok=True)  # so conmon's call-back knows that all is done
    return state


def _adopted(record: Record, places: ExecutionPlaces, state: State) -> State:
    """An execution with the pid that conmon wrote. A warren that was killed has not recorded it;
    conmon, which cannot answer it, gives up the lock, but its program goes on."""
    pid = places.pid_in("pid")
    try:
        spaces = [os.stat(f"/proc/{one}/ns/pid").st_ino for one in (pid, record.pid)]
    except OSError:
        return state
    if not pid or spaces[0] != spaces[1]:  # another process has the number now
        return state
    state = state._replace(pid=pid, birth=birth(pid))
    places.write(state)
    return state


def _supervised(places: ExecutionPlaces) -> bool:
    """Whether conmon, or who starts it, lives."""
    try:
        lock = os.open(places.folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _forget_old(engine: Engine, record: Record) -> None:
    """Removes those that ended long ago, and what a killed warren has left of one."""
    folder = engine.places(record).executions
    for one in list(folder.iterdir()) if folder.exists() else []:
        places = ExecutionPlaces(one)
        state = _look(engine, record, places)
        if state is None:
            gone = not _supervised(places)
        else:
            gone = state.exit_code is not None and time.time() - state.finished > KEPT
        if gone:
            engine.store.discard(one)
