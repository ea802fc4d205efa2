"""Being at a container's streams: attach, logs, and the size of its terminal."""

import select
from _socket import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING

from hutch.api.call import Attaching, Call
from hutch.api.fields import whole, yes
from hutch.api.frames import frame, kind_of, relay
from hutch.api.http import hung_up
from hutch.api.selection import moment
from hutch.engine.containers import records as phases
from hutch.engine.containers.attach import parse_keys
from hutch.engine.containers.finish import refresh
from hutch.engine.containers.records import Record
from hutch.engine.followers import Follower
from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.engine.containers.logs import Line

LOOK = 0.5  # seconds between two looks at whether somebody else has started the container


def wanted(call: Call, default: bool = False) -> set[str]:
    """Which of stdout and stderr the query asks for."""
    return {name for name in ("stdout", "stderr") if yes(call.query, name, default)}


def attach(call: Call) -> None:
    """POST /containers/ID/attach?logs=&stream=&stdin=&stdout=&stderr=&detachKeys=: also before it
    is started; then no output is lost."""

    @contextmanager
    def client(record: Record) -> "Iterator[tuple[socket, bytes]]":
        yield call.exchange.upgrade(kind_of(record.options.tty, call.version))

    _attach(call, client, framed=True)


def attach_websocket(call: Call) -> None:
    """GET /containers/ID/attach/ws?logs=&stream=&stdin=&stdout=&stderr=&detachKeys=: the same in
    the messages of a WebSocket, without frames."""
    from hutch.api.websocket import accepted

    @contextmanager
    def client(_: Record) -> "Iterator[tuple[socket, bytes]]":
        with accepted(call.exchange) as connected:
            yield connected, b""

    _attach(call, client, framed=False)


Clients = Callable[[Record], AbstractContextManager[tuple[socket, bytes]]]


def _attach(call: Call, clients: Clients, *, framed: bool) -> None:
    record = call.container()
    options = record.options
    if record.paused:
        from hutch.engine.errors import Conflict

        raise Conflict(
            f"container {record.name} is paused, unpause the container before attach", id=record.id
        )
    streams = wanted(call)
    keys = call.query.get("detachKeys", "")
    parse_keys(keys)
    call.engine.events.of(record, "attach")
    live = yes(call.query, "stream")
    waiting = None
    if live and record.phase != phases.RUNNING:
        # Before the client knows: it starts the container as soon as it has the answer.
        waiting = call.memory.attach_later(record.id)
    try:
        with clients(record) as (client, early):
            if yes(call.query, "logs"):
                # Who only reads is served from the log alone: between its end and conmon's socket
                # something could be lost.
                follow = live and waiting is None and not yes(call.query, "stdin")
                with closing(_lines(call, record, client, follow=follow, halves=True)) as lines:
                    for line in lines:
                        if line.stream in streams:
                            raw = options.tty or not framed
                            client.sendall(line.data if raw else frame(line.stream, line.data))
                if follow:
                    return
            if not live:
                return
            container = _connected(call, record, client, waiting)
            if container is None:
                return
            with closing(container):
                relay(
                    client, early, container, terminal=options.tty,
                    stdin=yes(call.query, "stdin") and options.interactive, streams=streams,
                    keys=keys, framed=framed,
                )  # fmt: skip
    finally:
        if waiting is not None:
            call.memory.give_up(record.id, waiting)


def _lines(
    call: Call,
    record: Record,
    client: socket,
    *,
    follow: bool,
    halves: bool = False,
    tail: int = -1,
    since: float = 0.0,
    until: float = 0.0,
) -> "Generator[Line, None, None]":
    """The lines of a container's log; with ``follow`` also those that come while it runs and the
    client is there; with ``halves`` it is there if it has closed its half."""
    from hutch.engine.containers.log_lines import lines

    engine = call.engine

    def join(folders: Sequence[str]) -> AbstractContextManager[Follower]:
        events = 0 if halves else select.EPOLLRDHUP
        return call.memory.followers.join(engine, client.fileno(), folders, events)

    return lines(
        engine, record, tail=tail, since=since, until=until, join=join if follow else None,
        left=lambda: hung_up(client) if halves else call.exchange.client_left(),
    )  # fmt: skip


def _connected(
    call: Call, record: Record, client: socket, waiting: Attaching | None
) -> socket | None:
    """conmon's socket, once the container runs; None if the client leaves before or the container
    is gone."""
    from hutch.engine.containers.attach import connect
    from hutch.errors import HutchError

    places = call.engine.places(record)
    if waiting is None:
        return connect(places)
    poll = select.poll()
    poll.register(client, 0)  # hang-ups only: a half-closed client still reads
    while not waiting.ready.wait(LOOK):
        if poll.poll(0):
            return None
        current = call.engine.records.get(record.id)
        if current is None:
            return None
        if refresh(call.engine, current).phase == phases.RUNNING and not waiting.ready.is_set():
            try:
                return connect(places)  # another program has started it
            except HutchError:
                return None
    return waiting.connection


def resize(call: Call) -> None:
    """POST /containers/ID/resize?h=&w="""
    from hutch.engine.containers.attach import resize as set_size
    from hutch.engine.containers.stop import require_running

    record = call.container()
    height, width = whole(call.query, "h", 0), whole(call.query, "w", 0)
    if height < 0 or width < 0:
        raise UsageError("h and w are lines and columns")
    require_running(call.engine, record)
    set_size(call.engine.places(record), height, width)
    call.engine.events.of(record, "resize", height=str(height), width=str(width))
    call.exchange.send(200)


def logs(call: Call) -> None:
    """GET /containers/ID/logs?follow=&stdout=&stderr=&since=&until=&timestamps=&tail="""
    from hutch.engine.containers.logs import utc

    record = call.container()
    streams = wanted(call)
    if not streams:
        raise UsageError("Bad parameters: you must choose at least one stream")
    if record.options.log_driver == "none":
        raise UsageError("configured logging driver does not support reading")
    tail = -1 if call.query.get("tail", "all") in ("", "all") else whole(call.query, "tail", -1)
    exchange = call.exchange
    asked = _lines(
        call, record, exchange.socket, tail=max(tail, -1),
        since=moment(call.query.get("since", "")), until=moment(call.query.get("until", "")),
        follow=yes(call.query, "follow"),
    )  # fmt: skip
    stamped = yes(call.query, "timestamps")
    exchange.begin(kind_of(record.options.tty, call.version))
    with closing(asked) as lines:
        for line in lines:
            if line.stream in streams:
                data = f"{utc(line.time)} ".encode() + line.data if stamped else line.data
                exchange.write(data if record.options.tty else frame(line.stream, data))
    exchange.end()
