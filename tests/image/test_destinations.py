"""warren push to places and engines of this machine, and the commands that do the same."""

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.samples.images import Image, Layer
from tests.support.containers import eventually
from tests.support.registries import Warren, skopeo

pytestmark = pytest.mark.root

DAEMON = """{
  "data-root": "W/d", "exec-root": "W/x", "pidfile": "W/pid", "hosts": ["unix://W/d.sock"],
  "iptables": false, "bridge": "none"
}
"""
CONTAINERD = """version = 2
root = "W/root"
state = "W/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "W/c.sock"
"""
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "W/root"\nrunroot = "W/run"\n'


def takes(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason="takes " + ", ".join(missing))


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("p")  # a short path, because sockets are below it


@pytest.fixture
def stored(warren: Warren, place: Path) -> Warren:
    """warren with one image, localhost/box:1."""
    layer = Layer().file("tool", b"#!/bin/sh\n", mode=0o755).file("data", b"x" * 3_000_000)
    Image([layer.tar()]).write(place / "layout", "localhost/box:1")
    warren.ok("pull", "-q", f"oci:{place}/layout")
    return warren


def id_of(warren: Warren) -> str:
    return str(json.loads(warren.ok("inspect", "localhost/box:1"))[0]["Id"])


def test_places_are_what_skopeo_reads(stored: Warren, place: Path) -> None:
    for target, printed in (
        (f"oci:{place}/out:two", f"oci:{place}/out:two"),
        (f"oci-archive:{place}/a.tar:x/y:3", f"oci-archive:{place}/a.tar:x/y:3"),
        (f"docker-archive:{place}/d.tar:x/y:3", f"docker-archive:{place}/d.tar:docker.io/x/y:3"),
    ):
        assert stored.ok("push", "box:1", target) == printed + "\n"
        config = json.loads(skopeo("inspect", "--config", target))
        assert len(config["rootfs"]["diff_ids"]) == 1
    assert (
        stored.ok("push", "-q", "box:1", f"oci:{place}/out") == f"oci:{place}/out:localhost/box:1\n"
    )
    # The second one is added to the first.
    assert len(json.loads((place / "out" / "index.json").read_text())["manifests"]) == 2


@contextmanager
def running(place: Path, *words: str | Path) -> Iterator[None]:
    """A daemon in mount and network namespaces of its own."""
    with open(place / "log", "wb") as log:
        daemon = subprocess.Popen(["unshare", "--mount", "--net", *words], stderr=log, stdout=log)
    try:
        yield
    finally:
        daemon.terminate()
        daemon.wait(60)


def answers(words: list[str], environment: dict[str, str]) -> bool:
    return not subprocess.run(words, capture_output=True, env=environment, check=False).returncode


def same_by_pipe(warren: Warren, *words: str, **options: object) -> None:
    """``warren save`` piped to an engine's own command."""
    archive = subprocess.run(
        warren.command("save", "box:1"), env=warren.variables(), capture_output=True, check=True
    ).stdout
    subprocess.run(words, input=archive, check=True, capture_output=True, **options)  # type: ignore[call-overload]


@takes("dockerd", "docker")
def test_docker_has_the_image_under_the_name_asked_for(stored: Warren, place: Path) -> None:
    (place / "daemon.json").write_text(DAEMON.replace("W", str(place)))
    stored.environment["DOCKER_HOST"] = host = f"unix://{place}/d.sock"
    own = {**os.environ, "DOCKER_HOST": host}
    own.pop("DOCKER_CONFIG", None)
    show = ["docker", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]
    assert f'connect to Docker at "{place}/d.sock"' in stored.fails(
        "push", "box:1", "docker-daemon:"
    )
    with running(place, "dockerd", "--config-file", place / "daemon.json"):
        eventually(lambda: answers(["docker", "version"], own))
        printed = stored.ok("push", "box:1", "docker-daemon:")
        assert printed == "docker-daemon:localhost/box:1\n"
        stored.ok("push", "box:1", "docker-daemon:other/name:tag")
        found = subprocess.check_output(show, env=own, text=True).splitlines()
        assert sorted(found) == [
            f"localhost/box:1 {id_of(stored)}", f"other/name:tag {id_of(stored)}",
        ]  # fmt: skip
        subprocess.run(["docker", "rmi", "-f", "localhost/box:1"], env=own, check=True)
        same_by_pipe(stored, "docker", "load", env=own)
        found = subprocess.check_output(show, env=own, text=True).splitlines()
        assert f"localhost/box:1 {id_of(stored)}" in found


