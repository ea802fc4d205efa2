"""What a check may ask of an engine. Each engine does it with its own command or protocol."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from conformance.engines.terminal import Terminal
from conformance.engines.wish import Done, Lacks, Limits, Place, Wish, Wrong

PATIENCE = 180


class Console(Protocol):
    """A terminal at a container's process: the client's at a pty, or a stream of a protocol."""

    def send(self, text: str) -> None: ...
    def expect(self, text: str, seconds: float = 20) -> str: ...
    def end(self) -> int: ...


class Engine(ABC):
    """An engine that runs, with one of its runtimes chosen. A method that an engine does not have
    raises Lacks."""

    name = ""
    chapters: tuple[str, ...] = ()  # of the checks that are about it, if not all
    programs: tuple[str, ...] = ()  # that are in no package of Debian's
    suffix = ""  # of the name of its results, if they have a page of their own
    # Exit codes of a container whose program is not there, may not be executed, or whose working
    # folder, user and so on are impossible; None: the engine reports an error, without a code.
    absent: int | None = 127
    forbidden: int | None = 126

    def __init__(self, place: Place) -> None:
        self.place = place
        self.runtime = ""
        self.prefix = "c"  # of the names of its containers, and
        self.count = 0  # their number
        self.environment = {**os.environ, "HOME": str(place.folder), "TMPDIR": str(place.folder)}
        self.environment.pop("DOCKER_CONFIG", None)

    @abstractmethod
    def __enter__(self) -> "Engine":
        """Starts the engine."""

    def __exit__(self, *_: object) -> None:  # noqa: B027 some have no daemon
        """Stops the engine."""

    def use(self, runtime: str) -> None:
        """Chooses a runtime of the place's commands for what comes."""
        self.runtime = runtime

    def new_name(self) -> str:
        self.count += 1
        return f"{self.prefix}{self.count}"

    def call(
        self, *words: str, input: bytes | None = None, patience: float = PATIENCE
    ) -> "subprocess.CompletedProcess[bytes]":
        """A command of the machine, with the engine's environment."""
        try:
            return subprocess.run(
                words, input=b"" if input is None else input, capture_output=True,
                timeout=patience, check=False, env=self.environment, cwd=self.place.folder,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise Wrong(f"no end after {patience:.0f} s: {' '.join(words)[-200:]}") from late

    def done(self, *words: str, input: bytes | None = None) -> Done:
        done = self.call(*words, input=input)
        return Done(done.returncode, text(done.stdout), text(done.stderr))

    def must(self, *words: str) -> str:
        """The output of a command that must succeed."""
        done = self.done(*words)
        if done.code:
            raise Wrong(f"{' '.join(words[-4:])}: {done.code}: {done.err.strip()[-300:]}")
        return done.out

    def background(self, *words: str, log: str) -> "subprocess.Popen[bytes]":
        """A daemon; what it says is in the file ``log``."""
        with open(self.place.folder / log, "ab") as file:
            return subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=self.environment,
                cwd=self.place.folder,
            )  # fmt: skip

    # What a check asks for.

    def run(self, wish: Wish) -> Done:
        """A container from its start to its end, in the foreground; it is removed."""
        raise Lacks("containers in the foreground")

    def start(self, wish: Wish) -> str:
        """A container in the background; its name."""
        raise Lacks("containers in the background")

    def run_at_terminal(self, wish: Wish) -> Console:
        raise Lacks("a terminal")

    def exec(self, name: str, *words: str, user: str = "", stdin: bytes | None = None) -> Done:
        raise Lacks("exec")

    def exec_at_terminal(self, name: str, *words: str) -> Console:
        raise Lacks("exec at a terminal")

    def attach(self, name: str) -> Console:
        raise Lacks("attach")

    def state(self, name: str) -> str:
        """running, paused, exited, or gone."""
        raise Lacks("a container's state")

    def exit_code(self, name: str) -> int:
        raise Lacks("a container's exit code")

    def pid(self, name: str) -> int:
        raise Lacks("a container's pid")

    def kill(self, name: str, signal: str) -> None:
        raise Lacks("signals")

    def stop(self, name: str, seconds: int) -> None:
        raise Lacks("stop")

    def pause(self, name: str) -> None:
        raise Lacks("pause")

    def resume(self, name: str) -> None:
        raise Lacks("pause")

    def restart(self, name: str) -> None:
        raise Lacks("restart")

    def remove(self, name: str) -> None:
        """Kills it if it runs, and removes it; no error if it is gone."""
        raise Lacks("removal")

    def logs(self, name: str) -> str:
        raise Lacks("logs")

    def pids(self, name: str) -> list[int]:
        """The pids of the host as the engine lists them (top, ps)."""
        raise Lacks("a list of processes")

    def memory(self, name: str) -> int:
        """The memory in use by the engine's statistics, in bytes."""
        raise Lacks("statistics")

    def update(self, name: str, limits: Limits) -> None:
        raise Lacks("update")

    def oom_killed(self, name: str) -> bool:
        raise Lacks("a report of OOM")

    def health(self, name: str) -> str:
        """healthy or unhealthy, once it is known."""
        raise Lacks("health checks")

    def checkpoint(self, name: str, *, leave: bool) -> None:
        """Saves its processes; they end, or, with ``leave``, go on."""
        raise Lacks("checkpoint")

    def restore(self, name: str) -> None:
        """The container goes on from its only checkpoint."""
        raise Lacks("restore")

    def crash(self) -> None:
        """Kills the engine's daemon, and starts it again; the containers go on."""
        raise Lacks("a daemon")


def text(data: bytes) -> str:
    return data.decode(errors="replace").replace("\r\n", "\n")


def until(fact: Callable[[], object], what: str, seconds: float = 90) -> None:
    """Waits for a fact. Raises Wrong if it does not come."""
    end = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > end:
            raise Wrong(f"{what}: not after {seconds:.0f} s")
        time.sleep(0.05)


__all__ = ["Console", "Engine", "Terminal", "text", "until"]
