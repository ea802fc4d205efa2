"""A command at a terminal of its own, as a person has it."""

import os
import pty
import select
import signal
import time


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, environment)
        self.seen = b""

    def send(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, text: str, seconds: float = 20) -> str:
        """Waits until the text has been shown; what was shown up to it, which is not seen again."""
        end = time.monotonic() + seconds
        wanted = text.encode()
        while wanted not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come: {self.seen!r}"
            try:
                data = os.read(self.master, 4096)
            except OSError:
                data = b""
            assert data, f"{text!r} did not come: {self.seen!r}"
            self.seen += data
        before, _, self.seen = self.seen.partition(wanted)
        return before.decode(errors="replace")

    def end(self) -> int:
        """Waits for its end; the exit status."""
        while True:
            ready, _, _ = select.select([self.master], [], [], 20)
            if not ready:
                os.kill(self.pid, signal.SIGKILL)
            try:
                if not os.read(self.master, 4096):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)
