"""The messages of hutch-init (native/init/init.h), as they come from it."""

from hutch.kernel.channel import receive
from hutch.plan.operations import FAIL, FAILURE, WARN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.failure import Failure


class Message:
    """One message: ``kind``, and what comes with it: the number of a barrier, a pid or an
    operation, a failure (a warning has the same form), a descriptor."""

    __slots__ = ("failure", "fd", "kind", "number")

    def __init__(self, kind: int, number: int = 0, fd: int = -1, failure: "Failure | None" = None):
        self.kind = kind
        self.number = number
        self.fd = fd
        self.failure = failure


def read_message(channel: int) -> "Message | None":
    """The next message; None at the end, which means that the program was executed or that
    hutch-init is dead."""
    try:
        data, fd = receive(channel)
    except ConnectionResetError:
        return None
    return decode(data, fd) if data else None


def decode(data: bytes, fd: int = -1) -> Message:
    """The message that ``data`` is."""
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
