"""One parse of a URL, and a guard where the socket is connected (S-75): wherever a public registry
sends us, no internal address is reached, and no credentials go to another host."""

import ctypes
import ipaddress
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from hutch.errors import UsageError
from hutch.image.errors import RegistryError
from hutch.image.registry.address import is_internal, is_loopback, is_public
from hutch.image.registry.client import Registry
from hutch.image.registry.transport import proxy_for
from hutch.image.registry.url import BadUrl, Url
from hutch.image.settings import RegistrySettings

from tests.support.fake_registry import MANIFEST, SECRET, Fake, Handler, always, basic, start

PUBLIC, OTHER = "93.184.215.14", "93.184.215.15"  # for a network of the test's own
PRIVATE = "10.9.8.7"
CLONE_NEWNET = 0x40000000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("http://a:1\\@b:2/x", "character"),
        ("http://a/\tb", "character"),
        ("http://a\n/b", "character"),
        ("http://a\r\nHost: b/", "character"),
        ("http://a/b c", "character"),
        ("http://\uff41/", "character"),
        ("http://bücher.example/", "character"),
        ("http://a\x00.example/", "character"),
        ("http://u@a/", "user name"),
        ("http://u:p@a/", "user name"),
        ("http://a@b@c/", "user name"),
        ("http://127.1/", "host"),
        ("http://127.0.1/", "host"),
        ("http://2130706433/", "host"),
        ("http://0x7f.1/", "host"),
        ("http://0x7f000001/", "host"),
        ("http://0177.0.0.1/", "host"),
        ("http://127.0.0.1./", "host"),
        ("http://127.0.0.256/", "host"),
        ("http://a.1/", "host"),
        ("http://a%2eb/", "host"),
        ("http://%31%32%37.0.0.1/", "host"),
        ("http:///x", "host"),
        ("http://:80/x", "host"),
        ("http://a..b/", "host"),
        ("http://a.example../", "host"),
        ("http://a|b/", "host"),
        ("http://a;b/", "host"),
        ("http://[::1/", "host"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://[127.0.0.1]/", "host"),
        ("http://::1/", "host"),
        ("http://a:b/", "host"),
        ("http://a:/", "host"),
        ("http://a:0/", "port"),
        ("http://a:65536/", "port"),
        ("http://" + "a" * 64 + "/", "host"),
        ("http:a/", "not http"),
        ("//a/", "not http"),
        ("ftp://a/", "not http"),
        ("file:///etc/passwd", "not http"),
        ("httpx://a/", "not http"),
        ("", "not http"),
    ],
)
def test_s75_a_text_that_two_parsers_could_read_differently_is_not_a_url(
    text: str, words: str
) -> None:
    with pytest.raises(BadUrl, match=words):
        Url.parse(text)


def test_s75_a_url_is_parsed_once() -> None:
    url = Url.parse("HTTPS://Reg.Example:5000/v2/A?x=%41|{}#f")
    assert (url.scheme, url.host, url.port) == ("https", "reg.example", 5000)
    assert (url.target, str(url)) == ("/v2/A?x=%41|{}", "https://reg.example:5000/v2/A?x=%41|{}")
    assert Url.parse("http://[::1]").origin == ("http", "[::1]", 80)
    assert Url.parse("http://a:80/").origin == Url.parse("http://a/").origin
    assert Url.parse("http://a./").origin != Url.parse("http://a/").origin
    assert str(url.join("../x?y")) == "https://reg.example:5000/x?y"
    assert str(url.join("//b/c")) == "https://b/c"
    assert str(url.join("/c//d@e")) == "https://reg.example:5000/c//d@e"
    with pytest.raises(BadUrl):
        url.join("/\\b/c")


INTERNAL = [
    "127.0.0.1", "127.255.0.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.1.1",
    "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
    "fe80::1", "fe80::1%lo", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "2001::1",
    "100::1", "4000::1",
]  # fmt: skip
GLOBAL = [
    "93.184.215.14", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1",
    "2002:101:101::1",
]  # fmt: skip


def test_s75_an_address_with_another_one_in_it_is_judged_by_that() -> None:
    assert [a for a in INTERNAL if is_public(ipaddress.ip_address(a))] == []
    assert [a for a in GLOBAL if not is_public(ipaddress.ip_address(a))] == []


def test_what_a_host_shows_by_itself() -> None:
    assert is_loopback("localhost.") and is_loopback("LocalHost") and is_loopback("[::1]")
    assert not is_loopback("localhost.example") and not is_loopback("10.0.0.1")
    assert (
        is_internal("10.0.0.1") and is_internal("[::ffff:127.0.0.1]") and is_internal("localhost")
    )
    assert not is_internal("registry.example") and not is_internal("[2606:4700::1111]")


