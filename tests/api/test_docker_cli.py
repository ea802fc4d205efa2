"""Docker's own command against ``warren serve``: a session as its users type it."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import tarfile
import threading
import time
from pathlib import Path

import pytest

from tests.support.api import Api, UnixConnection, serving
from tests.support.engines import Engine, eventually

pytestmark = pytest.mark.root
TGKILL = {"x86_64": 234, "aarch64": 131}[os.uname().machine]  # of system calls


def run(api: Api, *words: str) -> list[str]:
    """A ``run`` without a network, below the tests' cgroup."""
    return ["run", *api.engine.create(), *words]


def test_a_session(api: Api, tmp_path: Path) -> None:
    image = api.engine.image
    assert "1.55" in api.said("version", "--format", "{{.Server.APIVersion}}")
    assert image.partition(":")[0] in api.said("images")
    id = api.said(
        *run(api, "-d", "--name", "web", "-e", "A=b", "-v", "data:/data", "--label", "l=1", image),
        "sh", "-c", "echo out; echo err >&2; cat /proc/1/comm > /data/x; sleep 100",
    )  # fmt: skip
    assert api.said("ps", "-q", "--no-trunc", "--filter", "label=l=1") == id
    assert api.said("ps", "--format", "{{.Names}} {{.Image}} {{.State}}") == f"web {image} running"
    eventually(lambda: "out" in api.said("logs", "web"))
    both = api.docker("logs", "web")
    assert (both.stdout, both.stderr) == ("out\n", "err\n")
    assert api.said("exec", "-e", "C=d", "web", "sh", "-c", "echo $A $C; pwd") == "b d\n/"
    assert api.docker("exec", "web", "sh", "-c", "exit 3", check=False).returncode == 3
    assert api.said("exec", "-i", "web", "cat", input=b"given\n") == "given"
    api.docker("exec", "-d", "web", "touch", "/tmp/there")
    eventually(lambda: "there" in api.said("exec", "web", "ls", "/tmp"))
    (found,) = json.loads(api.said("inspect", "web"))
    assert found["Id"] == id
    assert found["State"]["Running"]
    assert found["Mounts"][0]["Name"] == "data"
    assert "sleep 100" in api.said("top", "web")
    assert "web" in api.said("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}")
    (tmp_path / "file").write_text("copied\n")
    api.docker("cp", str(tmp_path / "file"), "web:/tmp/file")
    assert api.said("exec", "web", "cat", "/tmp/file") == "copied"
    api.docker("cp", "web:/etc/passwd", str(tmp_path / "passwd"))
    assert "root" in (tmp_path / "passwd").read_text()
    assert "A /tmp/file" in api.said("diff", "web")
    api.docker("rename", "web", "shop")
    api.docker("pause", "shop")
    assert "(Paused)" in api.said("ps", "--format", "{{.Status}}")
    paused = api.docker("exec", "shop", "true", check=False)
    assert "unpause the container before exec" in paused.stderr
    api.docker("unpause", "shop")
    api.docker("update", "--memory", "64m", "--memory-swap", "64m", "shop")
    assert api.said("inspect", "-f", "{{.HostConfig.Memory}}", "shop") == str(64 << 20)
    api.docker("update", "--cpus", "0.5", "shop")
    assert api.said("inspect", "-f", "{{.HostConfig.NanoCpus}}", "shop") == "500000000"
    assert api.said("commit", "-m", "mine", "shop", "mine:1").startswith("sha256:")
    assert "mine" in api.said("images")
    with open(tmp_path / "root.tar", "wb") as output:
        subprocess.run(["docker", "export", "shop"], env=api.environment, stdout=output, check=True)
    with tarfile.open(tmp_path / "root.tar") as tar:
        assert "./tmp/file" in tar.getnames()
    refused = api.docker("rm", "shop", check=False)
    assert refused.returncode == 1
    assert "cannot remove" in refused.stderr
    api.docker("stop", "-t", "0", "shop")
    assert "Exited (137)" in api.said("ps", "-a", "--format", "{{.Status}}")
    api.docker("start", "shop")
    api.docker("kill", "shop")
    assert api.said("wait", "shop") == "137"
    api.docker("rm", "shop")
    assert api.said("volume", "ls", "-q") == "data"
    api.docker("volume", "rm", "data")
    api.docker("rmi", "mine:1")
    assert api.docker("inspect", "shop", check=False).returncode == 1


def test_run_gives_output_input_and_status(api: Api) -> None:
    image = api.engine.image
    done = api.docker(
        *run(api, "--rm", image), "sh", "-c", "echo a; echo b >&2; exit 7", check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "a\n", "b\n")
    assert api.said(*run(api, "--rm", "-i", image), "cat", input=b"x" * 100_000) == "x" * 100_000
    missing = api.docker(*run(api, "--rm", image), "no-such-program", check=False)
    assert missing.returncode == 127
    assert "not found" in missing.stderr
    assert api.docker("run", "no.such.host/image", check=False).returncode == 125
    assert "nothing" in api.docker("run", "--network", "nothing", image, check=False).stderr
    api.docker(*run(api, "--rm", "--cidfile", str(api.engine.home / "id"), image), "true")
    assert len((api.engine.home / "id").read_text()) == 64
    assert api.said("ps", "-aq") == ""


