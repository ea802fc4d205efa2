"""The standard streams of a program: its input is written and its output read at the same time, so
neither can wait for the other; what is kept is bounded."""

import errno
import os
import select
import time
from collections.abc import Iterator

from hutch.errors import KernelError

PIPE = 1 << 16  # bytes that a new pipe takes at once (pipe(7))
CHUNK = 1 << 16
STDOUT, STDERR = "stdout", "stderr"


class Streams:
    """Three pipes, or /dev/null as input. ``program`` are the ends for the program, as standard
    input, output and error; the caller closes them by ``let_go`` once the program has them."""

    def __init__(self, input: bytes | None, *, interactive: bool = False) -> None:
        self.input = memoryview(input or b"")
        self.interactive = interactive
        self.stopped = False
        self.stdin = -1
        self.output: dict[int, str] = {}
        ends: list[int] = []
        try:
            if input or interactive:
                theirs, self.stdin = os.pipe2(os.O_CLOEXEC)
                os.set_blocking(self.stdin, False)
            else:
                theirs = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            ends.append(theirs)
            for name in (STDOUT, STDERR):
                ours, theirs = os.pipe2(os.O_CLOEXEC)
                os.set_blocking(ours, False)
                self.output[ours] = name
                ends.append(theirs)
        except OSError as error:
            self.program = tuple(ends)
            self.close()
            raise KernelError("make pipes for the program", "pipe2", error.errno) from None
        self.program = tuple(ends)
        if 0 < len(self.input) <= PIPE and not interactive:
            # It fits into the empty pipe: no need to wait for the program to read.
            self._write()

    @property
    def stdio(self) -> tuple[int, int, int]:
        stdin, stdout, stderr = self.program
        return stdin, stdout, stderr

    def let_go(self) -> None:
        """Closes the program's ends, so that the end of the program ends its output."""
        for fd in self.program:
            os.close(fd)
        self.program = ()

    def write(self, data: bytes) -> None:
        """Adds to the input; it is written while the output is read."""
        self.input = memoryview(bytes(self.input) + data)

    def end_input(self) -> None:
        """The program reads end of file after what was written."""
        self.interactive = False
        if not self.input:
            self._close_input()

    def _close_input(self) -> None:
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def _write(self) -> None:
        try:
            self.input = self.input[os.write(self.stdin, self.input) :]
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            self.input = memoryview(b"")  # the program reads no more
            self._close_input()
        if not self.input and not self.interactive:
            self._close_input()

    def chunks(self, ended: int, stop: int, seconds: float | None) -> Iterator[tuple[str, bytes]]:
        """Gives (STDOUT or STDERR, bytes) as they come, until the program has ended.

        ``ended`` is its pidfd: other processes may keep its output open for longer. ``stop`` is a
        descriptor, or -1; when it can be read, ``stopped`` becomes true, and nothing more comes.
        Raises TimeoutError after ``seconds``.
        """
        end = None if seconds is None else time.monotonic() + seconds
        poll = select.poll()
        for fd in (*self.output, ended, *([stop] if stop >= 0 else [])):
            poll.register(fd, select.POLLIN)
        writing = False
        while True:
            if writing != bool(self.stdin >= 0 and self.input):
                writing = not writing
                if writing:
                    feed = self.stdin
                    poll.register(feed, select.POLLOUT)
                else:
                    poll.unregister(feed)
            left = None if end is None else max(0, (end - time.monotonic()) * 1000)
            ready = poll.poll(left)
            if not ready and end is not None and time.monotonic() >= end:
                raise TimeoutError
            over = False
            for fd, _ in ready:
                if fd in self.output:
                    data = self._read(fd)
                    if data:
                        yield self.output[fd], data
                    elif data is not None:
                        poll.unregister(fd)
                        del self.output[fd]
                        os.close(fd)
                elif fd == ended:
                    over = True
                elif fd == stop:
                    self.stopped = True
                    return
                else:
                    self._write()
            if over:
                yield from self._rest()
                return

    @staticmethod
    def _read(fd: int) -> bytes | None:
        """b"" at the end; None if nothing is there now."""
        try:
            return os.read(fd, CHUNK)
        except BlockingIOError:
            return None

    def _rest(self) -> Iterator[tuple[str, bytes]]:
        """What the program had written before it ended: no more than pipes hold, since a process
        that outlives it may go on writing."""
        for fd, name in self.output.items():
            for _ in range(32):
                data = self._read(fd)
                if not data:
                    break
                yield name, data

    def close(self) -> None:
        """Closes all that is open."""
        self.let_go()
        self._close_input()
        for fd in self.output:
            os.close(fd)
        self.output = {}


class Kept:
    """The output that is kept of each stream: at most ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.parts: dict[str, list[bytes]] = {STDOUT: [], STDERR: []}
        self.sizes = {STDOUT: 0, STDERR: 0}
        self.truncated = False

    def add(self, name: str, data: bytes) -> None:
        room = self.limit - self.sizes[name]
        if len(data) > room:
            self.truncated = True
            data = data[:room]
        if data:
            self.parts[name].append(data)
            self.sizes[name] += len(data)

    def of(self, name: str) -> bytes:
        return b"".join(self.parts[name])
