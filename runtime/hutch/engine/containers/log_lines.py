"""The lines of a container's log, from its files or from the journal, and those that come."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial

from hutch.engine.containers import logs
from hutch.engine.containers import records as phases
from hutch.engine.containers.finish import refresh
from hutch.engine.containers.logs import Line
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.followers import Follower

# Makes a follower who is woken by changes of the files of these folders.
Join = Callable[[Sequence[str]], AbstractContextManager[Follower]]


def lines(
    engine: Engine,
    record: Record,
    *,
    tail: int = -1,
    since: float = 0.0,
    until: float = 0.0,
    join: Join | None = None,
    left: Callable[[], bool] = lambda: False,
) -> Generator[Line, None, None]:
    """The lines that were written in this time, the last ``tail`` of them; with ``join`` also those
    that come while the container runs and their reader has not ``left``. See ``logs.read``.

    Raises HostError.
    """
    read: Callable[..., Iterator[Line]]
    if record.options.log_driver == "journald":
        from hutch.engine.containers import journal

        read, folders, longest = (
            partial(journal.read, record.id),
            journal.folders(),
            [journal.LONGEST],
        )
    else:
        places = engine.places(record)
        read, folders, longest = partial(logs.read, places), [str(places.folder)], []
    read = partial(read, tail=tail, since=since, until=until)
    if join is None:
        yield from read()
        return
    current: Record | None = record

    def running() -> bool:
        nonlocal current
        if left():
            return False
        current = engine.records.get(record.id)
        return current is not None and refresh(engine, current).phase in (
            phases.RUNNING, phases.STARTING, phases.RESTARTING,
        )  # fmt: skip

    with join(folders) as follower:

        def pause() -> None:
            bounds = [*longest, *([until - time.time()] if until else [])]
            follower.wait(current, min(bounds, default=None))

        yield from read(follow=running, pause=pause)
