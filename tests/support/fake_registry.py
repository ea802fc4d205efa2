"""A registry whose replies a test decides, also hostile ones. It records all requests."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hutch.image.registry.client import Registry
from hutch.image.registry.credentials import Credentials
from hutch.image.settings import RegistrySettings

from conformance.samples.images import Image

SECRET = Credentials("ann", "s3cret")
Answer = Callable[["Handler"], None]


@dataclass
class Fake:
    """A server with the replies of a test, by path. It records every request."""

    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    def headers(self, path: str) -> list[dict[str, str]]:
        return [headers for _, seen, headers in self.seen if seen.partition("?")[0] == path]


class Handler(BaseHTTPRequestHandler):
    fake: Fake
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        self.fake.seen.append(
            (self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
        )
        answer = self.fake.answers.get(self.path.partition("?")[0])
        if answer is None:
            self.reply(200 if self.path == "/v2/" else 404, b"{}")
        else:
            answer(self)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # the client may close the connection
                self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def start(address: str = "127.0.0.1") -> tuple[Fake, ThreadingHTTPServer]:
    fake = Fake(address=address)
    server = ThreadingHTTPServer((address, 0), type("H", (Handler,), {"fake": fake}))
    server.daemon_threads = True
    fake.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return fake, server


def always(status: int, body: bytes = b"", **headers: str) -> Answer:
    return lambda handler: handler.reply(status, body, **headers)


def basic(then: Answer) -> Answer:
    """Replies 401 to requests without credentials."""

    def answer(handler: Handler) -> None:
        if "Authorization" in handler.headers:
            then(handler)
        else:
            handler.reply(401, WWW_Authenticate='Basic realm="x"')

    return answer


def publish(fake: Fake, image: Image, path: str = "app", tag: str = "1") -> dict[str, Any]:
    """Adds the image to the server. Returns its manifest."""
    manifest = image.manifest()
    raw = json.dumps(manifest).encode()
    kind = manifest["mediaType"]
    fake.answers[f"/v2/{path}/manifests/{tag}"] = always(200, raw, Content_Type=kind)
    for digest, data in image.blobs.items():
        fake.answers[f"/v2/{path}/blobs/{digest}"] = always(200, data)
    return manifest


def connect(fake: Fake) -> Registry:
    registry = Registry(fake.host, RegistrySettings(), SECRET)
    registry.transport.tries = 2
    return registry


MANIFEST = "/v2/app/manifests/1"


@contextlib.contextmanager
def sending(data: bytes, *, first: bool = False) -> Iterator[int]:
    """The port of a server that sends these bytes to each caller: when it has been asked, or
    ``first``."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            while True:
                client, _ = listener.accept()
                with client:
                    if first:
                        client.sendall(data)
                    client.recv(65536)
                    if not first:
                        client.sendall(data)
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
