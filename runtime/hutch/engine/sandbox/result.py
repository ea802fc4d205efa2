"""What a program in a sandbox has done: its output, how it ended and what it used."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hutch.container.ending import Ending


@dataclass(frozen=True, slots=True)
class Usage:
    """``wall``, ``user`` and ``system`` are seconds: the time from start to end, and the CPU time
    of the program and of all its children that were waited for (getrusage(2)). ``memory`` is the
    largest amount of memory in bytes that the container used, or, where it has no cgroup, that one
    of its processes used."""

    wall: float
    user: float
    system: float
    memory: int


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended.

    ``exit_code`` is its exit code, or 128 + ``signal``; ``signal`` is the number of the signal that
    ended it, or 0. ``stdout`` and ``stderr`` are what it wrote, at most ``max_output`` bytes each;
    ``truncated`` says that it wrote more. ``timed_out``: it was killed because its time was over.
    ``oom_killed``: the kernel killed a process of the container because memory ran out. ``end``
    has all that is known of why the program ended (container.ending.Ending).
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    signal: int
    timed_out: bool
    oom_killed: bool
    truncated: bool
    usage: Usage
    end: "Ending"

    @property
    def cause(self) -> str:
        """Why it ended, in a word: exit, signal, oom, seccomp, fault, or timeout."""
        return "timeout" if self.timed_out else self.end["cause"]

    @property
    def reason(self) -> str:
        """Why it ended, in a sentence."""
        return self.end["reason"]

    @property
    def ok(self) -> bool:
        """Whether the program ended with exit code 0, in time."""
        return self.exit_code == 0 and not self.timed_out

    @property
    def text(self) -> str:
        """``stdout`` as UTF-8; bytes that are none become U+FFFD."""
        return self.stdout.decode(errors="replace")
