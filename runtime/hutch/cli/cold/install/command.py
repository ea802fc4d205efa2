"""``hutch install-runtime``: prints or makes the change of an engine's configuration."""

import os
import re
import shutil
import stat
import sys

from hutch.cli.arguments import Call
from hutch.cli.cold.install.change import (
    Change,
    diff,
    forget,
    install,
    parsed,
    read,
    remove,
    write,
)
from hutch.cli.cold.install.engines import (
    ENGINES,
    Engine,
    Wanted,
    default_path,
    runtime_class,
)
from hutch.cli.log import Log, say
from hutch.errors import HutchError, UsageError

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")  # also a name of Kubernetes' objects
KUBERNETES = "kubernetes"


def run(call: Call, log: Log) -> int:
    """The verb. Raises UsageError, ConfigError, KernelError, HutchError."""
    name = call.text("name", "hutch")
    if not NAME.fullmatch(name):
        raise UsageError(
            "--name takes lower-case letters, digits, dots and hyphens, not " + repr(name)
        )
    if call.has("remove") and (call.has("default") or call.has("check") or call.text("program")):
        raise UsageError("--remove takes only --write, --config and --name besides")
    asked = call.arguments[0]
    if asked == KUBERNETES:
        return _kubernetes(call, name)
    engine = ENGINES.get(asked)
    if engine is None:
        known = ", ".join([*ENGINES, KUBERNETES])
        raise UsageError(f"no engine {asked!r}", hint=f"one of: {known}")
    path = call.text("config") or default_path(engine)
    if not path:
        raise UsageError(f"{engine.title} needs root", hint="--config FILE names a file")
    path = os.path.abspath(path)
    if call.has("remove"):
        _remove(call, engine, path, name)
        return 0
    wanted = Wanted(name, _program(call, log), call.has("default"))
    if call.has("check") and not call.has("write"):
        _check(asked, engine, path, wanted)
        return 0
    change = install(engine, path, wanted)
    if not call.has("write"):
        say(diff(change))
        return 0
    if change.before == change.after:
        say(f"{path}: has the runtime {name} already\n")
    else:
        write(change, name)
        say(f"{path}: the runtime {name} is {wanted.program}\n")
        _say_when(engine, engine.reload)
    if call.has("check"):
        _check(asked, engine, path, wanted)
    return 0


def _remove(call: Call, engine: Engine, path: str, name: str) -> None:
    change = remove(engine, path, name)
    if not call.has("write"):
        say(diff(change))
        return
    if change.before == change.after:
        say(f"{path}: has no runtime {name}\n")
        return
    write(change, name)
    forget(path, name)
    say(f"{path}: the runtime {name} is removed\n")
    _say_when(engine, engine.forget)


def _say_when(engine: Engine, after: str) -> None:
    if after:
        say(f"{engine.title} follows after: {after}\n")


def _check(asked: str, engine: Engine, path: str, wanted: Wanted) -> None:
    from hutch.cli.cold.install.check import check

    now = read(path)
    found = engine.found(parsed(engine, path, now), wanted.name)
    if found is None:
        raise HutchError(f"{path} has no runtime {wanted.name}", hint="--write adds it")
    say(f"a container has run: {check(asked, found, path)}\n")


def _kubernetes(call: Call, name: str) -> int:
    """A cluster has no file that could be changed, so the RuntimeClass is printed or written to a
    file of its own."""
    if call.has("default") or call.has("check") or call.text("program"):
        raise UsageError("kubernetes takes only --write, --remove, --config and --name")
    text = runtime_class(name)
    path = call.text("config")
    if call.has("write") and not path:
        verb = "delete" if call.has("remove") else "apply"
        raise UsageError(
            "a RuntimeClass is in the cluster, not in a file of this machine",
            hint=f"hutch install-runtime kubernetes | kubectl {verb} -f -, or --config FILE",
        )
    if not path:
        say(text)
        return 0
    path = os.path.abspath(path)
    now = read(path)
    if now is not None and now != text.encode():
        raise HutchError(f"{path} is not the RuntimeClass {name}", hint="take another file")
    change = Change(path, now, None if call.has("remove") else text.encode())
    if not call.has("write"):
        say(diff(change))
    elif change.before != change.after:
        write(change, name)
        say(f"{path}: {'removed' if call.has('remove') else 'written'}\n")
    return 0


def _program(call: Call, log: Log) -> str:
    """The absolute path of the runtime's program: that of --program, or of this command. Warns if
    others may change it. Raises UsageError."""
    given = call.text("program")
    path = given or shutil.which(sys.argv[0]) or ""
    if not path:
        raise UsageError("the path of this program is not known", hint="--program FILE")
    path = os.path.abspath(path)
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise UsageError(f"{path} is not a program that can be executed")
    if weak := _changeable(path):
        log.warning(HutchError(f"others than root can change {weak}, which engines run as root"))
    return path


def _changeable(path: str) -> str:
    """The first part of a path that others than root and this user can replace; "" if none."""
    place = os.path.realpath(path)
    while True:
        found = os.stat(place)
        owned = found.st_uid in (0, os.geteuid())
        sticky = found.st_mode & stat.S_ISVTX
        if not owned or (found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky):
            return place
        if place == "/":
            return ""
        place = os.path.dirname(place)
