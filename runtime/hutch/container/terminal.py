"""The pty of a container in the foreground, carried between its master and the caller's terminal,
and the console socket through which an engine is handed the master instead."""

import posix
from fcntl import ioctl
from select import POLLIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from select import poll as Poll

TCGETS, TCSETS = 0x5401, 0x5402
TIOCGWINSZ, TIOCSWINSZ = 0x5413, 0x5414
TERMIOS_SIZE = 60
CHUNK = 65536


def raw_mode(settings: bytes) -> bytes:
    """struct termios as cfmakeraw(3) changes it: every byte passes as it is."""
    flags = [int.from_bytes(settings[at : at + 4], "little") for at in (0, 4, 8, 12)]
    flags[0] &= ~0o2753  # IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
    flags[1] &= ~0o1  # OPOST
    flags[2] = flags[2] & ~0o460 | 0o60  # CSIZE PARENB -> CS8
    flags[3] &= ~0o100113  # ECHO ECHONL ICANON ISIG IEXTEN
    return b"".join([flag.to_bytes(4, "little") for flag in flags]) + settings[16:]


class Terminal:
    """Carries bytes between the caller's standard streams and a pty's master."""

    __slots__ = ("_master", "_saved")

    def __init__(self) -> None:
        self._master = -1
        self._saved = b""

    def receive(self, master: int) -> None:
        """Takes the master; the size of the caller's terminal becomes the container's."""
        self._master = master
        self.resize()

    def attached(self) -> bool:
        """Whether the container has sent a terminal at all."""
        return self._master >= 0

    def begin(self, waiting: "Poll") -> None:
        """Puts the caller's terminal into raw mode and waits for bytes of both."""
        if posix.isatty(0):
            self._saved = ioctl(0, TCGETS, bytes(TERMIOS_SIZE))
            ioctl(0, TCSETS, raw_mode(self._saved))
        waiting.register(self._master, POLLIN)
        waiting.register(0, POLLIN)

    def carry(self, fd: int, waiting: "Poll") -> None:
        """Moves what has come in on ``fd``; the end of either side is no longer waited for."""
        source, target = (self._master, 1) if fd == self._master else (0, self._master)
        try:
            data = posix.read(source, CHUNK)
        except OSError:  # EIO: the last one that had the slave open is gone
            data = b""
        if not data:
            waiting.unregister(fd)
            if fd == 0:
                self._write(self._master, b"\x04")
            return
        self._write(target, data)

    def drain(self) -> None:
        """Writes out what the ended program has left in the pty."""
        posix.set_blocking(self._master, False)
        while True:
            try:
                data = posix.read(self._master, CHUNK)
            except OSError:
                return
            if not data:
                return
            self._write(1, data)

    def resize(self) -> None:
        """The container's terminal takes the size of the caller's."""
        if self._master >= 0 and posix.isatty(0):
            ioctl(self._master, TIOCSWINSZ, ioctl(0, TIOCGWINSZ, bytes(8)))

    def end(self) -> None:
        """Gives the caller's terminal back as it was."""
        if self._saved:
            ioctl(0, TCSETS, self._saved)
            self._saved = b""
        if self._master >= 0:
            posix.close(self._master)
            self._master = -1

    @staticmethod
    def _write(fd: int, data: bytes) -> None:
        while data:
            try:
                data = data[posix.write(fd, data) :]
            except OSError:
                return


def send_console(path: str, master: int) -> None:
    """Sends the master over the engine's socket (runc's --console-socket: one message with the
    name of the pty and its descriptor) and closes ours. Raises HutchError or KernelError."""
    from hutch.container.handing import hand_over

    try:
        hand_over(path, "console", b"/dev/pts/ptmx", master)
    finally:
        posix.close(master)
