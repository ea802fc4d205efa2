"""``warren serve --tcp``: TLS, for clients that show a certificate of our authority."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from tests.support.api import Api, serving
from tests.support.engines import Engine

pytestmark = pytest.mark.root


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def authority(ours: Path) -> None:
    """ca.pem; cert.pem and key.pem, which it has signed for the server and for clients alike, in
    the places that Docker's command looks at."""
    ours.mkdir()
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ca, ca_key, cert = ours / "ca.pem", ours / "ca.key", ours / "cert.pem"
    openssl(*new, "-x509", "-keyout", ca_key, "-out", ca, "-subj", "/CN=authority", "-days", 2)
    openssl(*new, "-keyout", ours / "key.pem", "-out", ours / "request", "-subj", "/CN=one")
    extensions = ours / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", ours / "request", "-CA", ca, "-CAkey", ca_key,
            "-CAcreateserial", "-out", cert, "-days", 2, "-extfile", extensions)  # fmt: skip


def files(ours: Path) -> list[str]:
    return [
        "--tlscacert", str(ours / "ca.pem"), "--tlscert", str(ours / "cert.pem"),
        "--tlskey", str(ours / "key.pem"),
    ]  # fmt: skip


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    authority(tmp_path / "ours")
    return tmp_path / "ours"


@pytest.fixture
def secure(engine: Engine, ours: Path, tmp_path: Path) -> Iterator[Api]:
    words = ("--tcp", "127.0.0.1:0", "--tlsverify", *files(ours))
    with serving(engine, str(tmp_path / "api.sock"), *words) as server:
        yield server


def over(api: Api, ours: Path, *words: str) -> list[str]:
    """The words of Docker's command over TCP."""
    return ["--tlsverify", *files(ours), "-H", f"tcp://{api.address}", *words]


def test_dockers_clients_over_tls(secure: Api, ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # requests prefers them to docker-py's
        monkeypatch.delenv(name, raising=False)
    image, create = secure.engine.image, secure.engine.create()
    run = over(secure, ours, "run", "--rm", *create)
    done = secure.docker(*run, image, "sh", "-c", "echo a; echo b >&2; exit 7", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "a\n", "b\n")
    # The end of the input arrives although the connection stays open for the output.
    many = b"x" * 3_000_000
    assert secure.docker(*run, "-i", image, "cat", input=many).stdout == many.decode()
    verify = docker.tls.TLSConfig(
        client_cert=(str(ours / "cert.pem"), str(ours / "key.pem")),
        ca_cert=str(ours / "ca.pem"), verify=True,
    )  # fmt: skip
    client = docker.DockerClient(base_url=f"https://{secure.address}", tls=verify)
    assert client.version()["ApiVersion"]
    container = client.containers.create(image, ["sleep", "100"], network_mode="none",
                                         cgroup_parent=create[-1])  # fmt: skip
    container.start()
    assert container.exec_run(["echo", "inside"]) == (0, b"inside\n")
    container.remove(force=True)
    client.close()


def answer(api: Api, own: Path, authority: Path) -> bytes:
    """What the server says to a client with this certificate; nothing if it does not accept it."""
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    if own.exists():
        context.load_cert_chain(own / "cert.pem", own / "key.pem")
    host, _, port = api.address.partition(":")
    with (
        suppress(OSError),
        socket.create_connection((host, int(port)), 20) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        secure.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return secure.recv(1000)
    return b""


def test_who_has_no_certificate_of_ours_gets_nothing(
    secure: Api, ours: Path, tmp_path: Path
) -> None:
    authority(tmp_path / "theirs")
    assert answer(secure, ours, ours).startswith(b"HTTP/1.1 200")
    assert answer(secure, tmp_path / "theirs", ours) == b""
    assert answer(secure, tmp_path / "none", ours) == b""
    host, _, port = secure.address.partition(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(20)]
    with socket.create_connection((host, int(port)), 20) as plain:
        plain.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionResetError):
            assert not plain.recv(1000).startswith(b"HTTP")
    # They wait for us, but nobody else does.
    assert answer(secure, ours, ours).startswith(b"HTTP/1.1 200")
    for one in silent:
        one.close()


def test_tcp_without_certificates_is_refused(engine: Engine, ours: Path, tmp_path: Path) -> None:
    def refusal(*words: str) -> str:
        return engine.fails("serve", *words, status=125)

    said = refusal("--tcp", "127.0.0.1:0")
    assert "everybody who can connect would be root" in said
    said = refusal("--tcp", "127.0.0.1:0", "--tlsverify")
    assert '.docker/ca.pem": no such file' in said
    for option in ("--tlscacert", "--tlscert"):
        words = files(ours)
        words[words.index(option) + 1] = str(ours / "key.pem")
        assert option in refusal("--tcp", "127.0.0.1:0", "--tlsverify", *words)
    assert "--tlskey is for --tcp" in refusal("--tlskey", "x")
    for bad in ("127.0.0.1", ":0", "127.0.0.1:70000", "not a host:1"):
        said = refusal("--tcp", bad, "--tlsverify", *files(ours))
        assert "--tcp" in said
