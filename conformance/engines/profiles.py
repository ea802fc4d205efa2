"""Checks of AppArmor's profiles, where the kernel has them."""

import contextlib
import subprocess
from collections.abc import Iterator

from conformance.engines.checks import check, expect
from conformance.engines.engine import Engine
from conformance.engines.kernel import APPARMOR
from conformance.engines.lives import SLEEP, running
from conformance.engines.wish import Lacks, Wish, Wrong

NAME = "engines-check"
PROFILE = """
profile engines-check flags=(attach_disconnected,mediate_deleted) {
  file,
  capability,
  network,
  signal,
  ptrace,
  deny /etc/passwd r,
}
"""
CURRENT = "cat /proc/self/attr/current"


@contextlib.contextmanager
def loaded() -> Iterator[None]:
    """The profile, which denies a file. Raises Lacks without AppArmor."""
    if not APPARMOR.exists():
        raise Lacks("AppArmor on this host")
    words = ["apparmor_parser", "--skip-cache"]
    subprocess.run([*words, "--replace"], input=PROFILE, text=True, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([*words, "--remove"], input=PROFILE, text=True, check=True)


@check("security", "an AppArmor profile is in force, in exec too")
def _(engine: Engine) -> None:
    script = f"{CURRENT}; cat /etc/passwd 2>&1 | grep -o 'Permission denied'"
    with loaded(), running(engine, SLEEP.but(apparmor=NAME)) as name:
        seen = engine.exec(name, "sh", "-c", script).out
        expect(seen, f"{NAME} (enforce)\nPermission denied\n")
        expect(engine.exec(name, "cat", "/proc/1/attr/current").out, f"{NAME} (enforce)\n")


@check("security", "no AppArmor profile")
def _(engine: Engine) -> None:
    with loaded():
        expect(engine.run(Wish(shell=CURRENT, apparmor="unconfined")).out, "unconfined\n")


@check("security", "the engine's own AppArmor profile")
def _(engine: Engine) -> str:
    with loaded():
        return engine.run(Wish(shell=CURRENT)).out


@check("security", "an AppArmor profile that is not loaded")
def _(engine: Engine) -> None:
    with loaded():
        try:
            done = engine.run(Wish(shell="true", apparmor="engines-none"))
        except Wrong:
            return
        if done.code == 0:
            raise Wrong("it ran without its profile")
