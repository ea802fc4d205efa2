"""A test host for warren's networks, made of network namespaces, so that the machine's links do not
change. warren runs in "host"; "outside" is another machine that is connected to it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.engines import Engine, eventually, make_image
from tests.support.leftovers import CGROUPS

HOST, OUTSIDE = "198.51.100.1", "198.51.100.2"
HOST6, OUTSIDE6 = "2001:db8::1", "2001:db8::2"
# talk ADDRESS PORT PROTOCOL: prints the answer, or the errno's name.
TALK = """
import errno, socket, sys
address, port, protocol = sys.argv[1], int(sys.argv[2]), sys.argv[3]
kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
number = socket.IPPROTO_SCTP if protocol == "sctp" else 0
one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, number)
one.settimeout(float(sys.argv[4]))
try:
    one.connect((address, port))
    one.send(b"hello")
    print(one.recv(100).decode(), end="")
except TimeoutError:
    print("TIMEOUT", end="")
except OSError as error:
    print(errno.errorcode[error.errno], end="")
"""
# serve PORT PROTOCOL: answers with the address of whoever asks.
SERVE = """
import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[2] == "udp" else socket.SOCK_STREAM
one = socket.socket(
    socket.AF_INET6, kind, socket.IPPROTO_SCTP if sys.argv[2] == "sctp" else 0
)
one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
one.bind((sys.argv[3], int(sys.argv[1])))
if sys.argv[2] != "udp":
    one.listen()
print("ready", flush=True)
while True:
    if sys.argv[2] == "udp":
        _, who = one.recvfrom(100)
        one.sendto(("from " + who[0]).encode(), who)
    else:
        client, who = one.accept()
        client.recv(100)
        client.sendall(("from " + who[0]).encode())
        client.close()
"""


def in_namespace(path: str, *words: object) -> list[str]:
    return ["nsenter", f"--net={path}", *map(str, words)]


@dataclass
class Machine:
    """A network namespace."""

    path: str
    servers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def run(self, *words: object, input: str | None = None) -> str:
        """The output of a program in it, which must succeed."""
        done = subprocess.run(
            in_namespace(self.path, *words), input=input, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def talk(self, address: str, port: int, protocol: str = "tcp", wait: float = 5) -> str:
        """What a server answers, without the part that says that the address is one of IPv4; or
        ECONNREFUSED and the like, or TIMEOUT."""
        words = (sys.executable, "-c", TALK, address, port, protocol, wait)
        return self.run(*words).replace("::ffff:", "")

    def serve(self, port: int, protocol: str = "tcp", address: str = "::") -> None:
        """Starts a server that says who asks."""
        words = in_namespace(self.path, sys.executable, "-c", SERVE, port, protocol, address)
        server = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        self.servers.append(server)

    def stop(self) -> None:
        for server in self.servers:
            server.kill()
            server.wait()
            if server.stdout is not None:
                server.stdout.close()
        self.servers.clear()


@contextmanager
def machine() -> Iterator[Machine]:
    """A network namespace with a loopback that is up."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    path = f"/proc/{holder.pid}/ns/net"
    own = os.readlink("/proc/self/ns/net")
    eventually(lambda: os.readlink(path) != own)
    made = Machine(path)
    try:
        made.run("ip", "link", "set", "lo", "up")
        yield made
    finally:
        made.stop()
        holder.kill()
        holder.wait()


def cable(host: Machine, outside: Machine) -> None:
    """Connects two machines by a link with an address at each end."""
    holder = outside.path.split("/")[2]
    host.run("ip", "link", "add", "cable", "type", "veth", "peer", "cable", "netns", holder)
    for one, address, address6 in ((host, HOST, HOST6), (outside, OUTSIDE, OUTSIDE6)):
        one.run("ip", "address", "add", address + "/24", "dev", "cable")
        one.run("ip", "address", "add", address6 + "/64", "dev", "cable", "nodad")
        one.run("ip", "link", "set", "cable", "up")


@dataclass
class NetworkEngine(Engine):
    """An engine whose networks are in a namespace of their own."""

    host: Machine = field(default_factory=lambda: Machine(""))
    outside: Machine = field(default_factory=lambda: Machine(""))

    def command(self, *arguments: object) -> list[str]:
        return in_namespace(self.host.path, *super().command(*arguments))

    def create(self, *words: object) -> list[str]:
        return ["--cgroup-parent", f"/{CGROUPS}", *map(str, words)]

    @property
    def run_folder(self) -> Path:
        tag = sha256(str(self.root).encode()).hexdigest()[:8]
        return Path("/run/warren-networks") / tag

    def up(self, name: str, *flags: object) -> Machine:
        """Starts a container that sleeps; the network namespace that it is in."""
        self.start("--name", name, *flags, self.image, "sleep", "1000")
        return self.inside(name)

    def inside(self, name: str) -> Machine:
        return Machine(f"/proc/{self.pid(self.id(name))}/ns/net")

    def id(self, name: str) -> str:
        return self.ok("inspect", "--format", "{{.Id}}", name).strip()

    def address(self, name: str, network: str = "bridge", field: str = "IPAddress") -> str:
        (found,) = json.loads(self.ok("inspect", name))
        return str(found["NetworkSettings"]["Networks"][network][field])

    def links(self) -> list[str]:
        """The links of the host that warren has made."""
        found = json.loads(self.host.run("ip", "-j", "link"))
        return [one["ifname"] for one in found if one["ifname"][:3] in ("wr-", "wvo")
                or one.get("ifalias", "").startswith("warren ")]  # fmt: skip

    def remains(self) -> list[str]:
        """What networks have left: links, tables, namespaces, nameservers."""
        found = self.links()
        found += self.host.run("nft", "list", "tables").split()
        for part in ("netns", "dns"):
            folder = self.run_folder / part
            found += [str(path) for path in folder.glob("*")] if folder.is_dir() else []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes()
                except OSError:
                    continue
                if os.fsencode(self.run_folder) in words:
                    found.append(f"{folder.name}: {words!r}")
        return found


@contextmanager
def network_engine(folder: Path) -> Iterator[NetworkEngine]:
    """An engine on a host of its own, with an image; nothing is left of it at the end."""
    with machine() as host, machine() as outside:
        engine = NetworkEngine(folder, host=host, outside=outside)
        cable(host, outside)
        engine.ok("pull", "-q", make_image(folder / "box"))
        engine.image = "box:box"
        try:
            yield engine
        finally:
            ids = engine.ok("ps", "-aq", "--no-trunc").split()
            if ids:
                engine.ok("rm", "-f", "-v", *ids)
        eventually(lambda: not engine.traces())
        eventually(lambda: not engine.remains())
        for part in ("netns", ""):
            if (engine.run_folder / part).is_dir():
                (engine.run_folder / part).rmdir()


@contextmanager
def local_registry(engine: NetworkEngine) -> Iterator[str]:
    """A docker-registry on the loopback of the engine's host: its address."""
    config = engine.home / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '127.0.0.1:5000'}}\n"
        f"storage: {{filesystem: {{rootdirectory: {engine.home / 'registry'}}}}}\n"
    )
    words = in_namespace(engine.host.path, "docker-registry", "serve", config)
    with (engine.home / "registry.log").open("wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        eventually(lambda: engine.host.talk("127.0.0.1", 5000, wait=0.1) == "TIMEOUT")  # it listens
        yield "127.0.0.1:5000"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[NetworkEngine]:
    with network_engine(tmp_path) as engine:
        yield engine
