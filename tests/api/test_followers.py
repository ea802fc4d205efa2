"""Who follows events, logs or the end of a container sleeps until there is something."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hutch.kernel.inotify import changed, inotify, unwatch, watch

from tests.support.api import Api
from tests.support.engines import eventually

pytestmark = pytest.mark.root


def switches(api: Api) -> int:
    """How often the server's threads have slept and were woken (proc(5), status)."""
    found = 0
    for task in Path(f"/proc/{api.process.pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        found += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
    return found


def asked(api: Api, method: str, path: str) -> socket.socket:
    """A client that has sent this request, and has read the first bytes of the answer."""
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(20)
    connected.connect(api.path)
    connected.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert connected.recv(12) == b"HTTP/1.1 200"
    return connected


def read_until(client: socket.socket, wanted: bytes) -> None:
    seen = b""
    while wanted not in seen:
        data = client.recv(65536)
        assert data, seen
        seen += data


def test_followers_sleep_until_there_is_something(api: Api) -> None:
    script = "echo begun; cat /tmp/pipe; echo more; sleep 1000"
    id = api.engine.start(api.engine.image, "sh", "-c", f"mknod /tmp/pipe p; {script}")
    eventually(lambda: api.request("GET", f"/containers/{id}/logs?stdout=1")[1])
    paths = [("GET", f"/containers/{id}/logs?follow=1&stdout=1"), ("GET", "/events"),
             ("POST", f"/containers/{id}/wait")]  # fmt: skip
    clients = [asked(api, *paths[n % 3]) for n in range(60)]

    def asleep() -> bool:
        before = switches(api)
        time.sleep(0.5)  # ten looks of each, if they looked every 50 ms
        return switches(api) - before < 60

    eventually(asleep)
    # Each is woken by its own: a line of the log, an event, the end.
    api.engine.ok("exec", id, "sh", "-c", "echo x > /tmp/pipe")
    for client in clients[::3]:
        read_until(client, b"more\n")
    api.engine.ok("rename", id, "other")
    for client in clients[1::3]:
        read_until(client, b'"rename"')
    # conmon and the container are killed, so nobody says that it has ended.
    os.kill(api.engine.conmon(id), 9)
    os.kill(api.engine.pid(id), 9)
    for client in clients[2::3]:
        read_until(client, b'"StatusCode": 255')
    for client in clients[::3]:
        read_until(client, b"0\r\n\r\n")
    eventually(asleep)
    for client in clients:
        client.close()
    eventually(lambda: api.threads() == 1)


def test_no_change_is_missed(api: Api) -> None:
    """A thousand events by four writers: the followers have each of them, and the last one."""
    clients = [asked(api, "GET", "/events?filters=%7B%22type%22%3A%5B%22volume%22%5D%7D")
               for _ in range(5)]  # fmt: skip

    def write(number: int) -> None:
        for one in range(25):
            api.request("POST", "/volumes/create", {"Name": f"v{number}-{one}"})

    for _ in range(2):
        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            seen = b""
            while seen.count(b'"Action": "create"') < 100:
                seen += client.recv(65536)
        for one in range(100):
            assert api.request("DELETE", f"/volumes/v{one // 25}-{one % 25}")[0] == 204
        for client in clients:
            seen = b""
            while seen.count(b'"Action": "destroy"') < 100:
                seen += client.recv(65536)
    for client in clients:
        client.close()


def test_where_the_kernel_has_no_inotify_left() -> None:
    """They look themselves. The limit is that of a user namespace (inotify(7))."""
    script = (
        "from hutch.engine.followers import Follower, Followers\n"
        "from types import SimpleNamespace; import socket, time\n"
        "with Followers().join(SimpleNamespace(store=0), socket.socket().fileno()) as one:\n"
        "    began = time.monotonic(); one.wait(); print(one.loop, time.monotonic() - began < 10)"
    )
    limit = 'echo 0 > /proc/sys/user/max_inotify_instances; exec "$@"'
    words = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh", sys.executable, "-c"]
    done = subprocess.run([*words, script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "None True\n"), done.stderr


def test_changes_of_files(tmp_path: Path) -> None:
    fd = inotify()
    number = watch(fd, os.fsencode(tmp_path))
    assert watch(fd, os.fsencode(tmp_path)) == number
    assert changed(fd) == set()
    (tmp_path / "a file with a name").write_text("x")
    (tmp_path / "b").write_text("x")
    assert changed(fd) == {number}
    unwatch(fd, number)
    changed(fd)  # that the watch has ended is an event, too
    (tmp_path / "b").write_text("y")
    assert changed(fd) == set()
    with pytest.raises(FileNotFoundError):
        watch(fd, os.fsencode(tmp_path / "none"))
    os.close(fd)
