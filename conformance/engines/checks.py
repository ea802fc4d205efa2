"""The list of checks: a name, a chapter, and what is done and expected.

The short ones are data: a container, and its exit code and output (shots). The others are functions
that ask an engine for one thing after the other (lives).
"""

from collections.abc import Callable
from dataclasses import dataclass

from conformance.engines.engine import Engine
from conformance.engines.wish import Wrong

CHAPTERS = (
    "run", "exec", "terminals", "signals", "pause", "limits", "logs", "exit codes", "files",
    "security", "user namespaces", "restart", "health", "checkpoint", "the runtime killed",
    "the engine killed", "pods", "kubernetes", "services",
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """``play`` raises Wrong for what is not as expected, and Lacks for what the engine has not. It
    returns what must be the same with every runtime. ``only``: engines which it is about."""

    chapter: str
    name: str
    play: Callable[[Engine], str]
    only: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.chapter}: {self.name}"


EVERY: list[Check] = []


def check(
    chapter: str, name: str, only: tuple[str, ...] = ()
) -> Callable[[Callable[[Engine], str | None]], Callable[[Engine], str | None]]:
    """Puts a function on the list."""
    assert chapter in CHAPTERS, chapter

    def put(play: Callable[[Engine], str | None]) -> Callable[[Engine], str | None]:
        EVERY.append(Check(chapter, name, lambda engine: play(engine) or "", only))
        return play

    return put


def expect(actual: object, wanted: object, what: str = "") -> None:
    """Raises Wrong if they differ."""
    if actual != wanted:
        raise Wrong(f"{what + ': ' if what else ''}{actual!r}, and not {wanted!r}"[:600])
