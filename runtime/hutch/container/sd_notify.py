"""sd_notify(3) for containers: passes on the message that the program is ready.

If NOTIFY_SOCKET is in the environment of create or run, the container gets a socket of its own.
`start` (or `run`) listens there. It passes only READY=1 on to the caller's socket, with the pid of
the program on the host. All other messages are ignored: a container must not change the state of
the service that it runs in.
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
    """Makes the directory that the container sees at /run/notify. Raises KernelError."""
    try:
        posix.mkdir(path, 0o755)
    except OSError as error:
        raise KernelError("make " + path, "mkdir", error.errno) from None


class Notify:
    """A socket in the directory ``path`` that receives messages; ``fd`` can be polled. ``warn`` is
    called if the message cannot be sent to the caller's socket. Raises KernelError."""

    __slots__ = ("_host", "_socket", "_warn", "fd", "ready")

    def __init__(self, path: str, warn: "Callable[[HutchError], None]") -> None:
        self._warn = warn
        self._host = posix.environ.get(b"NOTIFY_SOCKET", b"")
        self.ready = False
        kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC
        self._socket = _socket.socket(_socket.AF_UNIX, kind)
        # Through a descriptor, because the path of a socket has at most 107 bytes (unix(7)).
        folder = -1
        try:
            folder = posix.open(path, posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
            place = "/proc/self/fd/" + str(folder) + "/" + SOCKET
            self._socket.bind(place)
            # The program may run as any user.
            posix.chmod(place, 0o777)
        except OSError as error:
            self._socket.close()
            raise KernelError("make the socket " + path, "bind", error.errno) from None
        finally:
            if folder >= 0:
                posix.close(folder)
        self.fd = self._socket.fileno()

    def take(self, pid: int) -> None:
        """Reads one message. If it has READY=1, sends this on with ``pid`` and sets ``ready``."""
        message = self._socket.recv(MESSAGE_MAX)
        if b"READY=1" not in message.split(b"\n"):
            return
        self.ready = True
        if not self._host:
            return
        # sd_notify(3) writes "@" for the NUL byte at the beginning of an abstract address.
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
        """Waits until the program is ready or has ended; ``pid`` is its pid on the host."""
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
