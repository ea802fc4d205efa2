"""attach/ws: a container's streams in the messages of a WebSocket (RFC 6455), by wsproto, which
knows the protocol and does no I/O.

Output comes as it is, stdout and stderr together, in binary messages; what a client sends, as text
or as bytes, is input. For the rest of this package a WebSocket is a unix socket.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError, generate_accept_token

from hutch.api.http import Exchange
from hutch.errors import UsageError

READ = 64 << 10
CLOSE = 2.0  # seconds in which a client answers that the WebSocket is closed
VERSION = "13"  # the only one (RFC 6455, 4.1)


@contextmanager
def accepted(exchange: Exchange) -> Iterator[socket.socket]:
    """Answers the handshake: a socket on which a client of ``attach`` seems to be. At the end the
    WebSocket is closed. Raises UsageError for a request that is no handshake."""
    key = exchange.headers.get("sec-websocket-key", "")
    given = exchange.headers.get("sec-websocket-version", "")
    words = [word.strip().lower() for word in exchange.headers.get("connection", "").split(",")]
    wanted = exchange.headers.get("upgrade", "").lower() == "websocket" and "upgrade" in words
    if not wanted or not key or given != VERSION:
        raise UsageError("this is a WebSocket: ask for it with its handshake (RFC 6455, 4.1)")
    accept = generate_accept_token(key.encode("latin-1")).decode("ascii")
    answer = {"Upgrade": "websocket", "Sec-WebSocket-Accept": accept}
    client, early = exchange.upgrade(headers=answer)
    ours, theirs = socket.socketpair()
    protocol = Connection(ConnectionType.SERVER, trailing_data=early)
    turn = threading.Lock()
    threads = [
        threading.Thread(target=one, args=(client, theirs, protocol, turn), daemon=True)
        for one in (_down, _up)
    ]
    with theirs:
        try:
            for thread in threads:
                thread.start()
            yield ours
        finally:
            ours.close()
            threads[0].join()  # the client has all of the output, or is gone
            threads[1].join(CLOSE)
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            threads[1].join()


def _down(
    client: socket.socket, theirs: socket.socket, protocol: Connection, turn: threading.Lock
) -> None:
    """What the container says, until it ends; then the client is told so."""
    with suppress(OSError, LocalProtocolError):
        while data := theirs.recv(READ):
            with turn:
                client.sendall(protocol.send(BytesMessage(data=data)))
        with turn:
            client.sendall(protocol.send(CloseConnection(code=1000)))


def _up(
    client: socket.socket, theirs: socket.socket, protocol: Connection, turn: threading.Lock
) -> None:
    """What the client says, until it closes the WebSocket, breaks its rules or is gone: then both
    halves of what seems to be the client are closed."""
    with suppress(OSError, LocalProtocolError, RemoteProtocolError):
        while True:
            with turn:
                events = list(protocol.events())
            for event in events:
                if isinstance(event, BytesMessage):
                    theirs.sendall(event.data)
                elif isinstance(event, TextMessage):
                    theirs.sendall(event.data.encode())
                elif isinstance(event, Ping | CloseConnection):
                    with turn:
                        client.sendall(protocol.send(event.response()))
                    if isinstance(event, CloseConnection):
                        raise ConnectionResetError
            data = client.recv(READ)
            if not data:
                break
            with turn:
                protocol.receive_data(data)
    with suppress(OSError):
        theirs.shutdown(socket.SHUT_RDWR)
