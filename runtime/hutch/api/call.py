"""What a handler of the API is given: the exchange, the engine of its thread, and what the server
remembers between calls."""

import threading
from _socket import socket
from collections.abc import Callable
from typing import NamedTuple

from hutch.api.http import Exchange
from hutch.engine.containers.finish import refresh
from hutch.engine.containers.places import Places
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.followers import Followers


class Execution:
    """One exec: made by POST /containers/ID/exec, started by POST /exec/ID/start."""

    def __init__(self, id: str, container: str, document: dict[str, object]) -> None:
        self.id = id
        self.container = container
        self.document = document
        self.started = False
        self.running = False
        self.exit_code: int | None = None
        self.pid = 0
        self.places: Places | None = None  # where conmon has its terminal


class Attaching:
    """A client that has attached to a container that does not run yet."""

    def __init__(self) -> None:
        self.connection: socket | None = None
        self.ready = threading.Event()


class Memory:
    """What the server remembers while it runs; nothing of it is needed after a restart."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.executions: dict[str, Execution] = {}
        self.attaching: dict[str, list[Attaching]] = {}
        self.followers = Followers()

    def attach_later(self, id: str) -> Attaching:
        """Registers a client that wants a container's output from its first byte on."""
        one = Attaching()
        with self.lock:
            self.attaching.setdefault(id, []).append(one)
        return one

    def give_up(self, id: str, one: Attaching) -> None:
        """Removes the registration."""
        with self.lock:
            waiting = self.attaching.get(id, [])
            if one in waiting:
                waiting.remove(one)
            if not waiting:
                self.attaching.pop(id, None)

    def connect(self, record: Record, places: Places) -> None:
        """Connects all clients that wait for this container, before its program runs."""
        from hutch.engine.containers.attach import connect
        from hutch.errors import HutchError

        with self.lock:
            waiting = self.attaching.pop(record.id, [])
        for one in waiting:
            try:
                one.connection = connect(places)
            except HutchError:
                one.connection = None
            one.ready.set()


class Call(NamedTuple):
    """One request with what it takes to answer it. ``names`` are the parts of the path that the
    route names; ``version`` is the API's that the client asked for, as (1, 41)."""

    exchange: Exchange
    names: dict[str, str]
    version: tuple[int, int]
    memory: Memory
    engine: Engine

    @property
    def query(self) -> dict[str, str]:
        """The last value of each name of the query."""
        return self.exchange.query

    def container(self) -> Record:
        """The container that the path names, as the kernel shows it. Raises NoSuchContainer."""
        return refresh(self.engine, self.engine.records.find(self.names["id"]))


Handler = Callable[[Call], None]
