"""warren, docker and podman, each with a store of its own, in the caller's network namespace."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.compare.lines import INPUT, Line
from conformance.compare.outcome import Outcome, outcome
from conformance.compare.shapes import reply

DOCKER = "/usr/bin/docker"  # Debian's docker.io
PATIENCE = 120
PROJECT = Path(__file__).with_name("project")
START = 60
PORTS = {"warren": "18081", "docker": "18082", "podman": "18083"}
NETS = {"warren": "10.99.1", "docker": "10.99.2", "podman": "10.99.3"}
PODMAN = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Engine:
    """One engine: how it is called, a folder of its own, and the socket of its API if it has
    one."""

    def __init__(
        self, name: str, command: list[str], folder: Path, socket: str = "", **environment: str
    ) -> None:
        self.name = name
        self.command = command
        self.folder = folder
        self.socket = socket
        self.environment = {**os.environ, "HOME": str(folder), **environment}

    def call(
        self, *words: str, input: bytes = b"", program: list[str] | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        """The engine's command with these words, or another program with them."""
        return subprocess.run(
            [*(self.command if program is None else program), *words], input=input,
            capture_output=True, timeout=PATIENCE, check=False, env=self.environment,
            cwd=self.folder,
        )  # fmt: skip

    def run(self, line: Line) -> Outcome:
        """One line."""
        words = line.words(str(self.folder), PORTS[self.name], NETS[self.name])
        try:
            if line.shape:
                return reply(self.socket, *words)
            if line.script:
                done = self.call(*words, program=[])
            else:
                done = self.call(*words, input=INPUT.get(line.text, b""))
        except subprocess.TimeoutExpired:
            return Outcome(-1, "", "no end")
        own = {str(self.folder): "DIR", PORTS[self.name]: "PORT", NETS[self.name]: "NET"}
        return outcome(done.returncode, done.stdout, done.stderr, own)

    def prepare(self, archive: Path, tree: Path) -> None:
        """Loads the image, and makes the files that the lines name."""
        (self.folder / "shared").mkdir()
        (self.folder / "shared" / "file").write_text("shared\n")
        shutil.copy(tree, self.folder / "root.tar")
        done = self.call("load", "-q", "-i", str(archive))
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr.decode()}")

    def clear(self) -> None:
        """Takes all containers away."""
        ids = self.call("ps", "-aq").stdout.decode().split()
        if ids:
            self.call("rm", "-f", *ids)


def warren(folder: Path) -> Engine:
    return Engine(
        "warren", [str(Path(sys.prefix) / "bin" / "warren"), "--root", str(folder / "w")], folder
    )


def through(name: str, folder: Path, path: str) -> Engine:
    """Docker's own command on the socket of an engine."""
    # Scripts find this command, and no other.
    return Engine(name, [DOCKER], folder, path, DOCKER_HOST=f"unix://{path}",
                  PATH="/usr/bin:/bin:/usr/sbin:/sbin")  # fmt: skip


def answers(engine: Engine, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the engine's daemon comes up."""
    end = time.monotonic() + START
    while engine.call("version").returncode:
        if process.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@contextmanager
def docker(folder: Path) -> Iterator[Engine | None]:
    """Debian's client with a daemon of its own; None where it does not run."""
    daemon = shutil.which("dockerd")
    if not Path(DOCKER).exists() or daemon is None:
        yield None
        return
    (folder / "empty.json").write_text("{}")
    socket = f"{folder}/d.sock"
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [daemon, "--config-file", str(folder / "empty.json"), "--data-root", str(folder / "d"),
             "--exec-root", str(folder / "x"), "--pidfile", str(folder / "pid"),
             "-H", f"unix://{socket}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    engine = through("docker", folder, socket)
    try:
        up = answers(engine, process)
        yield engine if up else None
        if up:
            engine.clear()
    finally:
        process.terminate()
        process.wait(60)
        # Of the host's network namespace, once a container has used it.
        namespace = folder / "x" / "netns" / "default"
        subprocess.run(["umount", "-q", str(namespace)], check=False, capture_output=True)


@contextmanager
def served(folder: Path) -> Iterator[Engine]:
    """Debian's client with a ``warren serve`` of its own."""
    socket = f"{folder}/d.sock"
    program = [*warren(folder).command, "serve", "--socket", socket]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    engine = through("warren", folder, socket)
    try:
        if not answers(engine, process):
            raise RuntimeError(f"warren serve: {(folder / 'log').read_text()}")
        yield engine
    finally:
        process.terminate()
        process.wait(60)
        print((folder / "log").read_text(), end="", file=sys.stderr)


def with_programs(engine: Engine, programs: dict[str, str]) -> None:
    """Gives the engine's scripts these programs by name, and ``python``; all are run in a copy of
    the project's folder."""
    project, place = engine.folder / "project", engine.folder / "bin"
    if not project.exists():
        shutil.copytree(PROJECT, project)
        place.mkdir()
        engine.environment |= {"WEB_PORT": PORTS[engine.name], "WEB_NET": NETS[engine.name]}
        engine.environment["PATH"] = f"{place}:{engine.environment['PATH']}"
    for name, words in {"python": sys.executable, **programs}.items():
        (place / name).write_text(f'#!/bin/sh\ncd {project} && exec {words} "$@"\n')
        (place / name).chmod(0o755)


@contextmanager
def registry(folder: Path) -> Iterator[None]:
    """Debian's docker-registry on port 5000 of the loopback."""
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}\n"
        "http: {addr: 127.0.0.1:5000}\n"
    )
    process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def podman(folder: Path) -> Engine | None:
    """Debian's podman; None where it is not installed."""
    program = shutil.which("podman")
    if program is None:
        return None
    (folder / "containers.conf").write_text(PODMAN)
    command = [program, "--root", str(folder / "p"), "--runroot", str(folder / "r"), "--tmpdir",
               str(folder / "t")]  # fmt: skip
    return Engine("podman", command, folder, CONTAINERS_CONF=str(folder / "containers.conf"))