def test_a_terminal_and_detach_keys(api: Api) -> None:
    image = api.engine.image
    terminal = api.terminal(*run(api, "--rm", "-it", image), "sh")
    terminal.expect("#")
    terminal.send("echo $((6*7)); exit 5\r")
    terminal.expect("42")
    assert terminal.end() == 5
    terminal = api.terminal(*run(api, "-it", "--name", "left", image), "sh")
    terminal.expect("#")
    terminal.send("\x10\x11")
    assert terminal.end() == 0
    assert api.said("ps", "--format", "{{.Names}}") == "left"
    terminal = api.terminal("exec", "-it", "left", "sh", "-c", "tty; exit 4")
    terminal.expect("/dev/pts/")
    assert terminal.end() == 4
    terminal = api.terminal("exec", "-it", "--detach-keys", "ctrl-x,y", "left", "sh")
    terminal.expect("#")
    terminal.send("stty size\r\x18y")
    terminal.expect("read escape sequence")
    assert terminal.end() == 1
    (container,) = json.loads(api.said("inspect", "left"))
    (left,) = container["ExecIDs"]
    _, found = api.request("GET", f"/exec/{left}/json")
    assert isinstance(found, dict) and found["Running"] is True
    assert "no-such" in api.docker("exec", "-t", "left", "no-such", check=False).stdout
    terminal = api.terminal("attach", "left")
    terminal.send("exit 6\r")
    assert terminal.end() == 6


def test_the_exit_code_of_an_exec_in_the_background(api: Api) -> None:
    """Of one that a client has begun, of one that the command has, and after a restart."""
    id = api.said(*run(api, "-d", "--name", "one", api.engine.image), "sleep", "1000")
    body = {"Cmd": ["sh", "-c", "exit 9"]}
    _, made = api.request("POST", f"/containers/{id}/exec", body)
    assert isinstance(made, dict)
    execution = str(made["Id"])

    def looked_at(one: str) -> dict[str, object]:
        _, found = api.request("GET", f"/exec/{one}/json")
        assert isinstance(found, dict)
        return found

    assert api.request("POST", f"/exec/{execution}/start", {"Detach": True})[0] == 200
    eventually(lambda: not looked_at(execution)["Running"])
    assert looked_at(execution)["ExitCode"] == 9
    api.engine.ok("exec", "-d", "one", "sh", "-c", "exit 8")
    folder = api.engine.root / "containers" / id / "execs"
    (other,) = {one.name for one in folder.iterdir()} - {execution}
    eventually(lambda: not looked_at(other)["Running"])
    assert looked_at(other)["ExitCode"] == 8
    with serving(api.engine, api.path + "2") as after:
        _, found = after.request("GET", f"/exec/{execution}/json")
        assert isinstance(found, dict)
        assert (found["ExitCode"], found["ContainerID"]) == (9, id)
    missing = {"Cmd": ["no-such-program"]}
    _, made = api.request("POST", f"/containers/{id}/exec", missing)
    assert isinstance(made, dict)
    status, said = api.request("POST", f"/exec/{made['Id']}/start", {"Detach": True})
    assert status == 400 and "not found" in str(said)


