"""TLS in front of the server: each client of a TCP socket shows a certificate, and what it sends is
handed on through an ordinary socket. So all other modules see unix sockets only, with their polls,
peeks and half-closed connections; a TLS socket has none of these (docs.python.org, ssl: "Notes on
non-blocking sockets").
"""

import os
import select
import socket
import ssl
import threading
import time
from contextlib import suppress

from hutch.errors import KernelError, UsageError, shown

BACKLOG = 1024
HANDSHAKE = 10.0  # seconds that a client has for it
ROOM = 64 << 10  # bytes that wait in each direction


def context(authorities: str, certificate: str, key: str) -> ssl.SSLContext:
    """What a server needs: it accepts only clients whose certificate one of ``authorities`` has
    signed. All are paths of PEM files. Raises UsageError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_RENEGOTIATION
    made.verify_mode = ssl.CERT_REQUIRED
    for option, path in (
        ("--tlscacert", authorities), ("--tlscert", certificate), ("--tlskey", key),
    ):  # fmt: skip
        if not os.access(path, os.R_OK):
            raise UsageError(f"{option}: {shown(path)}: no such file, or it cannot be read")
    try:
        made.load_verify_locations(authorities)
    except ssl.SSLError:
        raise UsageError(f"--tlscacert: {shown(authorities)} has no certificate (PEM)") from None
    try:
        # Without a function OpenSSL would ask a terminal for the password of a key.
        made.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"--tlscert: {shown(certificate)}, --tlskey: {shown(key)}: not a certificate and its"
            f" key without a password (PEM): {error}"
        ) from None
    return made


def listen_tcp(address: str) -> socket.socket:
    """A socket on ``HOST:PORT`` or ``[HOST]:PORT``. Raises UsageError, KernelError."""
    host, colon, port = address.removeprefix("tcp://").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise UsageError(f"--tcp: {shown(address)} is not HOST:PORT")
    try:
        family, _, _, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise UsageError(f"--tcp: {shown(host)} is no address of this machine") from None
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise KernelError(f"listen on {shown(address)}", "bind", error.errno) from None
    return listening


def ordinary(connected: socket.socket, made: ssl.SSLContext) -> socket.socket | None:
    """The ordinary socket of a client, once it has shown its certificate; None if it has none that
    is accepted. A thread carries the bytes until both sides are closed."""
    try:
        connected.setblocking(False)
        # Docker's clients keep connections open between requests; TCP notices those that are gone.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        secure = made.wrap_socket(
            connected, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
    except (OSError, ValueError):
        connected.close()
        return None
    try:
        _shake_hands(secure)
        ours, theirs = socket.socketpair()
        threading.Thread(target=_carry, args=(secure, theirs), daemon=True).start()
    except (OSError, RuntimeError):  # ssl.SSLError is an OSError; no thread can be started
        secure.close()
        return None
    return ours


def _shake_hands(secure: ssl.SSLSocket) -> None:
    """Raises OSError if the client shows no certificate that is accepted, or not in time."""
    end = time.monotonic() + HANDSHAKE
    while True:
        try:
            return secure.do_handshake()
        except ssl.SSLWantReadError:
            wanted = select.POLLIN
        except ssl.SSLWantWriteError:
            wanted = select.POLLOUT
        poll = select.poll()
        poll.register(secure, wanted)
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            raise TimeoutError


class _Direction:
    """Bytes on their way from one side to the other."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.waiting = b""
        self.ended = False  # the source gives no more

    def move(self) -> bool:
        """Receives and sends what can be. Returns whether anything was done."""
        done = False
        try:
            if not self.ended and not self.waiting:
                self.waiting = self.source.recv(ROOM)
                self.ended = not self.waiting
                done = True
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        try:
            while self.waiting:
                self.waiting = self.waiting[self.target.send(self.waiting) :]
                done = True
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        return done


def _carry(secure: ssl.SSLSocket, server: socket.socket) -> None:
    server.setblocking(False)
    with secure, server, suppress(OSError):
        _exchange(secure, server)
        secure.unwrap()  # sends close_notify


def _exchange(secure: ssl.SSLSocket, server: socket.socket) -> None:
    """Carries bytes both ways until the server has closed its end and the client has all of its
    bytes. The client's end of data (close_notify) closes one half of the server's socket. Raises
    OSError when the client is gone."""
    up, down = _Direction(secure, server), _Direction(server, secure)
    told = False
    while not down.ended or down.waiting:
        moved = down.move()
        if down.ended:
            up.ended, up.waiting, told = True, b"", True
        try:
            moved |= up.move()
            if up.ended and not up.waiting and not told:
                told = True
                server.shutdown(socket.SHUT_WR)
        except BrokenPipeError:  # the server has closed; what it has said still goes down
            up.ended, up.waiting, told = True, b"", True
        if not moved:
            _wait(secure, server, up, down)


def _wait(secure: ssl.SSLSocket, server: socket.socket, up: _Direction, down: _Direction) -> None:
    """Until something can be moved. Raises ConnectionResetError if the client is gone."""
    poll = select.poll()
    # After its last byte the client only reads, until it closes the connection.
    gone = select.POLLHUP | select.POLLERR | (select.POLLRDHUP if up.ended else 0)
    reads = not up.ended and not up.waiting
    writes = select.POLLOUT if down.waiting else 0
    poll.register(secure, gone | writes | (select.POLLIN if reads else 0))
    if not down.ended:
        reads = not down.waiting
        writes = select.POLLOUT if up.waiting else 0
        poll.register(server, writes | (select.POLLIN if reads else 0))
    for number, events in poll.poll():
        if number == secure.fileno() and events & gone and not events & select.POLLIN:
            raise ConnectionResetError