@pytest.mark.parametrize("host", ["u@h.example", "h.example/x", "h\\@i", "127.1", "h:0", "h:x", ""])
def test_a_registry_has_a_host_and_perhaps_a_port(host: str) -> None:
    with pytest.raises(UsageError, match="HOST"):
        Registry(host, RegistrySettings())


def test_a_challenge_of_another_host_is_not_answered(fake: Fake, elsewhere: Fake) -> None:
    """The registry redirects; who is asked there wants our password for a realm of its own."""
    challenge = f'Bearer realm="http://{elsewhere.host}/token"'
    elsewhere.answers["/there"] = always(401, WWW_Authenticate=challenge)
    fake.answers[MANIFEST] = always(307, Location=f"http://{elsewhere.host}/there")
    registry = Registry(fake.host, RegistrySettings(), SECRET)
    with pytest.raises(RegistryError, match="401"):
        registry.manifest("app", "1")
    assert elsewhere.headers("/there") and not elsewhere.headers("/token")


def test_a_host_that_no_proxy_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intern.example,.corp")
    for host in ("intern.example", "a.intern.example", "intern.example.", "x.corp", "localhost",
                 "127.0.0.1", "[::1]"):  # fmt: skip
        assert proxy_for("https", host) == ""
    for host in ("xintern.example", "registry.example", "10.0.0.1"):
        assert proxy_for("https", host) == "http://proxy.example:3128"


