"""warren is killed at a step of a verb, at one after another: the next command finds the container
as it was, or as it is to be, and nothing is left of it. (A folder may be left that has no row yet;
``system check`` removes it.)

strace(1) kills it where one of its threads makes a system call for the Nth time; the call is made
or not. The programs that it starts are left alone (-b execve).
"""

import contextlib
import subprocess
from collections.abc import Callable, Iterable

import pytest

from tests.support.engines import Engine, eventually
from tests.support.networks import NetworkEngine
from tests.support.registries import WARREN

pytestmark = pytest.mark.root
STATES = ("", "created", "running", "exited")


def killed(engine: Engine, call: str, number: int, *words: object) -> bool:
    """Whether the command was killed; it has ended before if not."""
    inject = f"inject={call}:signal=KILL:when={number}"
    command = engine.command(*words)
    begin = command.index(WARREN)  # behind nsenter, if it has a network namespace
    done = subprocess.run(
        [*command[:begin], "strace", "-qq", "-f", "-b", "execve", "-o", "/dev/null",
         "-e", f"trace={call},execve", "-e", inject, *command[begin:]],
        env=engine.variables(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert done.returncode in (-9, 137, 0), done.stderr
    return done.returncode != 0


def at_each(
    engine: Engine, steps: dict[str, Iterable[int]], words: Iterable[object],
    before: Callable[[], object], left: Callable[[], list[str]],
) -> int:  # fmt: skip
    """Kills a command at these steps: {a system call: its numbers}. How often it was killed."""
    times = 0
    for call, numbers in steps.items():
        for number in numbers:
            before()
            was_killed = killed(engine, call, number, *words)
            assert engine.status("one") in STATES, (call, number)
            engine.ok("rm", "-f", "one")
            if "run" in words:  # a folder without a row
                engine.run("system", "check", "--repair")
            with contextlib.suppress(AssertionError):
                eventually(lambda: not left(), 10)
            assert left() == [], (call, number, words)
            if not was_killed:
                break
            times += 1
    return times


def test_the_life_of_a_container(engine: Engine) -> None:
    run = ["run", "-d", *engine.create("--name", "one", engine.image, "sleep", "1000")]

    steps = {"pwrite64": range(1, 99, 18), "mkdir": range(3, 40, 12), "mount": range(1, 3),
             "vfork": range(1, 3), "unlink": range(1, 20, 9)}  # fmt: skip
    assert at_each(engine, steps, run, lambda: None, engine.traces) > 8

    def running() -> None:
        engine.ok(*run)

    steps = {"pwrite64": range(1, 99, 30), "umount2": range(1, 2)}
    assert at_each(engine, steps, ["stop", "-t", "0", "one"], running, engine.traces) > 2
    steps = {"pwrite64": range(5, 99, 30), "umount2": range(1, 2), "rename": range(1, 2)}
    assert at_each(engine, steps, ["rm", "-f", "one"], running, engine.traces) > 2
    assert "all is well" in engine.ok("system", "check")


def test_the_network_of_a_container(network: NetworkEngine) -> None:
    words = ("--name", "one", "-p", "8080:80", network.image, "sleep", "1000")
    run = ["run", "-d", *network.create(*words)]

    steps = {"sendto": range(3, 60, 4), "setns": range(2, 9), "unshare": range(1, 2),
             "vfork": range(1, 3)}  # fmt: skip
    assert at_each(network, steps, run, lambda: None, network.remains) > 10

    def running() -> None:
        network.ok(*run)

    steps = {"sendto": range(1, 3), "umount2": range(1, 2), "vfork": range(1, 2)}
    assert at_each(network, steps, ["rm", "-f", "one"], running, network.remains) > 2
    assert "all is well" in network.ok("system", "check")
