"""hutch-init as the runtime sees it: the spawn, and the way that it goes along with the plan."""

import posix

import hutch
from hutch.container.messages import read_message
from hutch.container.store import read_file, write_file
from hutch.errors import HutchError, KernelError
from hutch.kernel import channel
from hutch.kernel.process import signal_pidfd, start_init
from hutch.plan.encode import encode
from hutch.plan.operations import GO_ON, PID, SEND, WARN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.messages import Message
    from hutch.plan.plan import Bindings, Plan

SIGKILL = 9
PROGRAM = "/libexec/hutch-init"


class Init:
    """A hutch-init at work: its process and the channel to it (kernel.channel).

    ``bindings`` is what was found for the ``plan``, ``sent`` both as hutch-init was given them;
    ``warnings`` are what it passes over. ``beside`` is None if it was started in its cgroup; if it
    has to be moved there, the pid of the container's first process, or 0 where it is the first
    itself. ``signal`` is what ended it.
    """

    __slots__ = (
        "beside", "bindings", "channel", "moved", "pid", "pidfd", "plan", "sent", "signal",
        "warnings",
    )  # fmt: skip

    def __init__(
        self, plan: "Plan", bindings: "Bindings", sent: bytes, pid: int, pidfd: int, channel: int
    ) -> None:
        self.plan = plan
        self.bindings = bindings
        self.sent = sent
        self.warnings: list[HutchError] = []
        self.pid = pid
        self.pidfd = pidfd
        self.channel = channel
        self.beside: int | None = None
        self.signal = 0
        self.moved = False  # it has gone on as another process

    def message(self) -> "Message | None":
        """The next message; a failure is raised as the error it is, a warning is added to ours.
        A PID is taken note of and answered."""
        message = read_message(self.channel)
        if message is None:
            return None
        if message.failure is not None:
            from hutch.plan.failure import explain_failure, explain_warning

            if message.kind == WARN:
                operations = self.plan.operations
                self.warnings.append(explain_warning(operations, message.failure))
                return self.message()
            raise explain_failure(self.plan.operations, message.failure)
        if message.kind == PID:
            posix.close(self.pidfd)
            # Only a stepping stone: the process that goes on is its sibling and our child.
            posix.waitpid(self.pid, 0)
            # One that was in a joined pid namespace already only knows its child's number there.
            self.pid = _pid_of(message.fd) if self.moved else message.number
            self.pidfd = message.fd
            self.moved = True
        return message

    def answer(self, answer: int = GO_ON, fd: int = -1) -> None:
        """Lets hutch-init go on, with a descriptor if it is not -1. That it is gone is seen at the
        next message."""
        try:
            channel.answer(self.channel, answer, fd)
        except OSError:
            pass

    def executed(self) -> None:
        """Returns once the program was executed, or raises why it was not."""
        while self.message() is not None:
            pass

    def fetch(self, number: int) -> int:
        """seccomp's listener, the descriptor ``number`` of hutch-init's: taken from there, or sent
        by it where that is not allowed; -1 if it died over it. hutch-init goes on."""
        try:
            fd = channel.fetch(self.pidfd, number)
        except OSError:
            self.answer(SEND)
            message = self.message()
            return -1 if message is None else message.fd
        self.answer()
        return fd

    def kill(self) -> None:
        """Ends the process and takes its status, whatever it is doing."""
        try:
            signal_pidfd(self.pidfd, SIGKILL)
        except HutchError:
            pass
        self.reap()

    def reap(self) -> int:
        """Waits for the end of our child: its exit code, or 128 + the signal that ended it."""
        try:
            _, status = posix.waitpid(self.pid, 0)
        except ChildProcessError:
            return 255
        if posix.WIFSIGNALED(status):
            self.signal = posix.WTERMSIG(status)
            return 128 + self.signal
        return posix.WEXITSTATUS(status)

    def write_pid_file(self, path: str) -> None:
        """The pid in decimal without a line end, appearing whole, as engines expect it."""
        write_file(path, str(self.pid).encode(), 0o644)

    def close(self) -> None:
        posix.close(self.channel)
        posix.close(self.pidfd)


def _pid_of(pidfd: int) -> int:
    """The process of a pidfd, by its number in our own pid namespace (pidfd_open(2))."""
    text = read_file("/proc/self/fdinfo/" + str(pidfd))
    return int(text.partition(b"\nPid:")[2].split(None, 1)[0])


def write_proc(pid: int, name: str, text: str, pointer: str, hint: str) -> None:
    """Writes to a file of the process; KernelError names the field and gives the hint."""
    path = "/proc/" + str(pid) + "/" + name
    try:
        fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
        try:
            posix.write(fd, text.encode())
        finally:
            posix.close(fd)
    except OSError as error:
        shown = "; ".join(text.split("\n")).strip("; ")
        raise KernelError(
            "write " + shown + " to " + path, "write", error.errno, pointer=pointer, hint=hint
        ) from None


def launch(plan: "Plan", bindings: "Bindings", slots: "list[int]", cgroup: int = -1) -> Init:
    """Starts hutch-init with the plan and the descriptors ``slots``; the caller closes those.

    ``cgroup`` is the descriptor of the cgroup2 directory to start in, or -1.
    """
    data = encode(plan.operations, bindings)
    program = hutch.__path__[0] + PROGRAM
    base = 3 + plan.preserved
    pid, pidfd, ours = start_init(program, data, plan.spawn_flags, cgroup, base, slots)
    return Init(plan, bindings, data, pid, pidfd, ours)
