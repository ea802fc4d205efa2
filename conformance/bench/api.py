"""``./dev bench api``: Docker's own command through ``warren serve``, beside dockerd.

    docker run --rm IMAGE true    without a network, and on the default bridge, by turns
    memory, processor             of the server, idle and with 200 followers of events and logs
    GET /containers/json          what each container costs

In one run, in a mount and a network namespace of their own. Memory is the proportional set size of
the server (of dockerd also its containerd), see proc(5), smaps_rollup.
"""

import argparse
import contextlib
import ctypes
import datetime
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

from conformance.bench.engine import (
    PR_SET_CHILD_SUBREAPER,
    RESULTS,
    Engine,
    children,
    docker,
    in_turn,
    make_image,
    versions,
    warren,
)

IMAGE = "localhost/box:1"
IDLE = 10.0  # seconds in which nothing happens


class Unix(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        """See HTTPConnection."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def get(path: str, target: str) -> tuple[float, int]:
    """Seconds that a GET takes, and how many things the answer lists."""
    connection = Unix(path)
    begin = time.monotonic()
    connection.request("GET", target)
    body = connection.getresponse().read()
    taken = time.monotonic() - begin
    connection.close()
    return taken, len(json.loads(body))


@contextlib.contextmanager
def served(folder: Path, layout: Path) -> Iterator[Engine]:
    """Docker's command on ``warren serve``."""
    below, path = warren(folder, layout), folder / "warren.sock"
    server = subprocess.Popen([*below.command, "serve", "--socket", str(path)],
                              stderr=subprocess.PIPE)  # fmt: skip
    try:
        assert server.stderr is not None
        server.stderr.readline()
        engine = Engine("warren", ["/usr/bin/docker", "-H", f"unix://{path}"], IMAGE)
        engine.daemon = server.pid
        yield engine
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def tree(pid: int) -> list[int]:
    """A process and all below it that are no containers' (of dockerd: containerd)."""
    found = [pid]
    for entry in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in entry.read_text().split():
            with contextlib.suppress(OSError):
                if b"containerd" in Path(f"/proc/{child}/comm").read_bytes():
                    found += tree(int(child))
    return found


def memory(engine: Engine) -> int:
    """KiB of the server."""
    total = 0
    for pid in tree(engine.daemon):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def place(engine: Engine) -> str:
    """The path of its socket."""
    return engine.command[2].removeprefix("unix://")


def processor(engine: Engine) -> float:
    """Seconds of processor time that the server has used (proc(5), stat)."""
    ticks = 0
    for pid in tree(engine.daemon):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def with_followers(engine: Engine, count: int) -> tuple[int, float]:
    """KiB with so many clients that follow events and the log of a container, by halves, and how
    much of a processor it uses while nothing happens."""
    id = engine.call("run", "-d", "--network", "none", engine.image, "sleep", "1000").strip()
    clients = []
    for number in range(count):
        target = "/events" if number % 2 else f"/containers/{id}/logs?follow=1&stdout=1"
        connected = socket.socket(socket.AF_UNIX)
        connected.connect(place(engine))
        connected.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        clients.append(connected)
    for connected in clients:
        connected.recv(12)
    time.sleep(2)  # all that they make the server do has been done
    held, before = memory(engine), processor(engine)
    time.sleep(IDLE)
    used = (processor(engine) - before) / IDLE
    for connected in clients:
        connected.close()
    engine.call("rm", "-f", id)
    return held, used


def list_costs(engine: Engine, count: int) -> tuple[float, float]:
    """Milliseconds of GET /containers/json with no container, and for each of ``count`` more."""

    def took(wanted: int) -> float:
        get(place(engine), "/containers/json?all=1")
        rounds = [get(place(engine), "/containers/json?all=1") for _ in range(7)]
        assert all(listed == wanted for _, listed in rounds)
        return min(taken for taken, _ in rounds) * 1e3

    empty = took(0)
    for _ in range(count):
        engine.call("create", "--network", "none", engine.image, "true")
    full = took(count)
    return empty, (full - empty) / count


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="./dev bench api", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="runs by each (25)")
    parser.add_argument("--containers", type=int, default=100, help="how many a list has (100)")
    parser.add_argument("--followers", type=int, default=200, help="clients at once (200)")
    options = parser.parse_args(arguments)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ab-", dir="/tmp")))
        layout = make_image(folder)
        engines = [stack.enter_context(served(folder, layout))]
        other = stack.enter_context(docker(folder, layout))
        engines += [other] if other else []
        for engine in engines:
            engine.others = children()
        parts = [
            f"# Docker's API, {datetime.date.today()}\n\ndocker on warren serve"
            + (" and on dockerd" if other else "")
            + f", by turns, on {os.cpu_count()} processors; load {os.getloadavg()[0]:.1f} at the "
            f"beginning. {versions()}\n"
        ]
        idle = {engine.name: memory(engine) for engine in engines}
        for network in ("none", "bridge"):
            samples = in_turn(engines, options.rounds, network)
            parts.append(f"## docker run --rm IMAGE true, network {network}\n")
            parts.append(
                "| server | wall ms, median | min | processor ms, median |\n|---|---|---|---|"
            )
            for name, taken in samples.items():
                wall = [sample.wall * 1e3 for sample in taken]
                cpu = statistics.median(sample.cpu * 1e3 for sample in taken)
                median = statistics.median(wall)
                parts.append(f"| {name} | {median:.0f} | {min(wall):.0f} | {cpu:.0f} |")
            parts.append("")
        parts.append("## Memory of the server, MiB\n")
        parts.append(
            f"| server | fresh | idle after the runs | {options.followers} followers | the same, "
            "% of a processor while nothing happens |"
        )
        parts.append("|---|---|---|---|---|")
        for engine in engines:
            after = memory(engine)
            held, used = with_followers(engine, options.followers)
            numbers = (idle[engine.name], after, held)
            sizes = " | ".join(f"{n / 1024:.1f}" for n in numbers)
            parts.append(f"| {engine.name} | {sizes} | {used * 100:.1f} |")
        parts.append("\n## GET /containers/json\n")
        parts.append("| server | ms without containers | ms for each container |\n|---|---|---|")
        for engine in engines:
            empty, each = list_costs(engine, options.containers)
            parts.append(f"| {engine.name} | {empty:.1f} | {each:.2f} |")
    text = "\n".join([*parts, ""])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "api.md").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
