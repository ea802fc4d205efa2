"""The pty of a container. In the foreground its bytes are copied between the pty's master and the
caller's standard streams; else the master is sent to an engine over the console socket."""

import posix
from fcntl import ioctl
from select import POLLIN, POLLOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from select import poll as Poll

    from hutch.container.terminal_eof import End

TCGETS, TCSETS = 0x5401, 0x5402
TIOCGWINSZ, TIOCSWINSZ = 0x5413, 0x5414
TERMIOS_SIZE = 60
ONLCR = 0o4
CHUNK = 65536


def raw_mode(settings: bytes) -> bytes:
    """``settings`` (struct termios) as cfmakeraw(3) changes it, but with OPOST unchanged: the
    container's terminal sends line feeds alone, so the caller's must add a carriage return."""
    flags = [int.from_bytes(settings[at : at + 4], "little") for at in (0, 4, 8, 12)]
    flags[0] &= ~0o2753  # IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
    flags[2] = flags[2] & ~0o460 | 0o60  # CSIZE PARENB -> CS8
    flags[3] &= ~0o100113  # ECHO ECHONL ICANON ISIG IEXTEN
    return b"".join([flag.to_bytes(4, "little") for flag in flags]) + settings[16:]


class Terminal:
    """Copies bytes between the caller's standard streams and a pty's master."""

    __slots__ = ("_end", "_gone", "_master", "_pending", "_saved", "_waiting")

    def __init__(self) -> None:
        self._master = -1
        self._saved = b""
        self._pending = b""  # read from the caller, but not yet written to the pty
        self._gone = False  # no process has the pty's slave open any more
        self._waiting: Poll | None = None
        self._end: End | None = None

    def receive(self, master: int) -> None:
        """Takes the descriptor of the master. Sets the size of the caller's terminal there, and
        clears ONLCR: a line feed of the container stays a line feed, as with runc."""
        self._master = master
        settings = ioctl(master, TCGETS, bytes(TERMIOS_SIZE))
        output = int.from_bytes(settings[4:8], "little") & ~ONLCR
        ioctl(master, TCSETS, settings[:4] + output.to_bytes(4, "little") + settings[8:])
        self.resize()

    def attached(self) -> bool:
        """Whether ``receive`` was called: the container has a terminal."""
        return self._master >= 0

    def begin(self, waiting: "Poll") -> None:
        """Sets the caller's terminal to raw mode and registers both sides at ``waiting``."""
        if posix.isatty(0):
            self._saved = ioctl(0, TCGETS, bytes(TERMIOS_SIZE))
            ioctl(0, TCSETS, raw_mode(self._saved))
        # Not blocking: if the program does not read, its output must still be copied.
        posix.set_blocking(self._master, False)
        self._waiting = waiting
        waiting.register(self._master, POLLIN)
        waiting.register(0, POLLIN)

    def carry(self, fd: int, events: int) -> None:
        """Copies bytes for the descriptor ``fd``, for which poll(2) has returned ``events``. A side
        that has ended is unregistered."""
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
        """Reads from the caller. The next read comes only after all of it is in the pty."""
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
        """Writes the pending bytes to the container."""
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
        """Copies the container's output to the caller."""
        assert self._waiting is not None
        try:
            data = posix.read(self._master, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO: no process has the slave open any more
            data = b""
        if data:
            _write(data)
            return
        self._waiting.unregister(self._master)
        self._gone = True
        if self._pending:
            self._give()

    def drain(self) -> None:
        """Writes the output that is still in the pty after the program has ended."""
        while True:
            try:
                data = posix.read(self._master, CHUNK)
            except OSError:
                return
            if not data:
                return
            _write(data)

    def resize(self) -> None:
        """Gives the container's terminal the size of the caller's."""
        if self._master >= 0 and posix.isatty(0):
            ioctl(self._master, TIOCSWINSZ, ioctl(0, TIOCGWINSZ, bytes(8)))

    def end(self) -> None:
        """Restores the settings of the caller's terminal and closes the master."""
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


def console_for(
    wanted: bool, detached: bool, socket: str, console: "Callable[[int], None] | None"
) -> "tuple[Callable[[int], None] | None, Terminal | None]":
    """The rule of create, run, restore and exec for who takes the master: the engine's ``socket``,
    the caller's ``console``, or, for a process in the foreground, a ``Terminal``.

    ``wanted`` is whether the process has a terminal. Returns what is to be called with the master,
    and the ``Terminal`` if there is one. Raises UsageError for a socket that nothing would be sent
    to, and ConfigError for a terminal that nobody takes.
    """
    if socket:
        if not detached or not wanted:
            from hutch.errors import UsageError

            asks = "set process.terminal to true or give --tty" if detached else "give --detach"
            raise UsageError(
                "cannot use console socket if runc will not detach or allocate tty",
                hint=f"{asks}, or leave --console-socket out",
            )
        return lambda master: send_console(socket, master), None
    if not wanted or console is not None:
        return console, None
    if detached:
        from hutch.errors import ConfigError

        raise ConfigError(
            "process.terminal",
            "a detached process with a terminal needs a console socket",
            hint="give --console-socket, or set process.terminal to false",
        )
    terminal = Terminal()
    return terminal.receive, terminal


def send_console(path: str, master: int) -> None:
    """Sends the master over the engine's socket (runc's --console-socket: one message with the
    name of the pty and its descriptor) and closes it here. Raises HutchError or KernelError."""
    from hutch.container.fd_passing import hand_over

    try:
        hand_over(path, "console", b"/dev/pts/ptmx", master)
    finally:
        posix.close(master)
