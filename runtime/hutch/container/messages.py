"""Reads the messages that hutch-init sends (native/init/init.h)."""

from hutch.kernel.channel import receive
from hutch.plan.operations import FAIL, FAILURE, WARN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.failure import Failure


class Message:
    """One message: its ``kind`` and content. ``number`` is that of a barrier, process or operation;
    ``failure`` is a failure or a warning, else None; ``fd`` is a descriptor or -1."""

    __slots__ = ("failure", "fd", "kind", "number")

    def __init__(self, kind: int, number: int = 0, fd: int = -1, failure: "Failure | None" = None):
        self.kind = kind
        self.number = number
        self.fd = fd
        self.failure = failure


def read_message(channel: int) -> "Message | None":
    """The next message. None means that the other side is closed: the program was executed, or
    hutch-init is dead. Raises BlockingIOError if none has come for a second."""
    try:
        data, fd = receive(channel)
    except ConnectionResetError:
        return None
    return decode(data, fd) if data else None


def decode(data: bytes, fd: int = -1) -> Message:
    """The message whose bytes are ``data``; ``fd`` is the descriptor that came with it, or -1."""
    kind = int.from_bytes(data[:4], "little")
    if kind not in (FAIL, WARN):
        return Message(kind, int.from_bytes(data[4:8], "little"), fd)
    from _struct import unpack_from

    from hutch.plan.failure import Failure

    _, index, error, part, call, detail = unpack_from(FAILURE, data)
    failure = Failure(index, error, part, _text(call), _text(detail))
    return Message(kind, index, fd, failure)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode(errors="replace")
