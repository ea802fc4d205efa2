"""Being at a container's standard streams: conmon's attach socket, and the caller's terminal.

conmon sends packets: a byte that says which stream (2 the output, 3 the errors), and what came.
What it gets is the container's input; the half-close of the socket is the end of it. A line in the
fifo ``winsz`` sets the terminal's size.
"""

import _signal as signal  # without the enumerations, which take longer than all that uses them
import errno
import fcntl
import os
import select
import struct
from _socket import AF_UNIX, SHUT_WR, SOCK_SEQPACKET, socket
from collections.abc import Callable, Collection
from contextlib import suppress
from types import TracebackType

from hutch.container.terminal import TCGETS, TERMIOS_SIZE, TIOCGWINSZ, raw_mode
from hutch.engine.containers.places import Places
from hutch.errors import KernelError, StateError, UsageError, shown

ERR = 3  # what a packet of conmon begins with; 2: standard output
PACKET = 8192
DETACH_KEYS = "ctrl-p,ctrl-q"
TCSETSW = 0x5403
OPOST = 1


def parse_keys(text: str) -> bytes:
    """``ctrl-p,ctrl-q`` as the bytes that a terminal sends; "" turns detaching off.

    Raises UsageError.
    """
    keys = b""
    for word in text.split(",") if text else []:
        letter = word[5:] if word.startswith("ctrl-") else ""
        if len(word) == 1 and word.isascii():
            keys += word.encode()
        elif len(letter) == 1 and letter.lower() in "abcdefghijklmnopqrstuvwxyz":
            keys += bytes([ord(letter.lower()) - 96])
        elif len(letter) == 1 and letter in "@[\\]^_":
            keys += bytes([ord(letter) - 64])
        else:
            raise UsageError(
                f"--detach-keys {shown(text)}", hint="letters or ctrl-LETTER, parted by commas"
            )
    return keys


def connect(places: Places) -> socket:
    """The container's attach socket. Raises StateError, KernelError."""
    folder = os.open(places.folder, os.O_PATH | os.O_DIRECTORY)
    connection = socket(AF_UNIX, SOCK_SEQPACKET)
    try:
        # A path of any length: sun_path takes but 107 bytes.
        connection.connect(f"/proc/self/fd/{folder}/attach")
    except OSError as error:
        connection.close()
        if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
            raise StateError(
                f"container {places.id[:12]} cannot be attached to: its supervisor is gone"
            ) from None
        raise KernelError("attach", "connect", error.errno) from None
    finally:
        os.close(folder)
    return connection


def resize(places: Places, height: int, width: int) -> None:
    """Sets the size of the container's terminal, if conmon still runs."""
    try:
        fd = os.open(places.folder / "winsz", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        os.write(fd, f"{height} {width}\n".encode())
    except OSError:
        return
    finally:
        os.close(fd)


def window(fd: int) -> tuple[int, int]:
    """Height and width of a terminal; zeros if it has none."""
    try:
        rows, columns, _, _ = struct.unpack("4H", fcntl.ioctl(fd, TIOCGWINSZ, bytes(8)))
    except OSError:
        return 0, 0
    return rows, columns


def unprocessed(settings: bytes) -> bytes:
    """The settings of a terminal in raw mode, which also shows all bytes as they are: conmon's
    terminal has added the carriage returns already."""
    output = int.from_bytes(settings[4:8], "little") & ~OPOST
    return raw_mode(settings[:4] + output.to_bytes(4, "little") + settings[8:])


class KeyWatch:
    """Looks for the detach keys in what is typed."""

    def __init__(self, keys: bytes) -> None:
        self.keys = keys
        self.seen = 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What is to go on to the container, and whether the keys were typed in full.

        What may be the beginning of them is kept back until it is clear that it is not.
        """
        if not self.keys:
            return data, False
        passed = bytearray()
        for byte in data:
            if byte == self.keys[self.seen]:
                self.seen += 1
                if self.seen == len(self.keys):
                    return bytes(passed), True
                continue
            passed += self.keys[: self.seen]
            self.seen = 0
            if byte == self.keys[0]:
                self.seen = 1
                if len(self.keys) == 1:
                    return bytes(passed), True
            else:
                passed.append(byte)
        return bytes(passed), False


class Session:
    """The caller's descriptors 0, 1 and 2 and a container, joined until its output ends.

    With ``terminal`` the caller's terminal, if it has one, is raw meanwhile, and its size is the
    container's. ``streams`` are the ones that are shown; ``forward`` is given each signal that
    arrives (none are caught without it).
    """

    def __init__(
        self,
        places: Places,
        *,
        terminal: bool,
        stdin: bool,
        keys: bytes,
        forward: Callable[[int], None] | None = None,
        streams: Collection[str] = ("stdout", "stderr"),
    ) -> None:
        self.places = places
        self.terminal = terminal and os.isatty(0)
        self.stdin = stdin
        self.watch = KeyWatch(keys if terminal else b"")
        self.forward = forward
        self.streams = streams
        self.connection = connect(places)
        self.detached = False
        self._saved = b""
        self._handlers: dict[int, object] = {}
        self._wake = -1
        self._woken = -1

    def __enter__(self) -> "Session":
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        caught = [signal.SIGWINCH] if self.terminal else []
        if self.forward is not None:
            caught += FORWARDED
        for number in caught:
            self._handlers[number] = signal.signal(number, _nothing)
        if self.terminal:
            if self.stdin:
                self._saved = fcntl.ioctl(0, TCGETS, bytes(TERMIOS_SIZE))
                fcntl.ioctl(0, TCSETSW, unprocessed(self._saved))  # what was typed ahead is kept
            resize(self.places, *window(0))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._saved:
            with suppress(OSError):
                fcntl.ioctl(0, TCSETSW, self._saved)
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for fd in (self._wake, self._woken):
            os.close(fd)
        self.connection.close()

    def run(self) -> bool:
        """Carries bytes to and fro; False if the caller detached, True once the output ends."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        if self.stdin:
            poll.register(0, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._woken:
                    self._signals()
                elif fd == 0:
                    data = self._typed()
                    if self.detached:
                        return False
                    if not data:
                        poll.unregister(0)
                elif not self._came():
                    return True

    def _signals(self) -> None:
        try:
            numbers = os.read(self._woken, 256)
        except BlockingIOError:
            return
        for number in numbers:
            if number == signal.SIGWINCH:
                if self.terminal:
                    resize(self.places, *window(0))
            elif self.forward is not None:
                self.forward(number)

    def _typed(self) -> bool:
        """Hands input on; False at its end."""
        try:
            data = os.read(0, PACKET)
        except OSError:
            data = b""
        passed, self.detached = self.watch.feed(data)
        try:
            if passed:
                self.connection.send(passed)
            if not data and not self.terminal:
                self.connection.shutdown(SHUT_WR)
        except OSError:
            return False  # the container does not read any more
        return bool(data)

    def _came(self) -> bool:
        """Hands output on; False at its end."""
        try:
            packet = self.connection.recv(PACKET + 1)
        except OSError:
            return False
        if not packet:
            return False
        name, fd = ("stderr", 2) if packet[0] == ERR else ("stdout", 1)
        if name in self.streams:
            write_all(fd, packet[1:])
        return True


FORWARDED = [
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGALRM, signal.SIGCONT, signal.SIGTSTP,
]  # fmt: skip


def _nothing(number: int, frame: object) -> None:
    """Does nothing: the reader of the wake-up pipe handles the signal."""


def write_all(fd: int, data: bytes) -> None:
    """All of it; nothing more once the reader is gone."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])
        except OSError:
            return
