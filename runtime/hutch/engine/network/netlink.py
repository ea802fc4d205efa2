"""rtnetlink(7): links, addresses and routes, as few messages as warren needs.

A message is a header, a fixed struct and attributes; the kernel answers with an errno and, for
most errors, with a sentence of its own (NETLINK_EXT_ACK). A socket stays in the network namespace
in which it was opened.

pyroute2 does the same and far more, but importing it takes 100 ms of processor time, and the parts
that are needed here 75 ms; a container with a bridge would take twice as long to start.
"""

import socket
import struct
from collections.abc import Iterator

from hutch.errors import KernelError

# <linux/netlink.h>
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE, NLM_F_DUMP = 1, 4, 0x200, 0x400, 0x300
NLM_F_REPLACE = 0x100
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 270, 10, 11, 12
NLMSGERR_ATTR_MSG = 1
NLA_TYPE_MASK = 0x3FFF
# <linux/rtnetlink.h>
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 20, 24, 25, 26
HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
BUFFER = 1 << 16

Attributes = dict[int, bytes]


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(data), kind) + data + b"\0" * (-len(data) % 4)


def text(kind: int, value: str) -> bytes:
    """An attribute that is a string."""
    return attribute(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    """An attribute that is a number of 32 bits."""
    return attribute(kind, struct.pack("=I", value))


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind, b"".join(attributes))


def attributes(data: bytes) -> Attributes:
    """The attributes in a part of a message, by their kinds."""
    found: Attributes = {}
    at = 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size:
            break
        found[kind & NLA_TYPE_MASK] = data[at + ATTRIBUTE.size : at + length]
        at += length + -length % 4
    return found


class Netlink:
    """A socket to the kernel's routing, in the network namespace of its opening."""

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
            )
        except OSError as error:
            raise KernelError("open a netlink socket", "socket", error.errno) from None
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK):
            try:
                self._socket.setsockopt(SOL_NETLINK, option, 1)
            except OSError:
                pass  # an old kernel: errors are less exact
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def change(self, what: str, kind: int, flags: int, body: bytes) -> None:
        """One change. Raises KernelError, which says ``what`` was to be done."""
        for _ in self._answers(what, kind, flags | NLM_F_ACK, body):
            pass

    def ask(self, what: str, kind: int, body: bytes, flags: int = 0) -> list[bytes]:
        """The bodies of the answers; with NLM_F_DUMP of all there are. Raises KernelError."""
        ack = 0 if flags & NLM_F_DUMP else NLM_F_ACK
        return list(self._answers(what, kind, flags | ack, body))

    def _answers(self, what: str, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
        self._sequence += 1
        head = HEADER.pack(HEADER.size + len(body), kind, flags | NLM_F_REQUEST, self._sequence, 0)
        try:
            self._socket.send(head + body)
            while True:
                data = self._socket.recv(BUFFER)
                at = 0
                while at + HEADER.size <= len(data):
                    length, answer, marks, sequence, _ = HEADER.unpack_from(data, at)
                    part = data[at + HEADER.size : at + length]
                    at += length + -length % 4
                    if sequence != self._sequence:
                        continue
                    if answer == NLMSG_DONE:
                        return
                    if answer == NLMSG_ERROR:
                        failure(what, marks, part)
                        return
                    yield part
        except OSError as error:
            raise KernelError(what, "netlink", error.errno) from None


def failure(what: str, marks: int, part: bytes) -> None:
    """Raises KernelError if an acknowledgement is of an error."""
    (code,) = struct.unpack_from("=i", part)
    if code == 0:
        return
    said = b""
    if marks & NLM_F_ACK_TLVS:
        length = HEADER.size
        if not marks & NLM_F_CAPPED:
            (length,) = struct.unpack_from("=I", part, 4)
        said = attributes(part[4 + length + -length % 4 :]).get(NLMSGERR_ATTR_MSG, b"")
    raise KernelError(what, "netlink", -code, detail=said.rstrip(b"\0").decode(errors="replace"))
