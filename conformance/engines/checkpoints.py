"""Checks of checkpoint and restore, where CRIU works."""

import functools
import subprocess

from conformance.engines.checks import check
from conformance.engines.engine import Engine, until
from conformance.engines.lives import running
from conformance.engines.wish import Lacks, Wish, Wrong

# The number is only in the shell's memory: a program that begins anew begins with 1.
COUNTS = Wish(shell="n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; sleep 0.1; done")


@functools.cache
def criu_works() -> bool:
    """Whether this kernel has what CRIU needs."""
    try:
        return subprocess.run(["criu", "check"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def counted(engine: Engine, name: str) -> int:
    said = engine.exec(name, "cat", "/tmp/n").out.strip()
    return int(said) if said.isdigit() else 0


def beyond(engine: Engine, name: str, number: int) -> int:
    """Waits until it has counted on; the number then."""
    until(lambda: counted(engine, name) > number, f"it counts beyond {number}")
    return counted(engine, name)


@check("checkpoint", "a container goes on where it was")
def _(engine: Engine) -> None:
    if not criu_works():
        raise Lacks("CRIU on this host")
    with running(engine, COUNTS) as name:
        before = beyond(engine, name, 5)
        engine.checkpoint(name, leave=False)
        until(lambda: engine.state(name) in ("exited", "gone"), "its end")
        engine.restore(name)
        until(lambda: engine.state(name) == "running", "it runs again")
        after = counted(engine, name)
        if after < before:
            raise Wrong(f"it had counted to {before}, and is at {after}")
        beyond(engine, name, after)


@check("checkpoint", "a container goes on beside its checkpoint")
def _(engine: Engine) -> None:
    if not criu_works():
        raise Lacks("CRIU on this host")
    with running(engine, COUNTS) as name:
        before = beyond(engine, name, 5)
        engine.checkpoint(name, leave=True)
        beyond(engine, name, before)
