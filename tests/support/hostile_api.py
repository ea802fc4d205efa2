"""A grammar of hostile requests to the Engine API: paths, queries, headers, bodies, broken HTTP.

What they ask for harms nothing: programs are ``true`` and ``sleep``, registries are closed ports of
loopback, and all containers are below the tests' cgroup.
"""

import base64
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable
from urllib.parse import quote

from hutch.api.routes import MISSING, ROUTES

from tests.support.leftovers import CGROUPS

REQUESTS = [(method, path) for method, path, *_ in [*ROUTES, *MISSING]]
QUERIES = (
    "all", "limit", "size", "filters", "name", "platform", "stdout", "stderr", "follow", "since",
    "until", "timestamps", "tail", "stream", "one-shot", "t", "signal", "condition", "h", "w", "v",
    "force", "link", "path", "noOverwriteDirNonDir", "copyUIDGID", "ps_args", "logs", "stdin",
    "detachKeys", "fromImage", "fromSrc", "repo", "tag", "changes", "message", "comment", "author",
    "container", "pause", "names", "term", "type", "verbose", "manifests", "dockerfile", "q",
    "buildargs", "labels", "memory", "ulimits", "networkmode", "remote", "version", "scope", "x",
)  # fmt: skip
FIELDS = (
    "Image", "Cmd", "Entrypoint", "Env", "Labels", "Tty", "OpenStdin", "StdinOnce", "User",
    "WorkingDir", "Hostname", "Domainname", "StopSignal", "StopTimeout", "ExposedPorts", "Volumes",
    "Healthcheck", "MacAddress", "HostConfig", "NetworkingConfig", "Binds", "Mounts", "Tmpfs",
    "PortBindings", "NetworkMode", "RestartPolicy", "Memory", "NanoCpus", "CpuPeriod", "PidsLimit",
    "Ulimits", "Devices", "SecurityOpt", "CapAdd", "Sysctls", "LogConfig", "MaskedPaths", "Runtime",
    "Container", "EndpointConfig", "EndpointsConfig", "IPAM", "Config", "Subnet", "Driver", "Name",
    "DriverOpts", "username", "password", "Detach", "Test", "Interval", "Type", "Source", "Target",
)  # fmt: skip
WORDS = (
    "", "0", "1", "-1", "true", "false", "x", "../..", "/", "/etc", "a" * 300, "\0", "/etc\0x",
    "\n", "é", "\udc80", "💥", "%00", "%2e%2e%2f", "9" * 30, "9" * 5000, "1e999", "nan", "-0",
    "0x10", "1;2", "10m", "2020-01-01T00:00:00Z", "99999999999999999999-01-01", "KILL",
    "SIGRTMAX+99", "999", "not-running", "{}", "[]", "null", '{"label":["x"]}',
    '{"label":{"x":true}}', '{"a":[1]}', '{"until":["x"]}', '{"before":["none"]}',
    '{"publish":["1-99999"]}', "[" * 3000, '{"a":' * 1000, "linux/arm64", "ctrl-p,ctrl-q",
    "sha256:" + "0" * 64, "$(x)", "'; DROP TABLE container; --", "127.0.0.1:1/none",
    "localhost/none:1", "A" * 200, "CMD true", "host", "none", "container:x",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**64), 10**40, 0.5, 1e308)


