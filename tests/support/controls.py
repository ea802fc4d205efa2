"""What every test of an attack needs beside it: that without the attack its program is reached, and
that what was refused was refused for the attack.
"""

from pathlib import Path
from typing import Any

from tests.support.containers import Bundle, Result, Runtime


def reached(runtime: Runtime, bundle: Bundle, says: str = "reached\n", **options: Any) -> None:
    """The control of an attack: the same container without it runs, and its program is reached.

    With the program that the bundle has where ``says`` is given, else with one that only says so.
    """
    args = bundle.config["process"]["args"]
    if says == "reached\n":
        bundle.sh("echo reached")
    done = runtime("run", "-b", str(bundle.save().path), "control", **options)
    assert done.out == says
    bundle.args(*args)


def refused(runtime: Runtime, done: Result, reason: str) -> None:
    """The attack came to nothing because the runtime saw it, and said so: in our words if it is
    ours. That it failed for another reason proves nothing."""
    assert done.code != 0
    assert "reached" not in done.out
    if Path(runtime.command).name == "hutch":
        assert reason in done.err
