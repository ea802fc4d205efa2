"""The pty of a container in the foreground, carried between its master and the caller's terminal,
and the console socket through which an engine is handed the master instead."""

import posix
from fcntl import ioctl
from select import POLLIN, POLLOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from select import poll as Poll

    from hutch.container.request import Request
    from hutch.container.terminal_eof import End

TCGETS, TCSETS = 0x5401, 0x5402
TIOCGWINSZ, TIOCSWINSZ = 0x5413, 0x5414
TERMIOS_SIZE = 60
ONLCR = 0o4
CHUNK = 65536


def raw_mode(settings: bytes) -> bytes:
    """struct termios as cfmakeraw(3) changes it, but for what becomes of output (OPOST): the
    container's terminal sends line feeds alone, and the caller's makes a new line of each."""
    flags = [int.from_bytes(settings[at : at + 4], "little") for at in (0, 4, 8, 12)]
    flags[0] &= ~0o2753  # IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
    flags[2] = flags[2] & ~0o460 | 0o60  # CSIZE PARENB -> CS8
    flags[3] &= ~0o100113  # ECHO ECHONL ICANON ISIG IEXTEN
    return b"".join([flag.to_bytes(4, "little") for flag in flags]) + settings[16:]


class Terminal:
    """Carries bytes between the caller's standard streams and a pty's master."""

    __slots__ = ("_end", "_gone", "_master", "_pending", "_saved", "_waiting")

    def __init__(self) -> None:
        self._master = -1
        self._saved = b""
        self._pending = b""  # came from the caller, and the pty has had no room for it yet
        self._gone = False  # nobody has the other side open any more
        self._waiting: Poll | None = None
        self._end: End | None = None

    def receive(self, master: int) -> None:
        """Takes the master; the size of the caller's terminal becomes the container's. A line feed
        of the container's stays one, as engines and scripts know it of runc."""
        self._master = master
        settings = ioctl(master, TCGETS, bytes(TERMIOS_SIZE))
        output = int.from_bytes(settings[4:8], "little") & ~ONLCR
        ioctl(master, TCSETS, settings[:4] + output.to_bytes(4, "little") + settings[8:])
        self.resize()

    def attached(self) -> bool:
        """Whether the container has sent a terminal at all."""
        return self._master >= 0

    def begin(self, waiting: "Poll") -> None:
        """Puts the caller's terminal into raw mode and waits for bytes of both."""
        if posix.isatty(0):
            self._saved = ioctl(0, TCGETS, bytes(TERMIOS_SIZE))
            ioctl(0, TCSETS, raw_mode(self._saved))
        # A program that does not read must not keep us from carrying what it writes.
        posix.set_blocking(self._master, False)
        self._waiting = waiting
        waiting.register(self._master, POLLIN)
        waiting.register(0, POLLIN)

    def carry(self, fd: int, events: int) -> None:
        """Moves what ``fd``, which poll(2) has shown with these events, has or has room for; the
        end of either side is no longer waited for."""
        if fd == 0:
            self._take()
        elif fd != self._master:
            if self._end is not None:
                self._end.offer()
        else:
            if events & POLLOUT:
                self._give()
            if events & ~POLLOUT:
                self._show()

    def _take(self) -> None:
        """From the caller; no more before the pty has had room for it."""
        assert self._waiting is not None
        try:
            self._pending = posix.read(0, CHUNK)
        except OSError:  # EIO: a terminal that is gone
            self._pending = b""
        self._waiting.unregister(0)
        if self._pending:
            self._give()
        else:
            from hutch.container.terminal_eof import End

            self._end = End(self._master)
            self._waiting.register(self._end.fd, POLLIN)

    def _give(self) -> None:
        """To the container."""
        assert self._waiting is not None
        try:
            self._pending = self._pending[posix.write(self._master, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self._pending = b""
        if self._gone:
            self._pending = b""
        else:
            self._waiting.modify(self._master, POLLIN | POLLOUT if self._pending else POLLIN)
        if not self._pending:
            self._waiting.register(0, POLLIN)

    def _show(self) -> None:
        """What the container writes, to the caller."""
        assert self._waiting is not None
        try:
            data = posix.read(self._master, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last one that had the slave open is gone
            data = b""
        if data:
            _write(data)
            return
        self._waiting.unregister(self._master)
        self._gone = True
        if self._pending:
            self._give()

    def drain(self) -> None:
        """Writes out what the ended program has left in the pty."""
        while True:
            try:
                data = posix.read(self._master, CHUNK)
            except OSError:
                return
            if not data:
                return
            _write(data)

    def resize(self) -> None:
        """The container's terminal takes the size of the caller's."""
        if self._master >= 0 and posix.isatty(0):
            ioctl(self._master, TIOCSWINSZ, ioctl(0, TIOCGWINSZ, bytes(8)))

    def end(self) -> None:
        """Gives the caller's terminal back as it was."""
        if self._saved:
            ioctl(0, TCSETS, self._saved)
            self._saved = b""
        if self._end is not None:
            self._end.close()
            self._end = None
        if self._master >= 0:
            posix.close(self._master)
            self._master = -1


def _write(data: bytes) -> None:
    while data:
        try:
            data = data[posix.write(1, data) :]
        except OSError:
            return


def own_terminal(request: "Request") -> "Terminal | None":
    """The terminal of a container that stays in the foreground: the caller's, unless the master
    goes elsewhere. Raises UsageError for a socket that would get none."""
    if request.console_socket:
        from hutch.errors import UsageError

        raise UsageError(
            "cannot use console socket if runc will not detach or allocate tty",
            hint="give --detach, or leave --console-socket out",
        )
    if request.console is not None:
        return None
    terminal = Terminal()
    request.console = terminal.receive
    return terminal


def send_console(path: str, master: int) -> None:
    """Sends the master over the engine's socket (runc's --console-socket: one message with the
    name of the pty and its descriptor) and closes ours. Raises HutchError or KernelError."""
    from hutch.container.fd_passing import hand_over

    try:
        hand_over(path, "console", b"/dev/pts/ptmx", master)
    finally:
        posix.close(master)
