"""Clients that are hostile, cut off, or never read: the server stays as it was."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hutch.api.frames import copy_out

from tests.support.api import Api, serving
from tests.support.engines import Engine, eventually
from tests.support.hostile_api import Grammar, attack, send
from tests.support.networks import NetworkEngine

pytestmark = pytest.mark.root
REQUESTS = 1000


@pytest.fixture
def guarded(network: NetworkEngine, tmp_path: Path) -> Iterator[Api]:
    """A server in a network namespace of its own."""
    with serving(network, str(tmp_path / "api.sock")) as server:
        yield server


def settled(api: Api) -> int:
    """How many descriptors it has open once nobody is connected."""
    eventually(lambda: api.threads() == 1)
    return api.descriptors()


def arenas(api: Api) -> int:
    """How many arenas of glibc the server has beside the main one: of each, 64 MiB of addresses are
    reserved, of which the end cannot be accessed (malloc/arena.c, HEAP_MAX_SIZE)."""
    found, begin = 0, 0
    for line in Path(f"/proc/{api.process.pid}/maps").read_text().splitlines():
        addresses, mode = line.split()[:2]
        first, last = (int(word, 16) for word in addresses.split("-"))
        found += mode == "---p" and not begin % (64 << 20) and last - begin == 64 << 20
        begin = first if mode == "rw-p" else -1
    return found


def test_hostile_requests_by_a_grammar(guarded: Api) -> None:
    engine = guarded.engine
    id = guarded.said("run", "-d", "--name", "there", *engine.create("--network", "none"),
                      engine.image, "sleep", "1000")  # fmt: skip
    names = [id, "there", engine.image]
    attack(guarded.path, lambda n: Grammar(n + 100, names, engine.image), 200, 4)
    before, memory = settled(guarded), guarded.memory()
    statuses, wrong = attack(guarded.path, lambda n: Grammar(n, names, engine.image), REQUESTS, 4)
    assert not wrong, wrong[0]
    assert statuses.total() == REQUESTS
    assert statuses["400"] > REQUESTS / 20, statuses
    assert settled(guarded) <= before
    assert guarded.memory() < memory + (32 << 20)
    assert arenas(guarded) == 0
    assert guarded.request("GET", "/_ping")[0] == 200


def test_a_client_that_says_more_and_leaves_is_not_waited_for(api: Api) -> None:
    id = api.engine.start(api.engine.image, "sleep", "1000")
    api.request("GET", "/info")
    before = settled(api)
    for path in (f"/containers/{id}/wait", f"/containers/{id}/logs?stdout=1&follow=1", "/events"):
        method = "POST" if path.endswith("wait") else "GET"
        client = socket.socket(socket.AF_UNIX)
        client.connect(api.path)
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        assert api.threads() > 1  # it follows
        client.sendall(b"more")
        client.close()
        assert settled(api) == before, path


def test_200_at_once_half_of_them_cut_off(api: Api) -> None:
    id = api.engine.start(api.engine.image, "sh", "-c", "yes | head -c 300000; sleep 1000")
    api.request("GET", "/info")
    before = settled(api)
    paths = ["/events", f"/containers/{id}/logs?stdout=1&follow=1", f"/containers/{id}/stats"]
    clients = []
    for number in range(200):
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(20)
        connected.connect(api.path)
        connected.sendall(f"GET {paths[number % 3]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        clients.append(connected)
    for connected in clients[::2]:
        assert connected.recv(12) == b"HTTP/1.1 200"  # in mid-stream
        connected.close()
    # Half of those that are left never read; all others are answered all the same.
    for connected in clients[1::4]:
        assert connected.recv(12) == b"HTTP/1.1 200"
    assert send(api.path, b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert api.request("GET", "/containers/json")[0] == 200
    for connected in clients[1::2]:
        connected.close()
    assert settled(api) == before


def test_more_connections_than_there_may_be_are_refused(engine: Engine, tmp_path: Path) -> None:
    """Those that are there go on, and the next one is served once there is room."""
    path = str(tmp_path / "api.sock")
    with serving(engine, path, limit=100) as api:
        clients = []
        for _ in range(150):
            connected = socket.socket(socket.AF_UNIX)
            connected.settimeout(20)
            connected.connect(path)
            clients.append(connected)
        assert clients[-1].recv(12) == b"HTTP/1.1 503"
        assert send(path, b"GET /_ping HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 503")
        for connected in clients:
            connected.close()
        eventually(lambda: api.request("GET", "/_ping")[0] == 200)


def test_who_may_not_open_the_socket_gets_nothing(engine: Engine, tmp_path: Path) -> None:
    """An ordinary user, and one of the group: the same request."""
    tmp_path.chmod(0o755)
    for folder in list(tmp_path.parents)[:3]:
        folder.chmod(folder.stat().st_mode | 0o111)
    path = str(tmp_path / "api.sock")
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        " s.sendall(b'GET /_ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); print(s.recv(12))"
    )

    def ask(*who: str) -> "subprocess.CompletedProcess[str]":
        line = ["setpriv", *who, "/usr/bin/python3", "-c", script, path]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    nobody = ("--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
    member = ("--reuid", "nobody", "--regid", "nogroup", "--groups", "games")
    with serving(engine, path):
        assert "Permission denied" in ask(*nobody).stderr
        assert "Permission denied" in ask(*member).stderr
    with serving(engine, path, "--group", "games"):
        assert os.stat(path).st_mode & 0o777 == 0o660
        assert "Permission denied" in ask(*nobody).stderr
        assert ask(*member).stdout == "b'HTTP/1.1 200'\n"


class Narrow(socket.socket):
    """A socket that takes a thousand bytes at once, and lets others go first in between."""

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]
        view = memoryview(data)
        for at in range(0, len(view), 1000):
            super().sendall(view[at : at + 1000], flags)
            time.sleep(0.0001)


def test_frames_of_two_streams_stay_whole() -> None:
    """However few bytes the client's socket takes at once."""
    one_end, theirs = socket.socketpair()
    ours = Narrow(fileno=one_end.detach())
    turn = threading.Lock()

    def write(stream: str, letter: bytes) -> None:
        parts = [letter * 32_000] * 20 + [b""]
        copy_out(lambda: parts.pop(0), ours, stream, turn)

    for one in (("stdout", b"o"), ("stderr", b"e")):
        threading.Thread(target=write, args=one, daemon=True).start()
    theirs.settimeout(20)
    file = theirs.makefile("rb")
    for _ in range(40):
        head = file.read(8)
        assert head[0] in (1, 2)
        assert head[1:] == b"\0\0\0" + (32_000).to_bytes(4, "big")
        assert file.read(32_000) == (b"o" if head[0] == 1 else b"e") * 32_000
    file.close()
    ours.close()
    theirs.close()
