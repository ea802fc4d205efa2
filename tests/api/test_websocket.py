"""attach/ws, by websocket-client (PyPI), which docker-py uses."""

import socket

import pytest
import websocket

from tests.support.api import Api
from tests.support.engines import eventually

pytestmark = pytest.mark.root


def connected(api: Api, id: str, query: str) -> websocket.WebSocket:
    plain = socket.socket(socket.AF_UNIX)
    plain.settimeout(20)
    plain.connect(api.path)
    url = f"ws://localhost/v1.41/containers/{id}/attach/ws?{query}"
    return websocket.create_connection(url, socket=plain)


def received(client: websocket.WebSocket, wanted: bytes = b"") -> bytes:
    """What comes up to these bytes, or (none are wanted) up to the end."""
    seen = b""
    while not wanted or wanted not in seen:
        code, data = client.recv_data()
        if code == websocket.ABNF.OPCODE_CLOSE:
            break
        assert code == websocket.ABNF.OPCODE_BINARY
        seen += data
    return seen


def test_streams_of_a_container(api: Api) -> None:
    """Output and input, before and after it is started, without frames."""
    script = "echo begun; echo bad >&2; read a; echo got $a; read b; echo and $b; exit 3"
    id = api.said("create", "-i", *api.engine.create(api.engine.image, "sh", "-c", script))
    client = connected(api, id, "stream=1&stdin=1&stdout=1&stderr=1")
    api.docker("start", id)
    assert b"begun\n" in received(client, b"bad\n")
    client.send("text\n")
    received(client, b"got text\n")
    client.ping("are you there")
    later = connected(api, id, "logs=1&stream=1&stdout=1")
    assert received(later, b"got text\n") == b"begun\ngot text\n"
    client.send_binary(b"bytes\n")
    assert received(client) == b"and bytes\n"
    assert received(later) == b"and bytes\n"
    assert api.said("wait", id) == "3"
    for one in (client, later):
        one.close()
    eventually(lambda: api.threads() == 1)
    api.docker("rm", id)


def test_a_terminal_by_websocket(api: Api) -> None:
    id = api.said("run", "-dit", *api.engine.create(api.engine.image, "sh"))
    eventually(lambda: api.threads() == 1)
    before = api.descriptors()
    query = "stream=1&stdin=1&stdout=1&detachKeys=ctrl-x,y"
    client = connected(api, id, query)
    client.send("tty; echo $((6*7))\r")
    received(client, b"42")
    client.send("\x18y")
    received(client)
    client.close()
    gone = connected(api, id, query)
    assert gone.sock is not None
    gone.sock.close()  # without a word
    eventually(lambda: (api.threads(), api.descriptors()) == (1, before))
    assert api.said("ps", "-q", "--no-trunc") == id
    api.docker("rm", "-f", id)


def test_what_is_no_handshake(api: Api) -> None:
    id = api.engine.start(api.engine.image, "sleep", "1000")
    path = f"/containers/{id}/attach/ws?stream=1&stdout=1"
    for headers in (
        {}, {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Upgrade": "tcp", "Connection": "Upgrade", "Sec-WebSocket-Key": "x",
         "Sec-WebSocket-Version": "13"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x",
         "Sec-WebSocket-Version": "8"},
        {"Upgrade": "websocket", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"},
    ):  # fmt: skip
        status, said = api.request("GET", path, headers=headers)
        assert status == 400, said
    # Frames that break the rules: the connection ends, and nothing else does.
    for wrong in (
        b"\xff" * 100,
        b"\x81\x05hello",
        b"\x81\xff" + b"\xff" * 8,
        b"\x81\x82xxxx\xff\xfe",
    ):
        client = connected(api, id, "stream=1&stdin=1&stdout=1")
        connection = client.sock
        assert connection is not None
        connection.sendall(wrong)
        while connection.recv(4096):
            pass
        connection.close()
    eventually(lambda: api.threads() == 1)
    assert api.request("GET", "/_ping")[0] == 200
