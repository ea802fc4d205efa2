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

PATIENCE = 120
PORTS = {"warren": "18081", "docker": "18082", "podman": "18083"}
PODMAN = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Engine:
    """One engine: how it is called, and a folder of its own."""

    def __init__(self, name: str, command: list[str], folder: Path, **environment: str) -> None:
        self.name = name
        self.command = command
        self.folder = folder
        self.environment = {**os.environ, "HOME": str(folder), **environment}

    def call(self, *words: str, input: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*self.command, *words], input=input, capture_output=True, timeout=PATIENCE,
            check=False, env=self.environment, cwd=self.folder,
        )  # fmt: skip

    def run(self, line: Line) -> Outcome:
        """One line."""
        words = line.words(str(self.folder), PORTS[self.name])
        try:
            done = self.call(*words, input=INPUT.get(line.text, b""))
        except subprocess.TimeoutExpired:
            return Outcome(-1, "", "no end")
        own = {str(self.folder): "DIR", PORTS[self.name]: "PORT"}
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


@contextmanager
def docker(folder: Path) -> Iterator[Engine | None]:
    """Debian's client with a daemon of its own; None where it does not run."""
    client, daemon = Path("/usr/bin/docker"), shutil.which("dockerd")
    if not client.exists() or daemon is None:
        yield None
        return
    (folder / "empty.json").write_text("{}")
    socket = f"unix://{folder}/d.sock"
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [daemon, "--config-file", str(folder / "empty.json"), "--data-root", str(folder / "d"),
             "--exec-root", str(folder / "x"), "--pidfile", str(folder / "pid"), "-H", socket],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    engine = Engine("docker", [str(client), "-H", socket], folder)
    try:
        end = time.monotonic() + 60
        while engine.call("version").returncode and process.poll() is None:
            if time.monotonic() > end:
                break
            time.sleep(0.1)
        up = engine.call("version").returncode == 0
        yield engine if up else None
        if up:
            engine.clear()
    finally:
        process.terminate()
        process.wait(60)


def podman(folder: Path) -> Engine | None:
    """Debian's podman; None where it is not installed."""
    program = shutil.which("podman")
    if program is None:
        return None
    (folder / "containers.conf").write_text(PODMAN)
    command = [program, "--root", str(folder / "p"), "--runroot", str(folder / "r"), "--tmpdir",
               str(folder / "t")]  # fmt: skip
    return Engine("podman", command, folder, CONTAINERS_CONF=str(folder / "containers.conf"))
