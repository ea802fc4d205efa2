"""The session that everybody types first, from the pull to rmi, on a host with networks: by
Docker's own command and by docker-py. Each part of it has tests of its own beside this file."""

import io
import json
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from tests.support.api import Api, serving
from tests.support.engines import eventually
from tests.support.leftovers import CGROUPS
from tests.support.networks import NetworkEngine, local_registry

pytestmark = pytest.mark.root
WEB = ["busybox", "httpd", "-f", "-vv", "-p", "80", "-h", "/data"]  # as pid 1 it ignores SIGTERM
POLITE = ["sh", "-c", "trap 'echo told; exit 7' TERM; echo up; while :; do sleep 0.1; done"]
WANTED = [f"{one} web" for one in ["create", "start", "kill", "kill", "die", "stop", "destroy"]]
GREEDY = ["tail", "/dev/zero"]
FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode(), end='')"


@pytest.fixture
def served(network: NetworkEngine, tmp_path: Path) -> Iterator[Api]:
    with serving(network, str(tmp_path / "api.sock")) as server:
        yield server


@pytest.fixture
def image(served: Api, network: NetworkEngine) -> Iterator[str]:
    """An image that only a registry on the engine's loopback has."""
    with local_registry(network) as registry:
        name = f"{registry}/team/box:1"
        network.ok("tag", network.image, name)
        network.ok("push", "-q", name)
        network.ok("rmi", name, network.image)
        yield name


