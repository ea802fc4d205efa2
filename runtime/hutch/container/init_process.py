"""The hutch-init process: starts it, and receives and answers its messages."""

import posix

import hutch
from hutch.container.messages import read_message
from hutch.container.store import read_file, write_file
from hutch.errors import HutchError, KernelError
from hutch.kernel import channel
from hutch.kernel.process import OWN_STREAMS, signal_pidfd, start_init
from hutch.plan.encode import encode
from hutch.plan.operations import GO_ON, PID, SEND, WARN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.container.messages import Message
    from hutch.plan.plan import Bindings, Plan

SIGKILL = 9
PATIENCE = 10_000  # milliseconds
PROGRAM = "/libexec/hutch-init"


class Init:
    """A running hutch-init: its process and the channel to it (kernel.channel).

    ``bindings`` are the values found for the ``plan``; ``sent`` is the encoded plan with these
    values, as hutch-init has it. ``warnings`` are the errors that hutch-init has ignored.
    ``beside`` is None if it was started in its cgroup. If it must be moved there, ``beside`` is the
    pid of the container's first process, or 0 if it is itself the first one. ``root`` is the
    directory of the container's root if it exists already (exec), else "". ``status`` is its wait
    status (waitpid(2)) once it has ended and was reaped here. ``warn`` is called if it does not go
    on for long.
    """

    __slots__ = (
        "beside", "bindings", "channel", "moved", "pid", "pidfd", "plan", "root", "sent", "status",
        "warn", "warnings",
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
        self.status: int | None = None
        self.root = ""
        self.warn: Callable[[HutchError], None] | None = None
        self.moved = False  # another process has gone on with the plan (PID message)

    def message(self) -> "Message | None":
        """Returns the next message, or None at the end. Raises the HutchError that a failure
        describes; adds a warning to ``warnings``; takes over the pid and pidfd of a PID message."""
        seconds = 0
        while True:
            try:
                message = read_message(self.channel)
                break
            except BlockingIOError:
                from hutch.container.long_wait import tell_slow

                seconds += 1
                tell_slow(self.pid, self.plan.operations, seconds, self.warn)
        if message is None:
            return None
        if message.failure is not None:
            if message.kind == WARN:
                from hutch.plan.failure import explain_warning

                operations = self.plan.operations
                self.warnings.append(explain_warning(operations, message.failure))
                return self.message()
            from hutch.container.causes import explained

            raise explained(self.plan.operations, message.failure, self.root)
        if message.kind == PID:
            posix.close(self.pidfd)
            # The old process ends now. The new one is our child too (CLONE_PARENT, clone(2)).
            posix.waitpid(self.pid, 0)
            # A process in a joined pid namespace knows only the number that its child has there.
            self.pid = _pid_of(message.fd) if self.moved else message.number
            self.pidfd = message.fd
            self.moved = True
        return message

    def answer(self, answer: int = GO_ON, fd: int = -1) -> None:
        """Lets hutch-init go on, and sends it the descriptor ``fd`` unless that is -1. If it is
        dead, no error is raised here; the next ``message`` finds that out."""
        try:
            channel.answer(self.channel, answer, fd)
        except OSError:
            pass

    def executed(self) -> None:
        """Returns when the program was executed. Raises HutchError if it could not be executed."""
        while self.message() is not None:
            pass

    def fetch(self, number: int, watches: bool) -> int:
        """Returns our copy of seccomp's listener, which is the descriptor ``number`` in hutch-init,
        and lets hutch-init go on. The copy is made by pidfd_getfd(2); if that is not allowed,
        hutch-init sends it. Returns -1 if hutch-init dies because the filter forbids sending.
        ``watches``: nobody would answer for sendmsg; raises KernelError then."""
        try:
            fd = channel.fetch(self.pidfd, number)
        except OSError as error:
            if watches:
                raise KernelError(
                    "take the listener of the seccomp filter", "pidfd_getfd", error.errno
                ) from None
            self.answer(SEND)
            message = self.message()
            return -1 if message is None else message.fd
        self.answer()
        return fd

    def kill(self) -> None:
        """Kills the process and reaps it; succeeds also if it has ended already. A process that
        sleeps in the kernel and does not end in ten seconds is not waited for any longer."""
        from select import POLLIN, poll

        try:
            signal_pidfd(self.pidfd, SIGKILL)
        except HutchError:
            pass
        waiting = poll()
        waiting.register(self.pidfd, POLLIN)
        if waiting.poll(PATIENCE):
            self.reap()

    def reap(self) -> int:
        """Waits for the end of the process. Returns its exit code, or 128 + the number of the
        signal that ended it; 255 if it was reaped already."""
        try:
            _, status = posix.waitpid(self.pid, 0)
        except ChildProcessError:
            return 255
        self.status = status
        if posix.WIFSIGNALED(status):
            return 128 + posix.WTERMSIG(status)
        return posix.WEXITSTATUS(status)

    def write_pid_file(self, path: str) -> None:
        """Writes the pid in decimal without a line end, as engines expect it; readers never see a
        part of the file. Raises KernelError."""
        write_file(path, str(self.pid).encode(), 0o644)

    def close(self) -> None:
        posix.close(self.channel)
        posix.close(self.pidfd)


def _pid_of(pidfd: int) -> int:
    """The pid of a pidfd's process in our own pid namespace (pidfd_open(2))."""
    text = read_file("/proc/self/fdinfo/" + str(pidfd))
    return int(text.partition(b"\nPid:")[2].split(None, 1)[0])


def write_proc(pid: int, name: str, text: str, pointer: str, hint: str) -> None:
    """Writes to the file /proc/PID/``name``. Raises KernelError with ``pointer`` and ``hint``."""
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


def launch(
    plan: "Plan",
    bindings: "Bindings",
    slots: "list[int]",
    cgroup: int = -1,
    stdio: "tuple[int, int, int]" = OWN_STREAMS,
) -> Init:
    """Starts hutch-init with the plan and the descriptors ``slots``, which the caller closes.

    ``cgroup`` is the descriptor of the cgroup2 directory to start in, or -1. ``stdio`` are its
    standard streams; -1 is the caller's own. Raises KernelError.
    """
    data = encode(plan.operations, bindings)
    program = hutch.__path__[0] + PROGRAM
    base = 3 + plan.preserved
    pid, pidfd, ours = start_init(program, data, plan.spawn_flags, cgroup, base, slots, stdio)
    return Init(plan, bindings, data, pid, pidfd, ours)