def test_s75_a_proxy_is_not_asked_for_an_internal_address(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy alone knows what names mean; what is an address is judged before it is asked."""
    monkeypatch.setenv("http_proxy", f"http://{fake.host}")
    registry = Registry("registry.example", RegistrySettings(insecure=True), SECRET)
    registry.transport.tries = 1
    base = "http://registry.example"
    fake.answers[base + "/v2/"] = basic(always(200))
    for where in ("http://10.0.0.1/x", "http://localhost/x", "http://[::ffff:7f00:1]/x"):
        fake.answers[where] = always(200, b"reached")
        fake.answers[base + MANIFEST] = always(307, Location=where)
        with pytest.raises(RegistryError, match="internal address"):
            registry.manifest("app", "1")
        assert not fake.headers(where)
    fake.answers["http://cdn.example/x"] = always(200, b"reached")
    fake.answers[base + MANIFEST] = always(307, Location="http://cdn.example/x")
    assert registry.manifest("app", "1")[0] == b"reached"
    (headers,) = fake.headers("http://cdn.example/x")
    assert "authorization" not in headers and headers["host"] == "cdn.example"


class Network:
    """A network namespace with public and internal addresses, all of them its own loopback's.

    ``registry`` and ``other`` listen at public addresses, ``internal`` at all, on one port.
    """

    def __init__(self) -> None:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for address in (PUBLIC, OTHER, PRIVATE):
            subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
        self.registry, one = start(PUBLIC)
        self.other, two = start(OTHER)
        self.internal, three = self._everywhere()
        self.servers = [one, two, three]

    @staticmethod
    def _everywhere() -> tuple[Fake, ThreadingHTTPServer]:
        class DualStack(ThreadingHTTPServer):
            address_family = socket.AF_INET6

        fake = Fake(address="[::]")
        server = DualStack(("::", 0), type("H", (Handler,), {"fake": fake}))
        fake.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return fake, server

    def connect(self, host: str = "") -> Registry:
        registry = Registry(host or self.registry.host, RegistrySettings(insecure=True), SECRET)
        registry.transport.tries = 1
        return registry

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()


Inside = Callable[[Callable[[Network], None]], None]


@pytest.fixture
def inside() -> Iterator[Inside]:
    """Runs a function in a thread that has a network of its own; passes on what it raises."""

    def run(function: Callable[[Network], None]) -> None:
        failure: list[BaseException] = []

        def body() -> None:
            try:
                if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "unshare")
                network = Network()
                try:
                    function(network)
                finally:
                    network.close()
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]

    yield run


def names(monkeypatch: pytest.MonkeyPatch, **answers: list[list[str]]) -> None:
    """A resolver that gives for a name one answer after the other, and then the last again."""
    real: Any = socket.getaddrinfo

    def resolve(host: str, port: int, *more: Any) -> Any:
        left = answers.get(host.removesuffix(".").partition(".")[0])
        if left is None:
            return real(host, port, *more)
        given = left.pop(0) if len(left) > 1 else left[0]
        return [found for address in given for found in real(address, port, *more)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


REACHING = [
    "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "0.0.0.0", "0",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", PRIVATE, f"[::ffff:{PRIVATE}]",
    "localhost", "localhost.", "LOCALHOST", "inside.example", "inside.example.",
]  # fmt: skip


@pytest.mark.root
def test_s75_a_public_registry_may_not_name_an_internal_address(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by a redirect, not by a realm; and it shows that every one of these leads there."""
    names(monkeypatch, inside=[["127.0.0.1"]], localhost=[["127.0.0.1"]])

    def body(network: Network) -> None:
        port = network.internal.port
        network.internal.answers["/x"] = always(200, b"inside")
        registry = network.connect()
        network.registry.answers["/v2/"] = basic(always(200))
        for host in REACHING:
            socket.create_connection((host.strip("[]"), port)).close()  # the control
            where = f"http://{host}:{port}/x"
            network.registry.answers[MANIFEST] = basic(always(307, Location=where))
            with pytest.raises(RegistryError, match="refused"):
                registry.manifest("app", "1")
        for host in REACHING:
            realm = f'Bearer realm="http://{host}:{port}/x"'
            network.registry.answers["/v2/"] = always(401, WWW_Authenticate=realm)
            network.registry.answers[MANIFEST] = network.registry.answers["/v2/"]
            with pytest.raises(RegistryError, match=r"token realm .*refused"):
                network.connect().manifest("app", "1")
        assert network.internal.seen == []

    inside(body)


@pytest.mark.root
def test_s75_a_public_registry_may_name_another_public_address(inside: Inside) -> None:
    def body(network: Network) -> None:
        where = f"http://{network.other.host}/x"
        network.registry.answers["/v2/"] = basic(always(200))
        network.registry.answers[MANIFEST] = basic(always(307, Location=where))
        network.other.answers["/x"] = always(200, b"body")
        registry = network.connect()
        assert registry.manifest("app", "1")[0] == b"body"
        assert "authorization" not in network.other.headers("/x")[0]
        # From there on it is that one's word: the second hop is judged as the first.
        onward = f"http://127.0.0.1:{network.internal.port}/x"
        network.other.answers["/x"] = always(307, Location=onward)
        with pytest.raises(RegistryError, match=f"{OTHER}.*redirect to .*internal"):
            registry.manifest("app", "1")
        assert network.internal.seen == []

    inside(body)


@pytest.mark.root
def test_s75_an_internal_registry_may_name_an_internal_address(inside: Inside) -> None:
    """Its storage and its token server are most likely there, too."""

    def body(network: Network) -> None:
        port = network.internal.port
        network.internal.answers[MANIFEST] = always(307, Location=f"http://{PRIVATE}:{port}/x")
        network.internal.answers["/x"] = always(200, b"inside")
        assert network.connect(f"127.0.0.1:{port}").manifest("app", "1")[0] == b"inside"

    inside(body)


@pytest.mark.root
def test_s75_the_address_that_is_connected_to_counts(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a name that is public at first (for TLS, and without), and then internal."""
    names(
        monkeypatch,
        rebinding=[[PUBLIC], [PUBLIC], ["127.0.0.1"]],
        mixed=[["127.0.0.1", OTHER]],
    )

    def body(network: Network) -> None:
        port = network.internal.port
        registry = network.connect(f"rebinding.example:{network.registry.port}")
        where = f"http://rebinding.example:{port}/x"
        network.registry.answers[MANIFEST] = always(307, Location=where)
        with pytest.raises(RegistryError, match=r"internal address 127\.0\.0\.1"):
            registry.manifest("app", "1")
        assert network.internal.seen == []
        # Of several addresses the public ones are tried.
        network.other.answers["/x"] = always(200, b"body")
        where = f"http://mixed.example:{network.other.port}/x"
        network.registry.answers[MANIFEST] = always(307, Location=where)
        assert network.connect().manifest("app", "1")[0] == b"body"

    inside(body)


@pytest.mark.root
def test_s75_credentials_do_not_follow_a_backslash(inside: Inside) -> None:
    """``http://REGISTRY\\@OTHER/``: for one parser the host is the registry, for another not."""

    def body(network: Network) -> None:
        where = f"http://{network.registry.host}\\@{network.other.host}/x"
        network.registry.answers["/v2/"] = basic(always(200))
        network.registry.answers[MANIFEST] = basic(always(307, Location=where))
        with pytest.raises(RegistryError, match="character"):
            network.connect().manifest("app", "1")
        assert network.other.seen == []
        assert "authorization" in network.registry.headers(MANIFEST)[-1]

    inside(body)


@pytest.mark.root
def test_s75_connections_to_internal_addresses_are_not_reused_for_public_targets(
    inside: Inside,
) -> None:
    """A registry's address was made internal for a while; a public place sends us to it again."""
    assert os.geteuid() == 0

    def body(network: Network) -> None:
        port = network.internal.port
        network.internal.answers["/v2/"] = always(200)
        network.internal.answers[MANIFEST] = always(307, Location=f"http://{network.other.host}/x")
        network.other.answers["/x"] = always(307, Location=f"http://{PRIVATE}:{port}/y")
        registry = network.connect(f"{PRIVATE}:{port}")
        with pytest.raises(RegistryError, match="internal address"):
            registry.manifest("app", "1")
        assert not network.internal.headers("/y")

    inside(body)
