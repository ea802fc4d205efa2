"""A further process of a container, in the form of config.json's."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from hutch.engine.containers.config import as_user, make_environment
from hutch.engine.containers.records import Record
from hutch.engine.containers.security import held
from hutch.engine.engine import Engine
from hutch.image import users
from hutch.spec.json import decode

if TYPE_CHECKING:
    from hutch.spec.config import Process


class Execution(NamedTuple):
    """What is to be executed, and how; None is as the container has it."""

    args: list[str]
    tty: bool = False
    interactive: bool = False
    privileged: bool = False
    env: Sequence[str] = ()
    user: str | None = None
    workdir: str | None = None


def process_of(engine: Engine, record: Record, execution: Execution) -> "Process":
    """The process, in the form of config.json's. Raises ImageError for an unknown user."""
    place = engine.places(record).config
    config = cast("dict[str, Process]", decode(place.read_bytes(), str(place)))
    process = config["process"]
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
