"""A replacement of `criu swrk` for tests of restore: it makes a process, reports it, and can fail.

CRIU does not support every kernel that the tests run on, but its behaviour towards the runtime can
be tested on all of them. Like CRIU, this program makes the process as a child of its caller, moves
it to the cgroup after its namespaces are made, and kills it if the caller has ended. The file
"order" in its folder, with the content "FAULT STAGE CGROUP", says after which stage it fails and
how. When the fault has happened, the program puts an x at the beginning of the file.
"""

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

from hutch.container.criu import messages

STAGES = ("asked", "setup-namespaces", "post-restore", "pre-resume", "restored")
FAULTS = (
    "CRIU refuses",
    "CRIU is killed",
    "the process ends",
    "the runtime is killed",
    "both are killed",
)
PROGRAM = ["sleep", "987654"]

ANSWER: "messages.Fields" = {
    "type": (1, "number"),
    "success": (2, "number"),
    "notify": (5, {"name": (1, "text"), "pid": (2, "number")}),
}
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE_PARENT = 0x8000
LAUNCHER = """#!{python}
import sys
sys.path.insert(0, {tests!r})
from tests.support.restoring_criu import Restoring
Restoring({folder!r}, int(sys.argv[2])).serve()
"""


def install(folder: Path) -> None:
    """Makes a command `criu` in the folder, without an order."""
    program = folder / "criu"
    tests = str(Path(__file__).parents[2])
    program.write_text(LAUNCHER.format(python=sys.executable, tests=tests, folder=str(folder)))
    program.chmod(0o755)


class Restoring:
    """Serves one request to restore, over the socket with this number."""

    def __init__(self, folder: str, number: int) -> None:
        self.order = Path(folder, "order")
        self.fault, self.stage, self.cgroup = self.order.read_text().split("|")
        self.socket = socket.socket(fileno=number)
        self.socket.set_inheritable(False)
        self.pid = 0

    def serve(self) -> None:
        self.socket.recv(1 << 20)
        self.meet("asked")
        self.pid = self.begun()
        try:
            for stage in STAGES[1:-1]:
                told = {"name": stage, "pid": self.pid}
                self.say({"type": messages.NOTIFY, "notify": told})
                if not self.socket.recv(1 << 20):
                    raise BrokenPipeError
                self.meet(stage)
                if stage == "setup-namespaces":
                    self.join()
            self.meet(STAGES[-1])
            self.say({"type": messages.RESTORE, "success": True})
        except (BrokenPipeError, ConnectionResetError):
            os.kill(self.pid, signal.SIGKILL)

    def begun(self) -> int:
        """Starts the process, with its own session."""
        flags = CLONE_PARENT | signal.SIGCHLD
        pid = ctypes.CDLL(None).syscall(CLONE[os.uname().machine], flags, 0, 0, 0, 0)
        if pid == 0:
            os.setsid()
            os.execvp(PROGRAM[0], PROGRAM)
        return int(pid)

    def join(self) -> None:
        """Moves the process to the container's cgroup."""
        for pattern in (self.cgroup, "/*" + self.cgroup):
            for path in Path("/sys/fs/cgroup").glob(pattern.lstrip("/")):
                (path / "cgroup.procs").write_text(str(self.pid))

    def meet(self, stage: str) -> None:
        if stage != self.stage:
            return
        self.order.write_text("x" + self.order.read_text())
        if self.fault == "CRIU refuses":
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
            self.say({"type": messages.RESTORE, "success": False})
            sys.exit(1)
        if self.fault in ("the runtime is killed", "both are killed"):
            os.kill(os.getppid(), signal.SIGKILL)
        if self.fault in ("CRIU is killed", "both are killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "the process ends" and self.pid:
            os.kill(self.pid, signal.SIGKILL)

    def say(self, answer: dict[str, object]) -> None:
        self.socket.send(messages.encode(answer, ANSWER))
