"""Checks of what is left when the runtime, or the engine, is killed."""

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator

from conformance.engines.checks import check, expect
from conformance.engines.engine import Engine, until
from conformance.engines.kernel import cgroups, mounts, processes
from conformance.engines.lives import ended, running
from conformance.engines.wish import Wish, Wrong

ROUNDS = 20


@contextlib.contextmanager
def killable(engine: Engine) -> Iterator[None]:
    """The runtime is called by a program that kills it when ``deadly`` says so."""
    own = engine.runtime
    engine.use(f"{own}-killed")
    try:
        yield
    finally:
        calm(engine)
        engine.use(own)


def deadly(engine: Engine, call: int = 1) -> None:
    """The runtime's next call, or the one after so many, is killed 1 to 80 ms after its start."""
    engine.place.kills.mkdir(exist_ok=True)
    for number in range(1, call):
        (engine.place.kills / str(number)).write_text("100\n")
    (engine.place.kills / str(call)).write_text(f"{random.uniform(0.001, 0.08):.3f}\n")


def calm(engine: Engine) -> None:
    shutil.rmtree(engine.place.kills, ignore_errors=True)


def traces(engine: Engine) -> set[str]:
    """The cgroups, and the mounts below the engine's folder; not those of network namespaces, which
    are the engine's own."""
    found = mounts(str(engine.place.folder))
    return cgroups() | {path for path in found if "/netns/" not in path}


@check("the runtime killed", "at create: nothing is left")
def _(engine: Engine) -> None:
    killed_at_start(engine, call=1)


@check("the runtime killed", "at start: nothing is left")
def _(engine: Engine) -> None:
    killed_at_start(engine, call=2)


def killed_at_start(engine: Engine, call: int) -> None:
    """Containers are started and removed; each time one call of the runtime is killed."""
    # A number of its own: another runtime may have left processes.
    words = ("sleep", str(10**6 + engine.count))
    wish = Wish(words=words)
    with killable(engine):
        with running(engine, wish):
            pass
        before = traces(engine)
        for _ in range(ROUNDS):
            deadly(engine, call)
            with contextlib.suppress(Wrong):
                engine.start(wish)
            calm(engine)
            engine.remove(f"{engine.prefix}{engine.count}")
    nothing_left(" ".join(words), lambda: traces(engine) - before, 60)


def nothing_left(words: str, left: Callable[[], set[str]], seconds: float) -> None:
    """Waits for the end of the processes with this command line, and until nothing is left."""
    until(lambda: not processes(words), "the end of its processes", 60)
    try:
        until(lambda: not left(), "nothing left", seconds)
    except Wrong:
        found = sorted(left())
        raise Wrong(f"left are {len(found)}: {' '.join(found)}") from None


@check("the runtime killed", "at exec: the container goes on")
def _(engine: Engine) -> None:
    with killable(engine), running(engine) as name:
        for _ in range(ROUNDS):
            deadly(engine)
            with contextlib.suppress(Wrong):
                engine.exec(name, "sleep", "0.01")
        calm(engine)
        expect(engine.state(name), "running")
        expect(engine.exec(name, "echo", "on").out, "on\n")


@check("the runtime killed", "at pause, kill and removal: they can be done again")
def _(engine: Engine) -> None:
    with running(engine) as name:
        engine.pause(name)
        engine.resume(name)
    with killable(engine), running(engine) as name:
        for act in (engine.pause, engine.resume) * (ROUNDS // 2):
            deadly(engine)
            with contextlib.suppress(Wrong):
                act(name)
        calm(engine)
        if engine.state(name) == "paused":
            engine.resume(name)
        for _ in range(3):
            deadly(engine)
            with contextlib.suppress(Wrong):
                engine.remove(name)
        calm(engine)


@check("the engine killed", "a container that lives goes on, and is known")
def _(engine: Engine) -> None:
    with running(engine) as name:
        pid = engine.pid(name)
        engine.crash()
        expect(engine.state(name), "running")
        expect(engine.pid(name), pid)
        expect(engine.exec(name, "echo", "on").out, "on\n")
        engine.kill(name, "KILL")
        ended(engine, name)


@check("the engine killed", "a container that ended meanwhile is known as ended")
def _(engine: Engine) -> None:
    with running(engine, Wish(shell="sleep 1; exit 6")) as name:
        engine.crash()
        ended(engine, name)
