"""The server. It listens, starts a thread for each connection, and ends after it was idle for some
time. Everything that it needs is in the store, so it can end at any time."""

import os
import resource
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from hutch.api import http
from hutch.api.call import Call, Memory
from hutch.api.errors import message_of, status_of
from hutch.api.http import Connection, Exchange, Gone
from hutch.api.routes import find, split_version
from hutch.engine.engine import Engine
from hutch.errors import HutchError, KernelError, UsageError, shown

if TYPE_CHECKING:
    from ssl import SSLContext

API, LEAST = (1, 55), (1, 24)
CONNECTIONS = 1024  # at the same time at most; the next one gets 503
# Of each connection: the socket and three files of SQLite. Some are left for what requests do.
DESCRIPTORS, SPARE = 4, 64
HANDSHAKES = 64  # at the same time: who has no certificate cannot take all connections
FULL = 0.05  # seconds to wait when no descriptor or thread is left
BACKLOG = 1024


def dotted(version: tuple[int, int]) -> str:
    """``1.55``."""
    return f"{version[0]}.{version[1]}"


class Server:
    """Answers on listening sockets until it is idle for ``timeout`` seconds (0: never) or told to
    stop. ``engine`` makes an engine, one for each connection; ``tls`` is for the clients of TCP."""

    def __init__(
        self,
        sockets: list[socket.socket],
        engine: Callable[[], Engine],
        timeout: float,
        tls: "SSLContext | None" = None,
    ) -> None:
        self._sockets = sockets
        self._engine = engine
        self._timeout = timeout
        self._tls = tls
        self._handshakes = threading.BoundedSemaphore(HANDSHAKES)
        self._memory = Memory()
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(1, min(CONNECTIONS, (limit - SPARE) // DESCRIPTORS))
        self._busy = 0
        self._open = 0
        self._lock = threading.Lock()
        http.OWN.update(
            {
                "Api-Version": dotted(API), "Ostype": "linux", "Server": "warren",
                "Docker-Experimental": "false", "Builder-Version": "1",  # the classic builder
            }
        )  # fmt: skip

    def run(self) -> None:
        """Serves, in the main thread. A signal that has a handler interrupts it: SIGTERM or SIGINT
        end it so."""
        import select
        import signal

        poll = select.poll()
        # A signal just before poll(2) would be seen after the next connection only.
        woken, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakes)
        poll.register(woken, select.POLLIN)
        for one in self._sockets:
            one.setblocking(False)
            poll.register(one, select.POLLIN)
        by_number = {one.fileno(): one for one in self._sockets}
        idle_since = time.monotonic()
        while True:
            wait = None if not self._timeout else 1000 * min(1.0, self._timeout)
            for number, _ in poll.poll(wait):
                if number == woken:
                    os.read(woken, 64)
                else:
                    self._accept(by_number[number])
            if self._busy:
                idle_since = time.monotonic()
            elif self._timeout and time.monotonic() - idle_since > self._timeout:
                return

    def _accept(self, listening: socket.socket) -> None:
        try:
            connected, _ = listening.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            time.sleep(FULL)
            return
        if listening.family == socket.AF_UNIX:
            self._begin(connected)
        elif self._handshakes.acquire(blocking=False):
            if not start(self._shake_hands, connected):
                self._handshakes.release()
        else:
            connected.close()

    def _shake_hands(self, connected: socket.socket) -> None:
        from hutch.api.tls import ordinary

        assert self._tls is not None, "a listening TCP socket without TLS"
        try:
            accepted = ordinary(connected, self._tls)
        finally:
            self._handshakes.release()
        if accepted is not None:
            self._begin(accepted)

    def _begin(self, connected: socket.socket) -> None:
        connected.setblocking(True)
        with self._lock:
            full = self._open >= self._most
            self._open += not full
        if full:
            with suppress(OSError):
                connected.sendall(
                    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                    b"Connection: close\r\n\r\n"
                )
            connected.close()
        elif not start(self._serve, connected):
            with self._lock:
                self._open -= 1

    def _serve(self, connected: socket.socket) -> None:
        worker = Worker(self._engine, self._memory, self._count)
        try:
            Connection(connected).serve(worker.handle)
        finally:
            worker.close()
            with self._lock:
                self._open -= 1

    def _count(self, change: int) -> None:
        with self._lock:
            self._busy += change


def start(work: Callable[[socket.socket], None], connected: socket.socket) -> bool:
    """Starts a thread for a connection. False if there can be none; then the connection is
    closed."""
    try:
        threading.Thread(target=work, args=(connected,), daemon=True).start()
    except RuntimeError:
        connected.close()
        return False
    return True


class Worker:
    """Answers the requests of one connection, with an engine of its own: a connection to SQLite
    belongs to one thread."""

    def __init__(
        self, engine: Callable[[], Engine], memory: Memory, count: Callable[[int], None]
    ) -> None:
        self._make = engine
        self._memory = memory
        self._count = count
        self._engine: Engine | None = None

    def close(self) -> None:
        """Closes the store's files."""
        if self._engine is not None:
            self._engine.images.close()

    def handle(self, exchange: Exchange) -> None:
        """Answers one request, whatever happens. Raises Gone."""
        self._count(1)
        try:
            self._answer(exchange)
        except Gone:
            raise
        except HutchError as error:
            fail(exchange, status_of(error), message_of(error))
        except (KeyboardInterrupt, SystemExit):
            raise
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            fail(exchange, 500, f"internal error: {type(error).__name__}: {error}")
        finally:
            self._count(-1)

    def _answer(self, exchange: Exchange) -> None:
        if exchange.has_nul:
            raise UsageError("the request's path or query has a NUL byte")
        version, path = split_version(exchange.path)
        if version is not None and not LEAST <= version <= API:
            side = "new. Maximum" if version > API else "old. Minimum"
            raise UsageError(
                f"client version {dotted(version)} is too {side} supported API version is"
                f" {dotted(API if version > API else LEAST)}"
            )
        handler, names = find(exchange.method, path)
        if self._engine is None:
            self._engine = self._make()
        handler(Call(exchange, names, version or API, self._memory, self._engine))


def fail(exchange: Exchange, status: int, message: str) -> None:
    """An error, in Docker's form; in the stream, if one has begun. Raises Gone."""
    document = {"message": message}
    if not exchange.begun:
        exchange.json(document, status)
        return
    exchange.line({"errorDetail": document, "error": message})
    exchange.end()


def listen_unix(path: str, group: int | None = None) -> socket.socket:
    """A socket that only its owner may use, and ``group``. A stale one is replaced.

    Raises UsageError if somebody listens there, KernelError.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if is_served(path):
            raise UsageError(f"somebody listens on {shown(path)} already")
        with suppress(FileNotFoundError):
            os.unlink(path)
        before = os.umask(0o177)
        try:
            listening.bind(path)
        finally:
            os.umask(before)
        if group is not None:
            os.chown(path, -1, group)
            os.chmod(path, 0o660)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise KernelError(f"listen on {shown(path)}", "bind", error.errno) from None
    return listening


def is_served(path: str) -> bool:
    """Whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
