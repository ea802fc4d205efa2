"""linux.seccomp.listenerPath: sends the listener of a seccomp filter to the seccomp agent.

It is one message over a unix stream socket: the state of the container process as JSON, together
with the descriptor (config-linux.md "Seccomp", "The Container Process State").
"""

import _socket
import posix
from errno import ENAMETOOLONG

from hutch.errors import KernelError
from hutch.spec.json import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.state import State
    from hutch.spec.config import Config, Seccomp

TEN_SECONDS = (10).to_bytes(8, "little") + bytes(8)  # struct timeval
POINTER = "linux.seccomp.listenerPath"


class Agent:
    """A connection to the agent. It is made before the program runs: without an agent the program
    must not start. Raises KernelError."""

    __slots__ = ("_connection", "_profile")
    watches = False  # it is not this runtime itself that answers

    def __init__(self, profile: "Seccomp") -> None:
        self._profile = profile
        self._connection = _socket.socket(
            _socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC
        )
        # It fails with EAGAIN if the other side takes no connection for that long.
        self._connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, TEN_SECONDS)
        try:
            self._connection.connect(profile["listenerPath"])
        except OSError as error:
            self._connection.close()
            raise self._failed("connect", error) from None

    def hand_over(self, state: "State", status: str, pid: int, listener: int) -> None:
        """Sends the descriptor ``listener`` of process ``pid`` (as the host numbers it), and closes
        it here. Raises KernelError."""
        shown = state.public(status, state.pid or pid)
        del shown["rootfs"], shown["created"], shown["owner"]
        document = {
            "ociVersion": state.oci_version,
            "fds": ["seccompFd"],
            "pid": pid,
            "metadata": self._profile.get("listenerMetadata") or "",
            "state": shown,
        }
        try:
            self._connection.sendmsg(
                [encode(document).encode()],
                [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, listener.to_bytes(4, "little"))],
            )
        except OSError as error:
            raise self._failed("sendmsg", error) from None
        finally:
            self._connection.close()
            posix.close(listener)

    def _failed(self, call: str, error: OSError) -> KernelError:
        return KernelError(
            "send the filter to the seccomp agent at " + self._profile["listenerPath"],
            call,
            error.errno or ENAMETOOLONG,
            pointer=POINTER,
            hint="the agent must listen before the container starts",
        )


def agent_of(config: "Config") -> "Agent | None":
    """A connection to the agent that the config names; None if it names none. Raises
    KernelError."""
    profile = config.get("linux", {}).get("seccomp")
    return Agent(profile) if profile and profile.get("listenerPath") else None
