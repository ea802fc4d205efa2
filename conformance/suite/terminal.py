"""A container with a terminal. The master is received over a console socket, as engines do."""

import array
import os
import select
import socket

from conformance.runtimes import PATIENCE
from conformance.suite.case import Case, Seen, decode
from conformance.suite.table import Unmet


def with_terminal(case: Case, *words: str) -> Seen:
    """The output of the probe on its terminal."""
    case.process["terminal"] = True
    path = case.bundle.parent / "console.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(PATIENCE)
        case.create(*words, flags=("--console-socket", str(path)))
        connection, _ = listener.accept()
        with connection:
            master = received(connection)
    try:
        case.start()
        return decode(said(master), "the program")
    finally:
        os.close(master)


def received(connection: socket.socket) -> int:
    """The descriptor of a message."""
    numbers = array.array("i")
    _, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(numbers.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: numbers.itemsize])
            return numbers[0]
    raise Unmet("the console socket brought no descriptor")


def said(master: int) -> str:
    """A line from a terminal."""
    text = b""
    while not text.endswith(b"\n"):
        if not select.select([master], [], [], PATIENCE)[0]:
            raise Unmet("the terminal stays silent")
        try:
            text += os.read(master, 1 << 16)
        except OSError:
            break
    return text.decode()
