"""One container of a sandbox: made, watched and removed with the parts of hutch.Container.

hutch-init stays as its first process, beside the program (native/init/supervise.c). It ends with
the program, or with the process that called us, however that dies; the kernel then ends all other
processes of the container.
"""

import os
import secrets
import threading
import time
from resource import struct_rusage
from struct import Struct
from typing import TYPE_CHECKING

from hutch import cgroups
from hutch.container.create import Created, prepare
from hutch.container.delete import destroy
from hutch.container.request import Request
from hutch.container.start import finish
from hutch.engine.sandbox.config import checked_config
from hutch.engine.sandbox.places import Places, state_store
from hutch.engine.sandbox.result import Usage
from hutch.engine.sandbox.roots import Root
from hutch.engine.sandbox.settings import Settings
from hutch.errors import HutchError
from hutch.kernel.process import signal_pidfd
from hutch.plan.choices import Choices

if TYPE_CHECKING:
    from hutch.container.ending import Ending

SIGKILL = 9
REPORT = Struct("=qqqq")  # native/init/supervise.c, reap
OWN_STREAMS = (-1, -1, -1)


def _ignore(warning: HutchError) -> None:
    """Warnings of the runtime: a caller gets errors only."""


class _Caller:
    """A pidfd of this process. The first process of a container ends when it can be read."""

    def __init__(self) -> None:
        self.pid = 0
        self.fd = -1
        self.lock = threading.Lock()

    def pidfd(self) -> int:
        with self.lock:
            if self.pid != os.getpid():  # first use, or a child made by fork(2)
                self.fd, self.pid = os.pidfd_open(os.getpid()), os.getpid()
            return self.fd


_CALLER = _Caller()


def wait_for(pid: int) -> tuple[int, struct_rusage]:
    """Waits for the end of a child: its wait status and what it has used. If the caller ignores
    SIGCHLD, or waits for all children elsewhere, the status is lost (waitpid(2)), and is 255."""
    try:
        _, status, used = os.wait4(pid, 0)
    except ChildProcessError:
        return 255 << 8, struct_rusage([0] * struct_rusage.n_fields)
    return status, used


class Box:
    """A container that exists. If ``args`` is empty, it stays without a program of its own: `exec`
    runs them."""

    def __init__(
        self,
        settings: Settings,
        root: Root,
        places: Places,
        args: list[str],
        *,
        stdio: tuple[int, int, int] = OWN_STREAMS,
    ) -> None:
        self.id = f"{os.getpid()}-{secrets.token_hex(8)}"
        choices = Choices(direct=True, supervised=True, stays=not args)
        request = Request(self.id, str(places.root), choices, warn=_ignore)
        request.config = checked_config(self.id, settings, root, places, args)
        request.stdio = stdio
        self.report, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        request.supervisor = [_CALLER.pidfd(), theirs]
        try:
            self.made: Created = prepare(state_store(places.root), request)
        except BaseException:
            os.close(self.report)
            raise
        finally:
            os.close(theirs)
        self.removed = False

    @property
    def pidfd(self) -> int:
        """Of the first process; it can be read when nothing of the container runs any more."""
        return self.made.init.pidfd

    def start(self) -> None:
        """Lets the program be executed. Raises HutchError if it cannot be."""
        init = self.made.init
        init.answer()
        init.executed()
        finish(self.made.entry, self.made.state, _ignore)
        self.made.entry.release()

    def kill(self) -> None:
        """Ends all processes. Does nothing if they have already ended."""
        try:
            signal_pidfd(self.pidfd, SIGKILL)
        except HutchError:
            return

    def wait(self, began: float) -> tuple[int, Usage]:
        """Waits for the end of the container. Returns the wait status of its program (waitpid(2))
        and what it has used since ``began`` (time.monotonic)."""
        status, used = wait_for(self.made.init.pid)
        wall = time.monotonic() - began
        user, system, memory = used.ru_utime, used.ru_stime, used.ru_maxrss * 1024
        try:
            reported = os.read(self.report, REPORT.size)
        except BlockingIOError:
            reported = b""
        if len(reported) == REPORT.size:  # else hutch-init was killed first
            status, user_time, system_time, memory = REPORT.unpack(reported)
            user, system = user_time / 1e6, system_time / 1e6
        return status, Usage(wall, user, system, self.memory_peak() or memory)

    def oom_kills(self) -> int:
        """How many of its processes the kernel has killed because memory ran out."""
        cgroup = self.made.init.bindings.cgroup
        return cgroups.oom_killed(cgroup) if cgroup is not None else 0

    def refused(self) -> int:
        """How many processes could not be made because there were too many."""
        from hutch.cgroups.limits_hit import pids_refused

        cgroup = self.made.init.bindings.cgroup
        return pids_refused(cgroup) if cgroup is not None else 0

    def memory_peak(self) -> int:
        """The most memory that it had, in bytes; 0 if it is not known."""
        from hutch.cgroups.limits_hit import memory_peak

        cgroup = self.made.init.bindings.cgroup
        return memory_peak(cgroup) if cgroup is not None else 0

    def end_of(
        self,
        status: int,
        began: float,
        *,
        sent: str = "",
        pid: int = 0,
        before: tuple[int, int] = (0, 0),
    ) -> "Ending":
        """Why a program has ended whose wait status is ``status``. ``began`` is a time of
        CLOCK_MONOTONIC; ``sent``, who has killed it (ending.SENT); ``pid`` and ``before`` are those
        of container.ending.how_it_ended."""
        from hutch.container.ending import filter_kills, how_it_ended

        if status == 0:  # it ended well: nothing is read
            return {"cause": "exit", "exitCode": 0, "reason": "exit code 0"}
        seccomp = self.made.config.get("linux", {}).get("seccomp")
        return how_it_ended(
            status=status,
            pid=pid,
            since=began,
            cgroup=self.made.init.bindings.cgroup,
            filtered=bool(seccomp and filter_kills(seccomp)),
            sent=(SIGKILL, sent) if sent else None,
            before=before,
        )

    def remove(self) -> None:
        """Ends the container and removes all of it. Raises HutchError if something cannot be
        removed; the state then stays, and a later call tries again."""
        if self.removed:
            return
        self.removed = True
        init, entry = self.made.init, self.made.entry
        init.kill()
        init.close()
        os.close(self.report)
        try:
            if entry.has("state.json"):
                entry.release()
                entry.lock(wait=True)
                destroy(entry, self.made.state)
        finally:
            entry.release()
