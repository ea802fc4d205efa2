"""``warren serve`` on a socket of its own, and Docker's command beside it."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.engines import Engine, Terminal

DOCKER = "/usr/bin/docker"  # Debian's docker.io


class UnixConnection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        """See HTTPConnection."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


@dataclass
class Api:
    """A running server."""

    engine: Engine
    process: "subprocess.Popen[bytes]"
    path: str
    config: str  # where Docker's command keeps its logins
    address: str = ""  # of TCP

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": f"unix://{self.path}", "DOCKER_CONFIG": self.config}

    def docker(
        self, *words: str, input: bytes | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Docker's command line; what it does must succeed if ``check``."""
        done = subprocess.run(
            [DOCKER, *words], env=self.environment, input=input, capture_output=True, timeout=120
        )
        result = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )
        assert not check or done.returncode == 0, f"docker {' '.join(words)}: {result.stderr}"
        return result

    def said(self, *words: str, input: bytes | None = None) -> str:
        """Its output."""
        return self.docker(*words, input=input).stdout.strip()

    def terminal(self, *words: str) -> Terminal:
        """The same at a terminal."""
        return Terminal([DOCKER, *words], self.environment)

    def request(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, object]:
        """The status and the document of a reply."""
        connection = UnixConnection(self.path)
        text = json.dumps(body) if body is not None and not isinstance(body, bytes | str) else body
        connection.request(method, path, text, headers or {})
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        kind = reply.headers.get("Content-Type", "")
        return reply.status, json.loads(data) if data and kind == "application/json" else data

    def descriptors(self) -> int:
        """How many the server has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self) -> int:
        """The bytes that are its own, not shared."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        private = [line.split() for line in lines if line.startswith("Private_")]
        return 1024 * sum(int(words[1]) for words in private)

    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/task"))


@contextmanager
def serving(engine: Engine, path: str, *words: str, limit: int = 0) -> Iterator[Api]:
    """``warren serve`` with these words, and with no more than ``limit`` descriptors; it must end
    well, and say nothing of errors of its own."""
    prefix = ["prlimit", f"--nofile={limit}"] if limit else []
    process = subprocess.Popen(
        [*prefix, *engine.command("serve", "--socket", path, *words)], env=engine.variables(),
        stderr=subprocess.PIPE,
    )  # fmt: skip
    server = Api(engine, process, path, f"{path}.docker")
    assert process.stderr is not None
    if "--tcp" in words:
        line = process.stderr.readline().decode()
        assert line.endswith(" (TLS)\n"), line
        server.address = line.split()[2]
    assert process.stderr.readline().startswith(b"listening on")
    try:
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert b"Traceback" not in said, said.decode()
    assert not os.path.exists(path)
    shutil.rmtree(server.config, ignore_errors=True)


@pytest.fixture
def api(engine: Engine, tmp_path: Path) -> Iterator[Api]:
    """The server of the engine's store."""
    with serving(engine, str(tmp_path / "api.sock")) as server:
        yield server