@contextmanager
def following(served: Api, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """Docker's command, which ends only when it is told to; both of its outputs are one."""
    process = subprocess.Popen(
        ["docker", *words], env=served.environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def fetched(network: NetworkEngine, port: int, path: str) -> str:
    """What a program on the engine's host gets from a published port."""
    return network.host.run(sys.executable, "-c", FETCH, f"http://127.0.0.1:{port}/{path}")


def test_dockers_command(served: Api, network: NetworkEngine, image: str, tmp_path: Path) -> None:
    def run(*words: str) -> list[str]:
        return ["run", *network.create("--network", "inner"), *words]

    told = "{{.Action}} {{.Actor.Attributes.name}}"
    with following(served, "events", "--since", "0", "--format", told) as events:
        assert image in served.said("pull", image)
        served.docker("network", "create", "inner")
        served.docker(*run("-d", "--name", "web", "-p", "8080:80", "-v", "site:/data", image, *WEB))
        eventually(lambda: fetched(network, 8080, "kept") == "of the image\n")
        assert served.said("port", "web", "80") == "0.0.0.0:8080"

        # Another container finds it by its name.
        asked = run("--rm", image, "busybox", "wget", "-qO-", "http://web/kept")
        assert served.said(*asked) == "of the image"

        terminal = served.terminal("exec", "-it", "web", "sh")
        terminal.expect("#")
        terminal.send("tty; echo $((6*7)) > /data/made; exit 4\r")
        terminal.expect("/dev/pts/")
        assert terminal.end() == 4
        assert fetched(network, 8080, "made") == "42\n"

        (tmp_path / "page").write_text("copied\n")
        served.docker("cp", str(tmp_path / "page"), "web:/data/page")
        assert fetched(network, 8080, "page") == "copied\n"
        served.docker("cp", "web:/data/made", str(tmp_path / "made"))
        assert (tmp_path / "made").read_text() == "42\n"

        with following(served, "logs", "-f", "web") as logs:
            assert logs.stdout is not None
            while "url:/made" not in (line := logs.stdout.readline()):  # as httpd -v says it
                assert line
        statistics = served.said("stats", "--no-stream", "--format", "{{.Name}} {{.NetIO}}", "web")
        assert statistics.startswith("web ") and not statistics.endswith(" 0B / 0B")

        in_use = served.docker("rmi", image, check=False)
        assert in_use.returncode == 1
        assert "is used by container" in in_use.stderr

        # One ends when it is told to, the other one is killed at the time-out.
        served.docker(*run("-d", "--name", "polite", image, *POLITE))
        eventually(lambda: served.said("logs", "polite") == "up")
        served.docker("stop", "polite")
        served.docker("stop", "-t", "1", "web")
        assert served.said("logs", "polite") == "up\ntold"
        greedy = run("-m", "16m", "--memory-swap", "16m", "--name", "greedy", image, *GREEDY)
        assert served.docker(*greedy, check=False).returncode == 137

        terminal = served.terminal(
            *run("-it", "--detach-keys", "ctrl-x,y", "--name", "left", image)
        )
        terminal.expect("#")
        terminal.send("\x18y")
        assert terminal.end() == 0

        states = served.said("ps", "-a", "--format", "{{.Names}} {{.Status}}")
        for state in (
            "greedy Exited (137, out of memory)",
            "polite Exited (7)",
            "web Exited (137)",
        ):
            assert state in states
        reason = "{{.State.OOMKilled}} {{.State.ExitCode}}"
        assert served.said("inspect", "-f", reason, "greedy", "web") == "true 137\nfalse 137"

        served.docker("kill", "left")
        served.docker("rm", "web", "polite", "greedy", "left")
        served.docker("volume", "rm", "site")
        served.docker("network", "rm", "inner")
        assert f"Untagged: {image}" in served.said("rmi", image)
        events.terminate()
        seen = events.communicate(timeout=20)[0].splitlines()
    assert [line for line in seen if line in WANTED] == WANTED
    assert "oom greedy" in seen
    assert served.said("ps", "-aq") == served.said("images", "-q") == ""


def test_docker_py(served: Api, network: NetworkEngine, image: str) -> None:
    client = docker.DockerClient(base_url=f"unix://{served.path}")
    seen: list[str] = []
    stream = client.events(decode=True, filters={"type": "container"})

    def watch() -> None:
        seen.extend(f"{one['Action']} {one['Actor']['Attributes']['name']}" for one in stream)

    watcher = threading.Thread(target=watch)
    watcher.start()
    pulled = client.images.pull(image)
    assert image in pulled.tags
    client.networks.create("inner")
    options = {"detach": True, "network": "inner", "cgroup_parent": f"/{CGROUPS}"}
    web = client.containers.run(
        image, WEB, name="web", ports={"80/tcp": 8080},
        volumes={"site": {"bind": "/data", "mode": "rw"}}, **options,
    )  # fmt: skip
    eventually(lambda: fetched(network, 8080, "kept") == "of the image\n")
    web.reload()
    assert web.ports["80/tcp"][0]["HostPort"] == "8080"
    asked = {**options, "detach": False, "remove": True}
    line = ["busybox", "wget", "-qO-", "http://web/kept"]
    assert client.containers.run(image, line, **asked) == b"of the image\n"

    # A terminal: what is typed comes back, and so does what the shell says.
    made = client.api.exec_create(web.id, ["sh"], stdin=True, tty=True)["Id"]
    terminal = client.api.exec_start(made, tty=True, socket=True)
    terminal._sock.sendall(b"tty; echo $((6*7)) > /data/made; exit 4\n")
    typed = b""
    while data := terminal._sock.recv(4096):
        typed += data
    terminal.close()
    assert b"/dev/pts/" in typed
    assert client.api.exec_inspect(made)["ExitCode"] == 4
    assert fetched(network, 8080, "made") == "42\n"

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("page")
        entry.size = 7
        tar.addfile(entry, io.BytesIO(b"copied\n"))
    assert web.put_archive("/data", archive.getvalue())
    assert fetched(network, 8080, "page") == "copied\n"
    chunks, _ = web.get_archive("/data/made")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        (member,) = tar.getmembers()
        assert (member.name, member.size) == ("made", 3)

    following = web.logs(stream=True, follow=True)
    assert any(b"url:/made" in part for part in following)
    following.close()
    statistics = next(web.stats(decode=True))
    assert statistics["networks"]["eth0"]["rx_bytes"] > 0
    with pytest.raises(docker.errors.APIError) as in_use:
        client.images.remove(image)
    assert in_use.value.status_code == 409

    polite = client.containers.run(image, POLITE, name="polite", **options)
    eventually(lambda: polite.logs() == b"up\n")
    polite.stop()
    web.stop(timeout=1)
    assert polite.logs() == b"up\ntold\n"
    greedy = client.containers.run(
        image, GREEDY, name="greedy", mem_limit="16m", memswap_limit="16m", **options
    )
    codes = {one.name: one.wait()["StatusCode"] for one in (web, polite, greedy)}
    assert codes == {"web": 137, "polite": 7, "greedy": 137}
    states = {one.name: one.attrs["State"] for one in client.containers.list(all=True)}
    assert {name for name, state in states.items() if state["OOMKilled"]} == {"greedy"}
    for one in (web, polite, greedy):
        one.remove()
    client.volumes.get("site").remove()
    client.networks.get("inner").remove()
    client.images.remove(image)
    assert client.containers.list(all=True) == client.images.list() == []
    eventually(lambda: "destroy greedy" in seen)
    stream.close()
    watcher.join(20)
    assert [line for line in seen if line in WANTED] == WANTED
    assert "oom greedy" in seen
    client.close()


def test_links_of_older_clients(served: Api, network: NetworkEngine) -> None:
    """docker run --link in a network with names, as docker compose 1.29 sends them."""
    served.docker("network", "create", "inner")
    served.docker("network", "create", "other")

    def run(*words: str, on: str = "inner") -> list[str]:
        return ["run", *network.create("--network", on), *words]

    served.docker(*run("-d", "--name", "web", network.image, *WEB))
    get = ["busybox", "wget", "-qO-"]
    linked = run("--rm", "--link", "web:shop", "--link", "web", network.image)
    for name in ("web", "shop"):
        assert served.said(*linked, *get, f"http://{name}/kept") == "of the image"
    missing = served.docker(*run("--link", "none:x", network.image), check=False)
    assert "HostConfig.Links" in missing.stderr and "none" in missing.stderr
    apart = run("--rm", "--link", "web:shop", network.image, "cat", "/etc/hosts", on="other")
    assert "shop" not in served.said(*apart)
    # The other places of links: of a network, and of one that is joined later.
    inner: dict[str, object] = {"EndpointsConfig": {"inner": {"Links": ["web:store"]}}}
    body: dict[str, object] = {
        "Image": network.image, "Cmd": ["sleep", "1000"], "NetworkingConfig": inner,
        "HostConfig": {"NetworkMode": "inner", "CgroupParent": f"/{CGROUPS}"},
    }  # fmt: skip
    assert served.request("POST", "/containers/create?name=late", body)[0] == 201
    served.docker("start", "late")
    assert served.said("exec", "late", *get, "http://store/kept") == "of the image"
    served.docker("network", "connect", "other", "web")
    joined = {"Container": "late", "EndpointConfig": {"Links": ["web:depot", "web"]}}
    (found,) = json.loads(served.said("network", "inspect", "other"))
    assert served.request("POST", f"/networks/{found['Id']}/connect", joined)[0] == 200
    assert served.said("exec", "late", *get, "http://depot/kept") == "of the image"
    joined["EndpointConfig"] = {"Links": ["none:x"]}
    status, said = served.request("POST", "/networks/other/connect", joined)
    assert status == 400 and "EndpointConfig.Links" in str(said)
    served.docker("rm", "-f", "late")
    body = {"Image": network.image, "HostConfig": {"Links": ["web:shop"]}}
    status, said = served.request("POST", "/containers/create", body)
    assert status == 501 and "in networks with names only" in str(said)
    served.docker("rm", "-f", "web")
    served.docker("network", "rm", "inner", "other")
