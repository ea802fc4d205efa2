"""A program that runs in a Sandbox: its output as it comes, its input, its end."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from signal import SIGKILL
from threading import Lock
from typing import TYPE_CHECKING

from hutch.engine.sandbox.box import wait_for
from hutch.engine.sandbox.result import Result, Usage
from hutch.engine.sandbox.run import Output, gather, result_of, sent_by
from hutch.engine.sandbox.settings import deadline
from hutch.engine.sandbox.streams import Kept, Streams
from hutch.errors import HutchError, UsageError
from hutch.kernel.process import signal_pidfd
from hutch.spec.signal_names import signal_number

if TYPE_CHECKING:
    from resource import struct_rusage

    from hutch.container.init_process import Init
    from hutch.engine.sandbox.box import Box
    from hutch.engine.sandbox.sandbox import Sandbox


class Process:
    """A program of a Sandbox. It must be waited for, or read to its end.

        with box.start(["make"]) as process:
            for stream, data in process:
                print(stream, data)
        print(process.result.exit_code)

    Iterating gives ("stdout" or "stderr", bytes) as they come, until the program has ended. The end
    of the ``with`` block kills it, if it still runs.
    """

    def __init__(
        self,
        sandbox: "Sandbox",
        box: "Box",
        init: "Init",
        streams: Streams,
        kept: Kept,
        began: float,
        stop: int,
    ) -> None:
        self._sandbox = sandbox
        self._box = box
        self._init = init
        self._streams = streams
        self._kept = kept
        self._began = began
        self._stop = stop
        self._ooms, self._refused = box.oom_kills(), box.refused()
        self._killed = False
        self._lock = Lock()
        self._ended: tuple[int, struct_rusage] | None = None
        self._result: Result | None = None

    def __del__(self) -> None:
        """Closes the streams of a program that nobody has waited for."""
        if self._result is None:
            self._init.close()
            self._streams.close()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """The output from here on; it is kept for ``result`` too."""
        if self._result is None:
            for name, data in self._streams.chunks(self._init.pidfd, self._stop, None):
                self._kept.add(name, data)
                yield name, data
            if self._streams.stopped:
                self.kill()
            self._finish(timed_out=False)

    @property
    def result(self) -> Result:
        """Raises UsageError if the program has not been waited for yet."""
        if self._result is None:
            raise UsageError("the program still runs: wait() for it, or read its output to the end")
        return self._result

    def write(self, data: bytes | str) -> None:
        """Adds to the input of a program that was started as ``interactive``; it is written while
        the output is read. Raises UsageError if the input has ended."""
        if not self._streams.interactive:
            raise UsageError("the input of the program has ended", hint="start(interactive=True)")
        self._streams.write(data.encode() if isinstance(data, str) else data)

    def end_input(self) -> None:
        """The program reads end of file after what was written."""
        self._streams.end_input()

    def kill(self, signal: int | str = "KILL") -> None:
        """Sends a signal to the program, by name or number; nothing if it has ended. KILL is sent
        to its process group, so that the commands of a shell end with it."""
        if self._result is None:
            self._killed = self._killed or signal in ("KILL", SIGKILL)
            with self._lock, suppress(ProcessLookupError):
                if self._ended is None and signal == "KILL":
                    # It leads a session, and its pid cannot be another's before it is reaped.
                    os.killpg(self._init.pid, SIGKILL)
            try:
                signal_pidfd(self._init.pidfd, signal_number(str(signal)))
            except UsageError:
                raise
            except HutchError:
                return

    def wait(self, timeout: float | None = None, *, on_output: Output | None = None) -> Result:
        """Reads the output to its end and returns the result. After ``timeout`` seconds all
        processes of the sandbox are killed. ``on_output`` is called as in ``hutch.run``."""
        seconds = deadline(timeout)
        if self._result is None:
            self._streams.interactive = False
            self._streams.end_input()
            chunks = self._streams.chunks(self._init.pidfd, self._stop, seconds)
            try:
                timed_out = not gather(chunks, self._kept, on_output)
            except BaseException:
                self.close()
                raise
            if timed_out:
                self._sandbox.end(self._box)
            elif self._streams.stopped:
                self.kill()
            self._finish(timed_out=timed_out)
        return self.result

    def close(self) -> None:
        """Kills the program if it still runs."""
        if self._result is None:
            self.kill()
            self._finish(timed_out=False)

    def reap(self) -> "tuple[int, struct_rusage]":
        """Waits for its end, once. The container cannot end before: the first process of a pid
        namespace waits until all others in it are reaped (pid_namespaces(7))."""
        with self._lock:
            if self._ended is None:
                self._ended = wait_for(self._init.pid)
            return self._ended

    def _finish(self, *, timed_out: bool) -> None:
        status, used = self.reap()
        self._sandbox.forget(self)
        self._init.close()
        self._streams.close()
        usage = Usage(
            time.monotonic() - self._began, used.ru_utime, used.ru_stime, used.ru_maxrss * 1024
        )
        ooms = self._box.oom_kills() - self._ooms
        end = self._box.end_of(
            status, self._began, pid=self._init.pid, before=(self._ooms, self._refused),
            sent=sent_by(timed_out, self._killed or self._streams.stopped),
        )  # fmt: skip
        self._result = result_of(status, self._kept, usage, end, timed_out=timed_out, ooms=ooms)
