"""Real registries on loopback, and the command warren. All of them end with their test."""

import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.fake_registry import Fake, start

USER, PASSWORD = "ann", "sesame: open"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


# The command that is tested: the one that was installed, or $WARREN.
WARREN = os.environ.get("WARREN") or str(Path(sys.executable).with_name("warren"))


@dataclass
class Warren:
    """The command, with its own store and home directory."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.home / "store"

    def command(self, *arguments: object) -> list[str]:
        return [WARREN, "--root", str(self.root), *map(str, arguments)]

    def variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            **self.environment,
        }

    def run(
        self, *arguments: object, input: bytes | None = None, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            self.command(*arguments), env=self.variables(), input=input, capture_output=True,
            timeout=120, cwd=cwd,
        )  # fmt: skip
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode()
        )

    def ok(self, *arguments: object, input: bytes | None = None) -> str:
        """The output of a command that must succeed."""
        done = self.run(*arguments, input=input)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, *arguments: object, status: int = 1, cwd: Path | None = None) -> str:
        """The one line of a command that must fail."""
        done = self.run(*arguments, cwd=cwd)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("warren: ")]
        assert len(lines) == 1, done.stderr
        assert "Traceback" not in done.stderr
        return lines[0]


@pytest.fixture
def warren(tmp_path: Path) -> Warren:
    return Warren(tmp_path)


@pytest.fixture
def pit() -> Iterator[Path]:
    """A folder that all users can reach, for deep trees. rm removes it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pit-"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture
def another(tmp_path: Path) -> Warren:
    """A second store, as on another machine."""
    (tmp_path / "another").mkdir()
    return Warren(tmp_path / "another")


def damage_layer(warren: Warren, image: str) -> Path:
    """Changes a bit in the blob of an image's lowest layer. Returns the blob's path."""
    (record,) = json.loads(warren.ok("inspect", image))
    digest: str = record["Layers"][0]["digest"]
    blob = warren.root / "images" / "blobs" / digest.replace(":", "/")
    data = bytearray(blob.read_bytes())
    data[1000] ^= 1
    blob.write_bytes(data)
    return blob


@dataclass
class Server:
    """A running docker-registry."""

    host: str
    scheme: str = "http"
    ca: Path | None = None


def serve(
    folder: Path, name: str, extra: str = "", http: str = "", data: str = "data"
) -> Iterator[str]:
    """Runs docker-registry in a process until the generator is closed."""
    if shutil.which("docker-registry") is None:
        pytest.fail("docker-registry is not installed (apt-get install docker-registry)")
    config = folder / f"{name}.yml"
    log = folder / f"{name}.log"
    for _ in range(5):
        port = free_port()
        config.write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / data}}},"
            f" delete: {{enabled: true}}}}\n"
            f"http: {{addr: 127.0.0.1:{port}{http}}}\n{extra}"
        )
        with log.open("wb") as said:
            process = subprocess.Popen(
                ["docker-registry", "serve", config],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip
        if listens(process, port):
            break
    else:
        pytest.fail(f"docker-registry does not listen: {log.read_text()}")
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Waits until the registry answers. False if it ends, for example because another program uses
    the port."""
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registries")


@pytest.fixture(scope="session")
def registry(folder: Path) -> Iterator[str]:
    """A registry without TLS and without authentication, at ``127.0.0.1:PORT``."""
    yield from serve(folder, "plain")


@dataclass(frozen=True)
class Fetch:
    """A GET of a blob in the registry's access log: its status (206 for a range) and bytes sent."""

    repository: str
    digest: str
    status: int
    size: int


@pytest.fixture
def fetches(registry: str, folder: Path) -> Callable[[int], list[Fetch]]:
    """The GETs of blobs from the plain registry since the last call or the start of the test.

    Waits until there are ``count``, because the registry writes a line after the end of a reply.
    """
    log = folder / "plain.log"
    pattern = re.compile(r'"GET /v2/(\S+)/blobs/(\S+) HTTP/[\d.]+" (\d+) (\d+)')
    at = log.stat().st_size

    def since(count: int) -> list[Fetch]:
        nonlocal at
        text = b""
        for _ in range(200):
            text = log.read_bytes()[at:]
            if len(pattern.findall(text.decode())) >= count:
                break
            time.sleep(0.05)
        at += len(text)
        return [Fetch(m[1], m[2], int(m[3]), int(m[4])) for m in pattern.finditer(text.decode())]

    return since


class Gate:
    """A proxy to a registry. It passes only a number of bytes of the replies, and the rest when it
    is opened."""

    def __init__(self, host: str, limit: int) -> None:
        self._target = host
        self._left = limit
        self._lock = threading.Lock()
        self.open = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.open.set()
        self._listener.close()

    def _accept(self) -> None:
        name, _, port = self._target.partition(":")
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((name, int(port)))
                for one, other, limited in ((client, server, False), (server, client, True)):
                    arguments = (one, other, limited)
                    threading.Thread(target=self._carry, args=arguments, daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, limited: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(64 << 10):
                while limited and data and not self.open.is_set():
                    with self._lock:
                        part, self._left = data[: self._left], self._left - len(data)
                        self._left = max(self._left, 0)
                    other.sendall(part)
                    data = data[len(part) :]
                    if data:
                        self.open.wait()
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="session")
def private_registry(folder: Path) -> Iterator[str]:
    """A registry with basic authentication (htpasswd)."""
    line = subprocess.check_output(["htpasswd", "-Bbn", USER, PASSWORD], text=True)
    (folder / "htpasswd").write_text(line)
    extra = f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}\n"
    yield from serve(folder, "private", extra, data="private")


