"""A program on a terminal of a given size, and what a person sees there (pyte is the terminal)."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable

import pyte


class Program:
    """A program whose controlling terminal is new; ``screen`` shows what it has drawn."""

    def __init__(self, *words: str, lines: int = 24, columns: int = 100) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.master, self.slave = pty.openpty()
        self.written = b""
        self.size(lines, columns)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            words, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=self._control, env={**os.environ, "TERM": "screen"},
        )  # fmt: skip

    def _control(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def size(self, lines: int, columns: int) -> None:
        """Makes the terminal larger or smaller, and tells the program."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read(self) -> None:
        """Draws what the program has written by now."""
        while select.select([self.master], [], [], 0.05)[0]:
            data = os.read(self.master, 65536)
            self.written += data
            self._stream.feed(data)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, fact: Callable[[str], object]) -> str:
        """Waits until ``fact`` is true of the screen's text, which is returned."""
        deadline = time.monotonic() + 60
        while True:
            self.read()
            if fact(self.text):
                return self.text
            assert time.monotonic() < deadline, self.text

    def end(self) -> int:
        """Waits for the end; the exit code, or minus the number of the signal."""
        deadline = time.monotonic() + 60
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
            self.read()
        self.read()
        return self.process.returncode

    def is_as_before(self) -> bool:
        """Whether the terminal's settings are those from before the program, its first screen is
        shown and its cursor is visible."""
        after = self.written.rpartition(b"\x1b[?1049l")
        return (
            termios.tcgetattr(self.slave) == self.before
            and bool(after[1])
            and (b"\x1b[?1049h" not in after[2] and not self.screen.cursor.hidden)
        )

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)