def test_events_logs_and_waits_that_follow(api: Api) -> None:
    image = api.engine.image
    events = subprocess.Popen(
        ["docker", "events", "--format", "{{.Type}} {{.Action}}"], env=api.environment,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    eventually(lambda: api.threads() > 1)
    time.sleep(0.2)  # the client has no sign that it is listening
    id = api.said(*run(api, "-d", image), "sh", "-c", "echo one; sleep 1; echo two")
    logs = api.docker("logs", "-f", id)
    assert logs.stdout == "one\ntwo\n"
    assert api.said("wait", id) == "0"
    api.docker("rm", id)
    assert events.stdout is not None
    seen = [events.stdout.readline().decode().strip() for _ in range(4)]
    assert seen == ["container create", "container start", "container die", "container destroy"]
    events.terminate()
    events.wait()
    events.stdout.close()


def test_images_go_out_and_come_back(api: Api, tmp_path: Path) -> None:
    image = api.engine.image
    api.docker("tag", image, "other:2")
    archive = tmp_path / "saved.tar"
    api.docker("save", "-o", str(archive), "other:2")
    api.docker("rmi", "other:2")
    assert "other" not in api.said("images")
    assert "other:2" in api.said("load", "-i", str(archive))
    assert "sha256" in api.said(
        "import", "-", "made:1", input=(tmp_path / "saved.tar").read_bytes()
    )
    assert "CREATED" in api.said("history", "other:2")
    api.docker("rmi", "other:2", "made:1")


def test_clients_that_are_cut_off_leave_nothing(api: Api) -> None:
    """A hundred followers of logs, events and waits, all gone at once."""
    id = api.said(*run(api, "-d", api.engine.image), "sleep", "100")
    api.request("GET", "/_ping")
    eventually(lambda: api.threads() == 1)
    before = api.descriptors()
    followers = []
    for number in range(100):
        path = (
            f"/containers/{id}/logs?follow=1&stdout=1", "/events", f"/containers/{id}/stats",
            f"/containers/{id}/wait?condition=next-exit",
        )[number % 4]  # fmt: skip
        method = "POST" if "wait" in path else "GET"
        connected = socket.socket(socket.AF_UNIX)
        connected.connect(api.path)
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        connected.sendall(head.encode())
        followers.append(connected)
    eventually(lambda: api.threads() > 100)
    for connected in followers:
        connected.close()
    eventually(lambda: api.threads() == 1)
    assert api.descriptors() == before
    api.docker("rm", "-f", id)


def test_many_at_once(api: Api) -> None:
    failed: list[str] = []

    def work() -> None:
        done = api.docker(*run(api, "--rm", api.engine.image), "echo", "here", check=False)
        if (done.returncode, done.stdout) != (0, "here\n"):
            failed.append(done.stderr)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_only_its_owner_may_use_the_socket(api: Api) -> None:
    status = os.stat(api.path)
    assert (status.st_mode & 0o777, status.st_uid) == (0o600, os.geteuid())


def test_bodies_that_are_no_archives(api: Api) -> None:
    """As a run of schemathesis with Docker's own document has sent them."""
    for body in (b"", b"\x89PNG\r\n", b"x" * 10_000):
        status, said = api.request("POST", "/images/load", body)
        assert status == 400 and str(api.engine.root) not in str(said), said
        status, said = api.request("POST", "/build", body, {"Content-Type": "application/x-tar"})
        assert status == 400, said


def test_a_signal_ends_the_server_whichever_thread_gets_it(engine: Engine, tmp_path: Path) -> None:
    """The main thread waits for connections meanwhile, or is about to."""
    with serving(engine, str(tmp_path / "api.sock")) as api:
        connection = UnixConnection(api.path)
        connection.request("GET", "/_ping")
        assert connection.getresponse().read() == b"OK"
        own = api.process.pid
        (other,) = {int(name) for name in os.listdir(f"/proc/{own}/task")} - {own}
        assert ctypes.CDLL(None).syscall(TGKILL, own, other, signal.SIGTERM) == 0
        assert api.process.wait(20) == 0
        connection.close()


def test_no_text_has_a_nul_byte(api: Api) -> None:
    id = api.said("create", *api.engine.create(api.engine.image, "true"))
    for nul in ("%00", "/etc%00x"):
        status, said = api.request("GET", f"/containers/{id}/archive?path={nul}")
        assert (status, "NUL" in str(said)) == (400, True)
        assert api.request("GET", f"/containers/{id}{nul}/json")[0] == 400
    document: dict[str, object]
    for host in ({"Binds": ["/x\0y:/z"]}, {"Sysctls": {"a\0": "1"}}):
        document = {"Image": api.engine.image, "HostConfig": host}
        status, said = api.request("POST", "/containers/create", document)
        assert (status, "NUL" in str(said)) == (400, True)
    # A backslash before the u is no NUL.
    document = {"Image": api.engine.image, "Labels": {"a": "\\u0000"}}
    assert api.request("POST", "/containers/create", document)[0] == 201


def test_what_is_not_there_says_so(api: Api) -> None:
    for method, path in (("GET", "/tasks"), ("GET", "/v1.41/swarm"), ("GET", "/secrets")):
        status, document = api.request(method, path)
        assert status == 501
        assert path.rpartition("/")[2] in document["message"]  # type: ignore[index]
    assert api.request("GET", "/nothing")[0] == 404
    assert api.request("DELETE", "/info")[0] == 405
    status, document = api.request("GET", "/v1.99/info")
    assert (status, "too new" in document["message"]) == (400, True)  # type: ignore[index]
    assert api.request("GET", "/v1.12/info")[0] == 400


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n[[[[[",
        b"GET /containers/%2e%2e%2f%2e%2e/json HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /images/../../etc/passwd/json HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1.41/images/" + b"a/" * 5000 + b"json HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /info HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n",
        b"POST /exec/" + b"0" * 64 + b"/start HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n{",
    ],
)  # fmt: skip
def test_hostile_requests(api: Api, raw: bytes) -> None:
    """Each is refused or ignored; the server answers the next client."""
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(10)
    connected.connect(api.path)
    connected.sendall(raw)
    connected.shutdown(socket.SHUT_WR)
    answer = b""
    try:
        while data := connected.recv(65536):
            answer += data
    except ConnectionError:
        pass
    connected.close()
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200", b"HTTP/1.1 50"))
    assert b"Traceback" not in answer
    assert api.request("GET", "/_ping")[0] == 200
