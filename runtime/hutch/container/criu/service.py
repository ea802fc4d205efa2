"""A `criu swrk` process: CRIU as the server of one client over a socket (criu.org/RPC).

runtime                               criu
  DUMP or RESTORE, with options  ──▶
                                 ◀──  NOTIFY post-restore, pid      (some descriptor with it)
  NOTIFY, success                ──▶
                                 ◀──  DUMP or RESTORE, success or not
"""

import _socket
import posix

from hutch.container.criu import messages
from hutch.container.signalfd import to_reset
from hutch.errors import HostError, HutchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # A notification: its name, the pid in it or 0, the descriptor that came with it or -1.
    OnNotice = Callable[[str, int, int], None]

SIGKILL = 9
MESSAGE_MAX = 1 << 20
LOG_LEVEL = 4  # the level that CRIU's developers ask for in bug reports


class ProcessNotStopped(HutchError):
    """CRIU could not stop a process of the container in the time it gives itself (10 s)."""


class Criu:
    """One CRIU process, for one request. ``descriptors`` are open in it under the same numbers. It
    has the standard streams of this process, except for its own messages. Raises HostError if CRIU
    is not installed."""

    __slots__ = ("_said", "_socket", "pid")

    def __init__(self, descriptors: "list[int]") -> None:
        kind = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, kind)
        self._socket = ours
        self._said = posix.memfd_create("criu", posix.MFD_CLOEXEC)
        kept = [*descriptors, theirs.fileno()]
        actions = [(posix.POSIX_SPAWN_DUP2, fd, fd) for fd in kept]
        actions += [(posix.POSIX_SPAWN_DUP2, self._said, fd) for fd in (1, 2)]
        try:
            self.pid = posix.posix_spawnp(
                "criu",
                ["criu", "swrk", str(theirs.fileno())],
                {b"PATH": posix.environ.get(b"PATH", b"") or b"/usr/sbin:/usr/bin:/sbin:/bin"},
                file_actions=actions,
                setsigmask=(),
                setsigdef=to_reset(),
            )
        except FileNotFoundError:
            ours.close()
            raise HostError(
                "criu is not installed, and without it there are no checkpoints",
                hint="install the package criu",
            ) from None
        finally:
            theirs.close()

    def ask(self, kind: int, options: "dict[str, object]", notice: "OnNotice", log: str) -> None:
        """Sends the request and waits for its end; ``log`` is the path of CRIU's log.

        An error that ``notice`` raises ends CRIU and is raised here. If CRIU fails, HutchError is
        raised with CRIU's messages: ProcessNotStopped if another try may do.
        """
        options = {**options, "log_level": LOG_LEVEL, "notify_scripts": True}
        options["log_file"] = log.rpartition("/")[2]
        request = {"type": kind, "opts": options}
        try:
            self._socket.send(messages.encode(request, messages.REQUEST), _socket.MSG_NOSIGNAL)
            while True:
                answer, descriptor = self._receive()
                if answer.get(1) != messages.NOTIFY:
                    break
                told = messages.decode(bytes(answer.get(5, b"")))
                notice(bytes(told.get(1, b"")).decode(), int(told.get(2, 0)), descriptor)
                reply = {"type": messages.NOTIFY, "notify_success": True}
                self._socket.send(messages.encode(reply, messages.REQUEST), _socket.MSG_NOSIGNAL)
        except (OSError, ValueError):
            answer = {}
        except BaseException:
            self._kill()
            raise
        if not answer.get(2):
            raise self._failed(kind, log)

    def close(self) -> None:
        """Lets CRIU end, and waits for its end."""
        self._socket.close()
        posix.close(self._said)
        try:
            posix.waitpid(self.pid, 0)
        except ChildProcessError:
            pass

    def _kill(self) -> None:
        try:
            posix.kill(self.pid, SIGKILL)
        except ProcessLookupError:
            pass

    def _receive(self) -> "tuple[dict[int, int | bytes], int]":
        data, control, _, _ = self._socket.recvmsg(
            MESSAGE_MAX, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC
        )
        descriptor = -1
        for level, kind, payload in control:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                descriptor = int.from_bytes(payload[:4], "little", signed=True)
        return messages.decode(data), descriptor

    def _failed(self, kind: int, log: str) -> HutchError:
        verb = "restore" if kind == messages.RESTORE else "checkpoint"
        size = posix.lseek(self._said, 0, 2)
        said = posix.pread(self._said, min(size, MESSAGE_MAX), 0)
        errors = errors_in(_content(log)) or errors_in(said)
        why = ": " + "; ".join(errors) if errors else " without saying why"
        hint = "see " + log + ", and what `criu check` says"
        if "iptables-restore" in why:
            # CRIU blocks the network with iptables. Its other way, nftables, still blocks it after
            # a restore (CRIU 3.17).
            hint = "install the package iptables"
        error = ProcessNotStopped if "Unseizable" in why else HutchError
        return error(f"CRIU could not {verb} the container{why}", hint=hint)


def errors_in(text: bytes) -> "list[str]":
    """The first errors in a log of CRIU, at most three: they have caused the later ones."""
    found = []
    for line in text.decode(errors="replace").splitlines():
        _, mark, rest = line.partition("Error (")
        if mark:
            message = rest.partition("): ")[2].strip()
            if message and message not in found and not message.startswith("exited, "):
                found.append(message)
    return found[:3]


def _content(path: str) -> bytes:
    from hutch.container.store import read_file

    try:
        return read_file(path)
    except OSError:
        return b""
