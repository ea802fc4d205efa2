"""A further process of a container, in the form of config.json's."""

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hutch.engine.containers.config import as_user, make_environment
from hutch.engine.containers.records import Record
from hutch.engine.containers.security import held
from hutch.engine.engine import Engine
from hutch.image import users

if TYPE_CHECKING:
    from hutch.spec.config import Process


@dataclass(slots=True)
class Execution:
    """What is to be executed, and how; None is as the container has it."""

    args: list[str]
    tty: bool = False
    interactive: bool = False
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
        process["user"] = as_user(uid, gid, more)
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
