"""Sends descriptors to an engine: for runc's flags --console-socket and --pidfd-socket.

The engine listens on a unix stream socket and gets one message with a name and the descriptor.
"""

import _socket

from hutch.errors import HutchError, KernelError

TEN_SECONDS = (10).to_bytes(8, "little") + bytes(8)  # struct timeval


def hand_over(path: str, kind: str, name: bytes, descriptor: int) -> None:
    """Sends ``descriptor`` to the listener of the socket ``path``; it also stays open here.

    ``name`` is the text of the message; ``kind`` ("console" or "pidfd") names the socket in error
    messages. Raises HutchError, KernelError.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    operation = "connect to the " + kind + " socket " + path
    call = "connect"
    # It fails with EAGAIN if the other side takes no connection for that long.
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, TEN_SECONDS)
    try:
        connection.connect(path)
        operation = "send over the " + kind + " socket " + path
        call = "sendmsg"
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptor.to_bytes(4, "little"))
        connection.sendmsg([name], [rights])
    except OSError as error:
        if error.errno is None:
            raise HutchError("the path of the " + kind + " socket is too long: " + path) from None
        raise KernelError(operation, call, error.errno) from None
    finally:
        connection.close()
