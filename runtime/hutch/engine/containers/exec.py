"""Another program in a running container."""

import os

from hutch.engine.containers.conmon import hutch_program
from hutch.engine.containers.places import runtime_root
from hutch.engine.containers.process import Execution, process_of
from hutch.engine.containers.records import Record
from hutch.engine.containers.stop import require_running
from hutch.engine.engine import Engine
from hutch.engine.errors import Conflict
from hutch.spec.json import encode


def command(engine: Engine, record: Record, execution: Execution) -> tuple[list[str], int]:
    """The command line of hutch that executes it in a running container, and the descriptor that
    it reads the process from. Raises Conflict if the container does not run, or is paused."""
    record = ready_for(engine, record)
    text = encode(process_of(engine, record, execution)).encode()
    described = os.memfd_create("process", 0)
    os.write(described, text)
    os.lseek(described, 0, os.SEEK_SET)
    runtime = record.options.runtime
    words = [
        hutch_program(runtime), "--root", runtime_root(engine.store.root, runtime), "exec",
        "--process", f"/dev/fd/{described}",
    ]  # fmt: skip
    if not runtime:
        words.append("--shell-status")
    engine.events.of(record, "exec_create: " + " ".join(execution.args))
    return [*words, record.id], described


def ready_for(engine: Engine, record: Record) -> Record:
    """A container that a program can be executed in. Raises Conflict."""
    record = require_running(engine, record)
    if record.paused:
        raise Conflict(
            f"container {record.name} is paused, unpause it first", id=record.id, status="paused"
        )
    return record
