"""Another program in a running container."""

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hutch.engine.containers.config import make_environment
from hutch.engine.containers.conmon import hutch_program
from hutch.engine.containers.places import runtime_root
from hutch.engine.containers.records import Record
from hutch.engine.containers.security import held
from hutch.engine.containers.stop import require_running
from hutch.engine.engine import Engine
from hutch.engine.errors import Conflict
from hutch.image import users

if TYPE_CHECKING:
    from hutch.spec.config import Process


@dataclass(slots=True)
class Execution:
    """What is to be executed, and how; None is as the container has it."""

    args: list[str]
    tty: bool = False
    interactive: bool = False
    detach: bool = False
    privileged: bool = False
    env: list[str] = field(default_factory=list)
    user: str | None = None
    workdir: str | None = None


def process_of(engine: Engine, record: Record, execution: Execution) -> "Process":
    """The process, in the form of config.json's. Raises ImageError for an unknown user."""
    config = json.loads(engine.places(record).config.read_text())
    process: Process = config["process"]
    process["args"] = execution.args
    process["terminal"] = execution.tty
    process["env"] = make_environment(process["env"], execution.env, execution.tty)
    if execution.workdir is not None:
        process["cwd"] = execution.workdir
    if execution.user is not None:
        root = os.open(f"/proc/{record.pid}/root", os.O_PATH | os.O_DIRECTORY)
        try:
            uid, gid, more = users.resolve(root, execution.user)
        finally:
            os.close(root)
        process["user"] = {"uid": uid, "gid": gid, "additionalGids": more}
    uid = process["user"]["uid"]
    capabilities = process["capabilities"]
    if execution.privileged:
        capabilities = {"bounding": held()}
        process["noNewPrivileges"] = False
        process.pop("apparmorProfile", None)
    process["capabilities"] = {"bounding": capabilities["bounding"]}
    if uid == 0:
        process["capabilities"]["effective"] = capabilities["bounding"]
        process["capabilities"]["permitted"] = capabilities["bounding"]
    return process


def command(engine: Engine, record: Record, execution: Execution) -> tuple[list[str], int]:
    """The command line of hutch that executes it in a running container, and the descriptor that
    it reads the process from. Raises Conflict if the container does not run, or is paused."""
    record = require_running(engine, record)
    if record.paused:
        raise Conflict(
            f"container {record.name} is paused, unpause it first", id=record.id, status="paused"
        )
    text = json.dumps(process_of(engine, record, execution)).encode()
    described = os.memfd_create("process", 0)
    os.write(described, text)
    os.lseek(described, 0, os.SEEK_SET)
    words = [
        hutch_program(record.options.runtime), "--root", runtime_root(), "exec",
        "--process", f"/dev/fd/{described}",
    ]  # fmt: skip
    if execution.detach:
        words.append("--detach")
    engine.events.of(record, "exec_create: " + " ".join(execution.args))
    return [*words, record.id], described
