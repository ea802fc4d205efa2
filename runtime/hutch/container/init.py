"""hutch-init as the runtime sees it: the spawn, and the messages of native/init/init.h."""

import _socket
import posix
from _struct import unpack_from

import hutch
from hutch.errors import HutchError
from hutch.kernel.process import seal_init, signal_pidfd, spawn
from hutch.plan.encode import encode
from hutch.plan.failure import Failure, explain_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.plan import Plan

AT, FAIL, FD, PID = 1, 2, 3, 4

SIGKILL = 9
PROGRAM = "/libexec/hutch-init"
MESSAGE_MAX = 512


class Message:
    """One message: ``kind``, and what comes with it (a barrier, a failure, a descriptor)."""

    __slots__ = ("failure", "fd", "kind", "number")

    def __init__(self, kind: int, number: int = 0, fd: int = -1, failure: "Failure | None" = None):
        self.kind = kind
        self.number = number
        self.fd = fd
        self.failure = failure


def read_message(connection: _socket.socket) -> "Message | None":
    """The next message; None at the end, which means that the program was executed or that
    hutch-init is dead."""
    try:
        data, control, _, _ = connection.recvmsg(
            MESSAGE_MAX, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC
        )
    except ConnectionResetError:
        return None
    if not data:
        return None
    fd = -1
    for level, kind, payload in control:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            fd = int.from_bytes(payload[:4], "little", signed=True)
    kind, number = unpack_from("<II", data)
    if kind != FAIL:
        return Message(kind, number, fd)
    _, index, error, part, call, detail = unpack_from("<IIii32s216s", data)
    failure = Failure(index, error, part, _text(call), _text(detail))
    return Message(FAIL, index, fd, failure)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode(errors="replace")


class Init:
    """A hutch-init at work: its process and the channel to it."""

    __slots__ = ("channel", "pid", "pidfd", "plan")

    def __init__(self, plan: "Plan", pid: int, pidfd: int, channel: _socket.socket) -> None:
        self.plan = plan
        self.pid = pid
        self.pidfd = pidfd
        self.channel = channel

    def message(self) -> "Message | None":
        """The next message; a failure is raised as the error it is. A PID is taken note of and
        answered."""
        message = read_message(self.channel)
        if message is None:
            return None
        if message.failure is not None:
            raise explain_failure(self.plan, message.failure)
        if message.kind == PID:
            posix.close(self.pidfd)
            # Only a stepping stone: the process that goes on is its sibling and our child.
            posix.waitpid(self.pid, 0)
            self.pid, self.pidfd = message.number, message.fd
        return message

    def answer(self) -> None:
        """Lets hutch-init go on. That it is gone is seen at the next message."""
        try:
            self.channel.send(b"\0", _socket.MSG_NOSIGNAL)
        except OSError:
            pass

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
            return 128 + posix.WTERMSIG(status)
        return posix.WEXITSTATUS(status)

    def close(self) -> None:
        self.channel.close()
        posix.close(self.pidfd)


def launch(plan: "Plan", slots: "list[int]", cgroup: int = -1) -> Init:
    """Starts hutch-init with the plan and the descriptors ``slots``; the caller closes those.

    ``cgroup`` is the descriptor of the cgroup2 directory to start in, or -1.
    """
    data = encode(plan.operations)
    image = posix.memfd_create("plan", posix.MFD_CLOEXEC)
    ours, theirs = _socket.socketpair(
        _socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
    )
    init = -1
    try:
        posix.write(image, data)
        init = seal_init(hutch.__path__[0] + PROGRAM)
        pid, pidfd = spawn(
            init,
            plan.spawn_flags,
            cgroup,
            3 + plan.preserved,
            [image, theirs.fileno(), *slots],
        )
    except BaseException:
        ours.close()
        raise
    finally:
        posix.close(image)
        theirs.close()
        if init >= 0:
            posix.close(init)
    return Init(plan, pid, pidfd, ours)
