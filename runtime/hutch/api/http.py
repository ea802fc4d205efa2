"""One HTTP connection: requests in, replies out, by h11, which knows the protocol and does no I/O.

A reply is a document, an empty body, a stream of chunks, or the connection itself
(``Exchange.upgrade``): after that both sides send raw bytes, as in Docker's attach and exec.

Headers and documents are bounded; a body that is a stream is read as it comes.
"""

import _socket
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, unquote

import h11
from h11._state import MIGHT_SWITCH_PROTOCOL  # h11 does not declare it among its public names

from hutch.errors import UsageError

HEADERS = 64 << 10  # bytes of a request's first lines
DOCUMENT = 16 << 20  # bytes of a body that is one JSON document
READ = 64 << 10
IDLE = 300.0  # seconds that a connection may wait for its next request
RAW = "application/vnd.docker.raw-stream"


class Gone(Exception):
    """The client has closed the connection, or has broken the protocol. No answer can be sent."""


def has_nul(value: object) -> bool:
    """Whether a text in a document has a NUL byte."""
    if isinstance(value, dict):
        return any(has_nul(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return any(map(has_nul, value))
    return isinstance(value, str) and "\0" in value


class Exchange:
    """One request and its reply.

    ``path`` begins with "/" and has no version and no query; ``query`` has the last value of each
    name; header names are in lower case. ``has_nul``: one of these has a NUL byte, which no system
    call takes.
    """

    def __init__(self, connection: "Connection", request: h11.Request) -> None:
        self._connection = connection
        self.method = request.method.decode("ascii")
        target, _, query = request.target.decode("ascii", "replace").partition("?")
        self.path = unquote(target)
        values = parse_qs(query, keep_blank_values=True)
        self.query = {name: found[-1] for name, found in values.items()}
        self.has_nul = "\0" in self.path + "".join(map("".join, values.values()))
        self.repeated = values
        self.headers = {
            name.decode("ascii"): value.decode("latin-1") for name, value in request.headers
        }
        self.begun = False
        self._read = False  # whether all of the body was
        self._lock = threading.Lock()

    # The request

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes, once. Raises Gone."""
        while not self._read:
            event = self._connection.next_event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._read = True
            else:
                raise Gone

    def document(self) -> dict[str, object]:
        """The body as a JSON object; {} if it is empty. Raises UsageError."""
        parts, size = [], 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > DOCUMENT:
                raise UsageError(f"the request's body is longer than {DOCUMENT} bytes")
            parts.append(chunk)
        text = b"".join(parts)
        if not text.strip():
            return {}
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"the request's body is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise UsageError("the request's body is not a JSON object")
        if b"\\u0000" in text and has_nul(found):
            raise UsageError("a text in the request's body has a NUL byte")
        return found

    # The reply

    def send(
        self, status: int, body: bytes = b"", kind: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """A whole reply."""
        self.begun = True
        lines = {**OWN, "Content-Length": str(len(body)), **(headers or {})}
        if status in (204, 304):
            lines.pop("Content-Length")
        if kind:
            lines["Content-Type"] = kind
        self._connection.send(h11.Response(status_code=status, headers=list(lines.items())))
        if body and self.method != "HEAD" and status not in (204, 304):
            self._connection.send(h11.Data(data=body))
        self._connection.send(h11.EndOfMessage())

    def json(self, document: object, status: int = 200) -> None:
        """A document."""
        self.send(status, json.dumps(document).encode() + b"\n", "application/json")

    def begin(self, kind: str, headers: dict[str, str] | None = None, status: int = 200) -> None:
        """A reply of unknown length: its headers go out at once, then come ``write``s."""
        self.begun = True
        lines = {**OWN, **(headers or {}), **({"Content-Type": kind} if kind else {})}
        self._connection.send(h11.Response(status_code=status, headers=list(lines.items())))

    def write(self, data: bytes) -> None:
        """A chunk, sent at once; several threads may write. Raises Gone."""
        if data:
            with self._lock:
                self._connection.send(h11.Data(data=data))

    def line(self, document: object) -> None:
        """A document on a line of its own, as a chunk."""
        self.write(json.dumps(document).encode() + b"\r\n")

    def end(self) -> None:
        """The end of what ``begin`` began."""
        self._connection.send(h11.EndOfMessage())

    def upgrade(
        self, kind: str = RAW, headers: dict[str, str] | None = None
    ) -> tuple[socket.socket, bytes]:
        """Answers 101; the connection is no HTTP any more. What the client has sent already
        comes with it. ``headers`` are those of another protocol than Docker's own. Raises
        UsageError for a client that did not ask for this."""
        for _ in self.chunks():
            pass
        state = self._connection.protocol
        if state.their_state is not MIGHT_SWITCH_PROTOCOL:
            raise UsageError("this is a stream: ask for it with Connection: Upgrade, Upgrade: tcp")
        self.begun = True
        lines = {"Connection": "Upgrade", **(headers or {"Content-Type": kind, "Upgrade": "tcp"})}
        self._connection.send(
            h11.InformationalResponse(
                status_code=101, headers=list(lines.items()), reason=b"UPGRADED"
            )
        )
        return self._connection.socket, state.trailing_data[0]

    @property
    def socket(self) -> socket.socket:
        """The connection."""
        return self._connection.socket

    def client_left(self) -> bool:
        """Whether the client has closed its end, as one who follows events does."""
        return self._connection.left()


# Api-Version and the rest are on every reply; clients read them on /_ping.
OWN: dict[str, str] = {}


class Connection:
    """A client's connection, served by one thread."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS)

    def serve(self, handle: Callable[[Exchange], None]) -> None:
        """Answers requests until the client leaves, is idle for too long or takes the connection
        over."""
        try:
            while True:
                self.socket.settimeout(IDLE)
                event = self._first()
                self.socket.settimeout(None)
                if not isinstance(event, h11.Request):
                    return
                handle(Exchange(self, event))
                if h11.MUST_CLOSE in (self.protocol.our_state, self.protocol.their_state):
                    return
                if self.protocol.our_state is not h11.DONE:
                    return
                # What the handler did not read of the body.
                while self.protocol.their_state is h11.SEND_BODY:
                    self.next_event()
                self.protocol.start_next_cycle()
        except (Gone, OSError, h11.LocalProtocolError):
            return
        finally:
            self.socket.close()

    def _first(self) -> object:
        try:
            return self._event()
        except h11.RemoteProtocolError as error:
            if self.protocol.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                status = error.error_status_hint
                body = json.dumps({"message": f"malformed request: {error}"}).encode() + b"\n"
                headers = [
                    ("Content-Type", "application/json"), ("Content-Length", str(len(body))),
                    ("Connection", "close"),
                ]  # fmt: skip
                self.send(h11.Response(status_code=status, headers=headers))
                self.send(h11.Data(data=body))
                self.send(h11.EndOfMessage())
            raise Gone from None

    def next_event(self) -> object:
        """The next part of a request. Raises Gone."""
        try:
            return self._event()
        except h11.RemoteProtocolError:
            raise Gone from None

    def _event(self) -> object:
        while True:
            event = self.protocol.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self.protocol.they_are_waiting_for_100_continue:
                self.send(h11.InformationalResponse(status_code=100, headers=[]))
            try:
                self.protocol.receive_data(self.socket.recv(READ))
            except OSError:
                raise Gone from None

    def send(self, event: h11.Event) -> None:
        """Sends a part of a reply. Raises Gone."""
        data = self.protocol.send(event)
        try:
            if data:
                self.socket.sendall(data)
        except OSError:
            raise Gone from None

    def left(self) -> bool:
        """Whether the client is gone, or has closed its end and has nothing more to say."""
        if hung_up(self.socket):
            return True  # whatever it has said before
        try:
            return self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def hung_up(client: _socket.socket) -> bool:
    """Whether a client is gone; one that has closed its half still reads."""
    poll = select.poll()
    poll.register(client, 0)
    return bool(poll.poll(0))