def certificate(folder: Path) -> tuple[Path, Path, Path]:
    """CA, certificate and key for loopback, made by openssl."""
    ca, ca_key, cert, key, request = (
        folder / name for name in ("ca.crt", "ca.key", "server.crt", "server.key", "server.csr")
    )
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")

    def openssl(*words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", ca_key, "-out", ca,
            "-subj", "/CN=test authority", "-days", 2)  # fmt: skip
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
            "-subj", "/CN=localhost")  # fmt: skip
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
            "-out", cert, "-days", 2, "-extfile", extensions)  # fmt: skip
    return ca, cert, key


@pytest.fixture(scope="session")
def tls_registry(folder: Path) -> Iterator[Server]:
    """A registry with TLS; its certificate is signed by an authority of the tests."""
    (folder / "tls").mkdir()
    ca, cert, key = certificate(folder / "tls")
    tls = f", tls: {{certificate: {cert}, key: {key}}}"
    for host in serve(folder, "tls", http=tls):
        yield Server(host, "https", ca)


class TokenServer(BaseHTTPRequestHandler):
    """A minimal server for distribution's token protocol: RS256, signed by openssl."""

    key: Path
    chain: str
    served: list[str]

    def do_GET(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        given = self.headers.get("Authorization", "")
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = given == expected
        if given and not known:
            self.send_response(401)
            self.end_headers()
            return
        access: list[dict[str, object]] = []
        for scope in " ".join(query.get("scope", [])).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            allowed = [a for a in actions.split(",") if known or a == "pull"]
            access.append({"type": kind, "name": name, "actions": allowed})
        self.served.append(self.path)
        body = json.dumps({"token": self.token(query["service"][0], access), "expires_in": 300})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def token(self, service: str, access: list[dict[str, object]]) -> str:
        def part(data: bytes) -> str:
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self.chain]}
        claims = {
            "iss": "test", "sub": USER, "aud": service, "exp": now + 300, "nbf": now - 10,
            "iat": now, "jti": str(time.monotonic_ns()), "access": access,
        }  # fmt: skip
        signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.key)], input=signed.encode(),
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        return f"{signed}.{part(signature)}"

    def log_message(self, *arguments: object) -> None:
        pass


@dataclass
class TokenRegistry:
    """A registry with token authentication, and the requests to its token server."""

    host: str
    asked: list[str]


@pytest.fixture(scope="session")
def token_registry(folder: Path) -> Iterator[TokenRegistry]:
    """A registry that needs bearer tokens: everybody may pull, only the user may push."""
    (folder / "token").mkdir()
    ca, _, _ = certificate(folder / "token")
    chain = "".join(ca.read_text().splitlines()[1:-1])
    asked: list[str] = []
    members = {"key": folder / "token" / "ca.key", "chain": chain, "served": asked}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (TokenServer,), members))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    extra = (
        f"auth: {{token: {{realm: 'http://127.0.0.1:{server.server_port}/token', service: test,"
        f" issuer: test, rootcertbundle: {ca}}}}}\n"
    )
    try:
        for host in serve(folder, "token", extra):
            yield TokenRegistry(host, asked)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def odd(folder: Path) -> Path:
    """A layout with the unusual image three times: with layers in gzip, in zstd and uncompressed
    (``tar``)."""
    from conformance.samples.images import Image, odd_layers

    for kind in ("gzip", "zstd", "tar"):
        Image(odd_layers(), kind).write(folder / "odd", kind)
    tops = []
    for kind in ("gzip", "zstd", "tar"):
        image = Image(odd_layers(), kind)
        raw = json.dumps(image.manifest()).encode()
        top = image.descriptor(raw, "application/vnd.oci.image.manifest.v1+json")
        tops.append({**top, "annotations": {"org.opencontainers.image.ref.name": kind}})
    index = json.dumps({"schemaVersion": 2, "manifests": tops})
    (folder / "odd" / "index.json").write_text(index)
    return folder / "odd"


def skopeo(*arguments: object) -> str:
    """Runs skopeo, which must succeed. Returns its output."""
    done = subprocess.run(
        ["skopeo", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


Skopeo = Callable[..., str]


@pytest.fixture
def fake() -> Iterator[Fake]:
    fake, server = start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Fake]:
    fake, server = start()
    yield fake
    server.shutdown()
    server.server_close()