@takes("containerd", "ctr")
def test_containerd_has_the_image_in_the_namespace_asked_for(stored: Warren, place: Path) -> None:
    (place / "c.toml").write_text(CONTAINERD.replace("W", str(place)))
    stored.environment["CONTAINERD_ADDRESS"] = address = f"{place}/c.sock"
    stored.environment["CONTAINERD_SNAPSHOTTER"] = "native"
    own = {**os.environ, "CONTAINERD_ADDRESS": address}
    with running(place, "containerd", "--config", place / "c.toml"):
        eventually(lambda: answers(["ctr", "version"], own))
        stored.environment["CONTAINERD_NAMESPACE"] = "k8s.io"
        assert (
            stored.ok("push", "box:1", "containerd:box:2") == "containerd:docker.io/library/box:2\n"
        )
        show = ["ctr", "-n", "k8s.io", "images", "ls", "-q"]
        assert subprocess.check_output(show, env=own, text=True) == "docker.io/library/box:2\n"
        import_ = ["ctr", "-n", "k8s.io", "images", "import", "--snapshotter", "native", "-"]
        same_by_pipe(stored, *import_, env=own)
        assert "localhost/box:1\n" in subprocess.check_output(show, env=own, text=True)


@takes("podman")
def test_podman_has_the_image(stored: Warren, place: Path) -> None:
    (place / "storage.conf").write_text(STORAGE.replace("W", str(place)))
    stored.environment["CONTAINERS_STORAGE_CONF"] = f"{place}/storage.conf"
    own = {**os.environ, "CONTAINERS_STORAGE_CONF": f"{place}/storage.conf"}
    stored.ok("push", "box:1", "containers-storage:")
    stored.ok("push", "box:1", "containers-storage:short")
    show = ["podman", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]
    found = subprocess.check_output(show, env=own, text=True).splitlines()
    assert {line.rpartition(" ")[0] for line in found} == {
        "localhost/box:1", "docker.io/library/short:latest",
    }  # fmt: skip
    assert {line.rpartition(" ")[2] for line in found} == {id_of(stored)}
    subprocess.run(["podman", "rmi", "-fa"], env=own, check=True, capture_output=True)
    same_by_pipe(stored, "podman", "load", env=own)
    assert "localhost/box:1" in subprocess.check_output(show, env=own, text=True)


def test_what_an_engine_says_is_told(stored: Warren, place: Path) -> None:
    """Docker's own errors come in its answer, with status 200 once it has begun."""
    path = str(place / "fake.sock")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    replies = [
        ('HTTP/1.1 500 no\r\nContent-Length: 22\r\n\r\n{"message":"no room"}\r\n', "no room"),
        ('HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"error":"broken tar"}', "broken tar"),
        ("HTTP/1.1 418 no\r\nContent-Length: 0\r\n\r\n", "status 418"),
        ("", "Docker closed the connection"),
    ]

    def serve() -> None:
        for reply, _ in replies:
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(reply.encode())
                client.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve)
    thread.start()
    stored.environment["DOCKER_HOST"] = f"unix://{path}"
    for _, said in replies:
        assert said in stored.fails("push", "box:1", "docker-daemon:x")
    thread.join()
    server.close()


def test_a_target_that_cannot_be_is_a_sentence(stored: Warren, place: Path) -> None:
    digits = id_of(stored).removeprefix("sha256:")[:12]
    assert "needs a name there" in stored.fails("push", digits, "docker-daemon:", status=125)
    stored.environment["DOCKER_HOST"] = "tcp://127.0.0.1:1"
    said = stored.fails("push", "box:1", "docker-daemon:x", status=125)
    assert "which is no unix socket" in said and "docker load" in said
    assert "write" in stored.fails("push", "box:1", "docker-archive:/proc/nonexistent/x.tar:box")
    (place / "ctr").write_text("#!/bin/sh\necho no room >&2\nexit 3\n")
    (place / "ctr").chmod(0o755)
    stored.environment["PATH"] = str(place)
    assert "ctr images import -: no room" in stored.fails("push", "box:1", "containerd:x:y")
    assert "run podman: execve: no such file" in stored.fails(
        "push", "box:1", "containers-storage:x"
    )