class Grammar:
    """Requests by chance. ``names`` are those that exist, so that requests also lead somewhere."""

    def __init__(self, seed: int, names: list[str], image: str) -> None:
        self.random = random.Random(seed)
        self.names = names
        self.image = image

    def word(self) -> str:
        return self.random.choice(self.names if self.random.random() < 0.3 else WORDS)

    def value(self, depth: int = 0) -> object:
        kind = self.random.randrange(9 if depth < 4 else 6)
        if kind < 3:
            return self.word()
        if kind == 3:
            return self.random.choice(NUMBERS)
        if kind == 4:
            return self.random.choice((True, False, None))
        if kind == 5:
            return self.random.choice((["true"], ["sleep", "1"], ["A=b"], [], {}))
        if kind == 6:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        keys = FIELDS if self.random.random() < 0.8 else WORDS
        return {
            self.random.choice(keys): self.value(depth + 1)
            for _ in range(self.random.randrange(1, 6))
        }

    def document(self) -> bytes:
        """A body, most often a container's."""
        host = {"NetworkMode": "none", "CgroupParent": f"/{CGROUPS}", "AutoRemove": True}
        found: dict[str, object] = {"Image": self.image, "Cmd": ["true"], "HostConfig": host}
        for _ in range(self.random.randrange(4)):
            place = self.random.choice((found, host))
            place[self.random.choice(FIELDS)] = self.value()
        host["CgroupParent"] = f"/{CGROUPS}"
        text = json.dumps(found if self.random.random() < 0.6 else self.value())
        return text.encode("utf-8", "surrogatepass")

    def body(self) -> bytes:
        kind = self.random.randrange(10)
        if kind < 6:
            return self.document()
        if kind == 6:
            text = self.document()
            return text[: self.random.randrange(len(text) + 1)]
        if kind == 7:
            return self.random.randbytes(self.random.randrange(2000))
        if kind == 8:
            return self.random.choice((b"[" * 100_000, b'{"a":' * 50_000, b"NaN", b"\xff\xfe{}"))
        return b""

    def target(self) -> tuple[str, str]:
        method, path = self.random.choice(REQUESTS)
        for part in ("{id}", "{name*}", "{name}"):
            word = self.word()
            path = path.replace(
                part,
                word if self.random.random() < 0.2 else quote(word, "/", "utf-8", "surrogatepass"),
            )
        if self.random.random() < 0.3:
            path = (
                self.random.choice(("/v1.41", "/v1.55", "/v1.99", "/v0.0", "/v", "/v1.41/v1.41"))
                + path
            )
        pairs = [
            f"{self.random.choice(QUERIES)}={quote(self.word(), '', 'utf-8', 'surrogatepass')}"
            for _ in range(self.random.randrange(5))
        ]
        if self.random.random() < 0.05:
            method = self.random.choice(("PATCH", "OPTIONS", "TRACE", "get", "G" * 50))
        return method, path + ("?" + "&".join(pairs) if pairs else "")

    def request(self) -> bytes:
        """The bytes of a request."""
        method, target = self.target()
        body = self.body()
        lines = [f"{method} {target} HTTP/1.1", "Host: x"]
        kind = self.random.randrange(20)
        if kind == 0:
            return self.random.randbytes(self.random.randrange(300))
        if kind == 1:
            lines.append("Connection: Upgrade\r\nUpgrade: tcp")
        if kind == 2:
            secret = self.random.choice((self.body()[:30_000], json.dumps(self.value()).encode()))
            lines.append("X-Registry-Auth: " + base64.urlsafe_b64encode(secret).decode())
        if kind == 3:
            lines.append("X: " + "y" * self.random.choice((100, 60_000, 70_000)))
        if kind == 4:
            lines += [f"X-{n}: y" for n in range(self.random.choice((50, 5000)))]
        if kind == 5:
            lines.append(self.random.choice(("Expect: 100-continue", "A : b", "A\0: b", ": b")))
        length = f"Content-Length: {len(body)}"
        if kind == 6:
            length = "Content-Length: " + self.random.choice(("-1", "x", "1", "9" * 30))
        if kind == 7:
            length = "Transfer-Encoding: chunked"
            size = self.random.choice((f"{len(body):x}", "-1", "ffffffffffffffff", "x", ""))
            body = f"{size}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        head = "\r\n".join([*lines, length, "", ""]).encode("utf-8", "surrogatepass")
        raw = head + body
        return raw[: self.random.randrange(len(raw))] if kind == 8 else raw


def send(path: str, raw: bytes, patience: float = 0.5) -> bytes:
    """The first bytes of the answer; b"" if there is none, b"..." where the server waits for more,
    or streams."""
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(patience)
        connected.connect(path)
        try:
            connected.sendall(raw)
            connected.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered already
        try:
            return connected.recv(2000)
        except TimeoutError:
            return b"..."
        except OSError:
            return b""


def attack(
    path: str, requests: Callable[[int], Grammar], count: int, threads: int
) -> tuple[Counter[str], list[tuple[bytes, bytes]]]:
    """Sends ``count`` requests from several threads at once; how often each status came, and the
    requests that were answered as errors of the server's own."""
    statuses: Counter[str] = Counter()
    wrong: list[tuple[bytes, bytes]] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        grammar = requests(number)
        for _ in range(count // threads):
            raw = grammar.request()
            answer = send(path, raw)
            status = answer[9:12].decode("latin-1") if answer.startswith(b"HTTP/1.") else "none"
            with lock:
                statuses[status if answer != b"..." else "waits"] += 1
                if b"internal error" in answer or b"Traceback" in answer:
                    wrong.append((raw, answer))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return statuses, wrong
