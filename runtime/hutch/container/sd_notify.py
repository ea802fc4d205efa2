"""sd_notify(3) for containers: a program inside says that it is ready, and so do we.

Where the caller of create and run has NOTIFY_SOCKET in its environment, the container gets a socket
of its own, at a path of its own. Who listens there is `start` (or `run`): of what comes only that
the program is ready goes on to the caller's socket, with the pid that it has on the host; a
container must not speak for its service otherwise.
"""

import _socket
import posix
from select import POLLIN, poll

from hutch.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.errors import HutchError

SOCKET = "notify.sock"
MESSAGE_MAX = 4096


def make_directory(path: str) -> None:
    """The directory that the container sees at /run/notify."""
    try:
        posix.mkdir(path, 0o755)
    except OSError as error:
        raise KernelError("make " + path, "mkdir", error.errno) from None


class Notify:
    """The socket in the directory ``path``, listening; ``fd`` can be polled. ``warn`` is told where
    the caller's socket takes nothing. Raises KernelError."""

    __slots__ = ("_host", "_socket", "_warn", "fd", "ready")

    def __init__(self, path: str, warn: "Callable[[HutchError], None]") -> None:
        self._warn = warn
        self._host = posix.environ.get(b"NOTIFY_SOCKET", b"")
        self.ready = False
        kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC
        self._socket = _socket.socket(_socket.AF_UNIX, kind)
        # By way of the descriptor: a socket's path holds 107 bytes at the most.
        folder = -1
        try:
            folder = posix.open(path, posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
            place = "/proc/self/fd/" + str(folder) + "/" + SOCKET
            self._socket.bind(place)
            # The program's user may be anybody.
            posix.chmod(place, 0o777)
        except OSError as error:
            self._socket.close()
            raise KernelError("make the socket " + path, "bind", error.errno) from None
        finally:
            if folder >= 0:
                posix.close(folder)
        self.fd = self._socket.fileno()

    def take(self, pid: int) -> None:
        """Reads one message; if it says that the program is ready, that is passed on with ``pid``,
        and ``ready`` is set."""
        message = self._socket.recv(MESSAGE_MAX)
        if b"READY=1" not in message.split(b"\n"):
            return
        self.ready = True
        if not self._host:
            return
        # An abstract address begins with "@" where the kernel has a NUL.
        address = b"\0" + self._host[1:] if self._host[:1] == b"@" else self._host
        kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC
        connection = _socket.socket(_socket.AF_UNIX, kind)
        try:
            connection.sendto(b"READY=1\nMAINPID=" + str(pid).encode() + b"\n", address)
        except OSError as error:
            host = self._host.decode(errors="replace")
            self._warn(KernelError("notify " + host, "sendto", error.errno))
        finally:
            connection.close()

    def wait(self, pid: int) -> None:
        """Waits until the program, on the host process ``pid``, is ready or has ended."""
        try:
            pidfd = posix.pidfd_open(pid)
        except ProcessLookupError:
            return
        waiting = poll()
        waiting.register(pidfd, POLLIN)
        waiting.register(self.fd, POLLIN)
        try:
            while not self.ready:
                ready = dict(waiting.poll())
                if self.fd in ready:
                    self.take(pid)
                elif pidfd in ready:
                    return
        finally:
            posix.close(pidfd)
