"""Controls for tests of attacks: without the attack the program runs, and a refusal has the attack
as its reason."""

from pathlib import Path
from typing import Any

from tests.support.containers import Bundle, Result, Runtime


def reached(runtime: Runtime, bundle: Bundle, says: str = "reached\n", **options: Any) -> None:
    """The control of an attack: the same container without the attack runs its program.

    If ``says`` is given, it is the expected output of the bundle's program. Otherwise the program
    is replaced by one that prints "reached".
    """
    args = bundle.config["process"]["args"]
    if says == "reached\n":
        bundle.sh("echo reached")
    done = runtime("run", "-b", str(bundle.save().path), "control", **options)
    assert done.out == says
    bundle.args(*args)


def refused(runtime: Runtime, done: Result, reason: str) -> None:
    """Checks that the runtime refused the attack, and if the runtime is hutch, that the error has
    this reason. A failure for another reason would prove nothing."""
    assert done.code != 0
    assert "reached" not in done.out
    if Path(runtime.command).name == "hutch":
        assert reason in done.err
