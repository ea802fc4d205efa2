"""How output travels: raw from a terminal, else in frames that say which stream they are of."""

import _socket
import select
import socket
import struct
import threading
from collections.abc import Callable

from hutch.api.http import RAW
from hutch.engine.containers.attach import DETACH_KEYS, ERR, PACKET, KeyWatch, parse_keys

STREAMS = {"stdout": 1, "stderr": 2}
HEAD = struct.Struct(">BxxxL")
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"


def kind_of(terminal: bool, version: tuple[int, int]) -> str:
    """The media type of a stream; since 1.42 it says whether there are frames."""
    return MULTIPLEXED if not terminal and version >= (1, 42) else RAW


def frame(stream: str, data: bytes) -> bytes:
    """The data with its head: 1 stdout, 2 stderr, and how many bytes."""
    return HEAD.pack(STREAMS[stream], len(data)) + data


def relay(
    client: _socket.socket,
    early: bytes,
    container: _socket.socket,
    *,
    terminal: bool,
    stdin: bool,
    streams: set[str],
    keys: str = "",
    framed: bool = True,
) -> bool:
    """Carries a client's input to conmon, and the container's output to the client, until the
    output ends, or the client is gone or types the ``keys`` at a terminal. ``early`` is what the
    client has sent already. Whether the output has ended. What comes from no terminal has frames,
    if it is ``framed``.

    A client that has no input closes its half of the connection at once; it still reads.
    """
    watch = KeyWatch(parse_keys(keys or DETACH_KEYS) if terminal and stdin else b"")
    poll = select.poll()
    poll.register(container, select.POLLIN)
    poll.register(client, select.POLLIN)
    passed, left = watch.feed(early)
    if left or (passed and not _feed(container, passed, stdin)):
        return False
    while True:
        for number, events in poll.poll():
            if number == container.fileno():
                try:
                    packet = container.recv(PACKET + 1)
                except OSError:
                    return True
                if not packet:
                    return True
                stream = "stderr" if packet[0] == ERR else "stdout"
                if stream not in streams:
                    continue
                data = packet[1:]
                try:
                    client.sendall(frame(stream, data) if framed and not terminal else data)
                except OSError:
                    return False
            elif events & (select.POLLHUP | select.POLLERR):
                return False
            else:
                data = client.recv(PACKET)
                if data:
                    passed, left = watch.feed(data)
                    _feed(container, passed, stdin)
                    if left:
                        return False
                    continue
                poll.modify(client, 0)  # POLLHUP is reported all the same (poll(2))
                if stdin and not terminal:
                    _end(container)


def _feed(container: _socket.socket, data: bytes, stdin: bool) -> bool:
    """False once the container does not read any more."""
    if not stdin:
        return True
    try:
        for start in range(0, len(data), PACKET):
            container.send(data[start : start + PACKET])
    except OSError:
        return False
    return True


def _end(container: _socket.socket) -> None:
    try:
        container.shutdown(socket.SHUT_WR)
    except OSError:
        return


def copy_out(
    read: Callable[[], bytes], client: _socket.socket, stream: str, turn: threading.Lock
) -> None:
    """Hands on what ``read`` gives until it gives nothing, or the client is gone. All who write to
    this client have the same ``turn``, since a socket may take a part of a frame only."""
    while data := read():
        try:
            with turn:
                client.sendall(frame(stream, data))
        except OSError:
            return
