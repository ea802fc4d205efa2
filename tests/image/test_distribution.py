"""What registries do beside the specification, in good faith or not: ranges that are refused,
challenges of several schemes, bodies and headers that lie, layers under a wrong label."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hutch.cli.warren.parser import parse
from hutch.cli.warren.pull import VERBS
from hutch.image.errors import RegistryError
from hutch.image.registry.auth import challenges
from hutch.image.registry.credentials import Credentials

from conformance.samples.images import OCI, Image, Layer, compress
from tests.support.fake_registry import (
    MANIFEST,
    Answer,
    Fake,
    Handler,
    always,
    basic,
    connect,
    publish,
    sending,
)
from tests.support.registries import Warren


def refused_416(handler: Handler, data: bytes) -> None:
    handler.reply(416, b"", Content_Range=f"bytes */{len(data)}")


def refused_400(handler: Handler, data: bytes) -> None:
    handler.reply(400, b"no ranges")


def from_the_first_byte(handler: Handler, data: bytes) -> None:
    handler.reply(206, data, Content_Range=f"bytes 0-{len(data) - 1}/{len(data)}")


def without_saying_which(handler: Handler, data: bytes) -> None:
    handler.reply(206, data)


def in_parts(handler: Handler, data: bytes) -> None:
    handler.reply(206, b"--x\r\n\r\n", Content_Type="multipart/byteranges; boundary=x")


def lying(handler: Handler, data: bytes) -> None:
    """The whole blob, as if it were the rest of it."""
    start = int(handler.headers["Range"][6:-1])
    handler.reply(206, data, Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")


@pytest.mark.root
@pytest.mark.parametrize(
    "refusal",
    [refused_416, refused_400, from_the_first_byte, without_saying_which, in_parts, lying],
)
def test_a_refused_range_does_not_keep_an_image_from_being_pulled(
    refusal: "Answer", fake: Fake, warren: Warren
) -> None:
    image = Image([Layer().file("big", os.urandom(1 << 20)).tar()], "tar")
    digest = publish(fake, image)["layers"][0]["digest"]
    data = image.blobs[digest]
    whole = fake.answers[f"/v2/app/blobs/{digest}"]

    def answer(handler: Handler) -> None:
        refusal(handler, data) if "Range" in handler.headers else whole(handler)  # type: ignore[call-arg]

    fake.answers[f"/v2/app/blobs/{digest}"] = answer
    warren.ok("images")
    partial = warren.root / "partial" / digest.replace(":", "-")
    partial.write_bytes(data[:1000])
    warren.ok("pull", "-q", f"{fake.host}/app:1")
    assert any("range" in headers for headers in fake.headers(f"/v2/app/blobs/{digest}"))
    assert not partial.exists()
    assert "all is well" in warren.ok("system", "check")


@pytest.mark.root
@pytest.mark.parametrize("size", [-1, 0, 5000])
def test_a_part_that_is_no_beginning_is_thrown_away(size: int, fake: Fake, warren: Warren) -> None:
    """As long as the blob or longer, or of a blob that was something else."""
    image = Image([Layer().file("big", os.urandom(1 << 16)).tar()], "tar")
    digest = publish(fake, image)["layers"][0]["digest"]
    warren.ok("images")
    partial = warren.root / "partial" / digest.replace(":", "-")
    partial.write_bytes(b"\1" * (len(image.blobs[digest]) + size))
    warren.ok("pull", "-q", f"{fake.host}/app:1")
    assert "all is well" in warren.ok("system", "check")


@pytest.mark.root
def test_a_repository_may_begin_with_http(registry: str, odd: Path, warren: Warren) -> None:
    """In a real registry: by an upload, a download and a list."""
    warren.ok("pull", "-q", f"oci:{odd}:gzip")
    for name in ("httpd", "https/http"):
        warren.ok("push", "-q", "odd:gzip", f"{registry}/{name}:1")
        warren.ok("rmi", f"{registry}/{name}:1") if name in warren.ok("images") else None
        warren.ok("pull", "-q", f"{registry}/{name}:1")
        assert warren.ok("search", "--list-tags", f"{registry}/{name}").split()[-1] == "1"


@pytest.mark.parametrize(
    ("header", "schemes"),
    [
        ('Negotiate, Bearer realm="https://x/y",service="s"', ["negotiate", "bearer"]),
        ('Negotiate YII==, Bearer realm="https://x/y"', ["negotiate", "bearer"]),
        ('NTLM TlRMTVNTUAAC, Basic realm="a, Bearer b"', ["ntlm", "basic"]),
        ('Bearer realm="https://x/y", Negotiate', ["bearer", "negotiate"]),
        ('Digest qop="auth, auth-int", nonce=abc, Basic realm=x', ["digest", "basic"]),
        (' , ,Bearer  realm = "https://x/y" , , Basic', ["bearer", "basic"]),
        ("Bearer", ["bearer"]),
        ('Bearer realm="unterminated', ["bearer"]),
        ('Bearer realm="https://x/y" scope="z"', ["bearer"]),
        ('="x"', []),
        (",,,", []),
        ("\x00", []),
    ],
)
def test_challenges_of_every_shape_are_told_apart(header: str, schemes: list[str]) -> None:
    assert [challenge.scheme for challenge in challenges(header)] == schemes


def test_parameters_belong_to_their_scheme() -> None:
    one, other = challenges('Digest realm="d",qop=auth, BEARER Realm="b\\"c",realm="second"')
    assert one.parameters == {"realm": "d", "qop": "auth"}
    assert other.parameters == {"realm": 'b"c'}


@pytest.mark.parametrize("several", [True, False])
def test_negotiate_before_bearer_hides_nothing(several: bool, fake: Fake) -> None:
    """In one header, or in two of the same name."""
    bearer = f'Bearer realm="http://{fake.host}/token",service="s"'

    def challenged(handler: Handler) -> None:
        if handler.headers.get("Authorization") == "Bearer t0k":
            handler.reply(200, b"body")
            return
        handler.send_response(401)
        for value in ["Negotiate", bearer] if several else [f"Negotiate, {bearer}"]:
            handler.send_header("WWW-Authenticate", value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    fake.answers["/v2/"] = fake.answers[MANIFEST] = challenged
    fake.answers["/token"] = always(200, b'{"token":"t0k"}')
    assert connect(fake).manifest("app", "1")[0] == b"body"


@pytest.mark.root
@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_packed_layer_that_is_called_plain_is_unpacked(
    kind: str, fake: Fake, warren: Warren
) -> None:
    image = Image([Layer().file("inside", b"x" * 5000).tar()], "tar")
    manifest = image.manifest()
    packed = compress(image.layers[0], kind)
    manifest["layers"] = [image.descriptor(packed, OCI + "layer.v1.tar")]
    publish_manifest(fake, image, manifest)
    warren.ok("pull", "-q", f"{fake.host}/app:1")
    assert "all is well" in warren.ok("system", "check")
    # What is packed must still be what the config says.
    manifest["layers"] = [image.descriptor(compress(Layer().tar(), kind), OCI + "layer.v1.tar")]
    publish_manifest(fake, image, manifest)
    assert "uncompressed content" in warren.fails("pull", "-q", f"{fake.host}/app:1")


@pytest.mark.root
def test_a_plain_layer_whose_first_name_looks_packed_is_plain(fake: Fake, warren: Warren) -> None:
    tar = bytearray(Layer().file("ab-name", b"x").tar())
    tar[0:2] = b"\x1f\x8b"
    tar[148:156] = b" " * 8
    tar[148:156] = f"{sum(tar[:512]):06o}\0 ".encode()
    publish(fake, Image([bytes(tar)], "tar"))
    warren.ok("pull", "-q", f"{fake.host}/app:1")


def publish_manifest(fake: Fake, image: Image, manifest: dict[str, object]) -> None:
    raw = json.dumps(manifest).encode()
    fake.answers[MANIFEST] = always(200, raw, Content_Type=str(manifest["mediaType"]))
    for digest, data in image.blobs.items():
        fake.answers[f"/v2/app/blobs/{digest}"] = always(200, data)


@pytest.mark.root
@pytest.mark.parametrize("kind", ["docker.image.rootfs.foreign.diff.tar.gzip",
                                  "oci.image.layer.nondistributable.v1.tar+gzip"])  # fmt: skip
def test_s74_the_urls_of_a_foreign_layer_are_not_followed(
    kind: str, fake: Fake, elsewhere: Fake, warren: Warren
) -> None:
    """Where the registry has its blob it is a layer as any other."""
    image = Image([Layer().file("inside").tar()])
    manifest = image.manifest()
    (layer,) = manifest["layers"]
    layer |= {"mediaType": f"application/vnd.{kind}", "urls": [f"http://{elsewhere.host}/blob"]}
    elsewhere.answers["/blob"] = always(200, image.blobs[layer["digest"]])
    publish_manifest(fake, image, manifest)
    have = fake.answers.pop(f"/v2/app/blobs/{layer['digest']}")
    line = warren.fails("pull", "-q", f"{fake.host}/app:1")
    assert "foreign layer" in line and "404" in line
    fake.answers[f"/v2/app/blobs/{layer['digest']}"] = have
    warren.ok("pull", "-q", f"{fake.host}/app:1")
    assert elsewhere.seen == []


def test_a_time_out_of_the_registrys_is_tried_again(fake: Fake) -> None:
    left = [always(408), always(200, b"body")]
    fake.answers[MANIFEST] = lambda handler: left.pop(0)(handler)
    assert connect(fake).manifest("app", "1")[0] == b"body"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["--tls-verify", "false", "x"], (False, "x")),
        (["x", "--tls-verify", "0"], (False, "x")),
        (["--tls-verify", "true", "x"], (True, "x")),
        (["--tls-verify", "x"], (True, "x")),
        (["x", "--tls-verify"], (True, "x")),
        (["--tls-verify=no", "x"], (False, "x")),
        (["x"], (None, "x")),
        (["--", "x"], (None, "x")),
    ],
)
def test_tls_verify_takes_a_truth_value_after_a_blank(
    given: list[str], wanted: tuple[bool | None, str]
) -> None:
    parsed = parse("pull", "", VERBS["pull"].declare, given)
    assert (parsed.tls_verify, parsed.image) == wanted


# Bodies and headers that lie.


@contextmanager
def endless(head: bytes) -> Iterator[tuple[str, list[int]]]:
    """A server that answers everything with ``head`` and a body without end; what of it went."""
    listener = socket.create_server(("127.0.0.1", 0))
    sent = [0]

    def serve(client: socket.socket) -> None:
        try:
            with client:
                if client.recv(65536).startswith(b"\x16"):
                    return  # TLS
                client.sendall(head)
                while sent[0] < 1 << 28:
                    sent[0] += client.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            pass

    def accept() -> None:
        try:
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", sent
    finally:
        listener.close()


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 302 Found\r\nLocation: /v2/\r\n" + CHUNKED,
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n" + CHUNKED,
        b"HTTP/1.1 503 Unavailable\r\nRetry-After: 0\r\n" + CHUNKED,
        b"HTTP/1.1 404 Not Found\r\n" + CHUNKED,
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED,
    ],
)
def test_s69_a_body_without_end_is_not_read_to_its_end(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with endless(head) as (host, sent):
        registry = connect(Fake(address=host.partition(":")[0], port=int(host.partition(":")[2])))
        with pytest.raises(RegistryError):
            registry.manifest("app", "1")
        # Some of it lies in the buffers of sockets; 4 MiB of a manifest are read.
        assert 0 < sent[0] < 100 << 20


@pytest.mark.parametrize(
    "token", ["tökén", "t\u20ac", "\ud800", "a b", "a\nX: y", "a\r\n", "\x00", "", 5, None, ["a"]]
)
def test_a_token_that_no_header_can_carry_is_refused(token: object, fake: Fake) -> None:
    realm = f'Bearer realm="http://{fake.host}/token"'
    fake.answers["/v2/"] = fake.answers[MANIFEST] = always(401, WWW_Authenticate=realm)
    fake.answers["/token"] = always(200, json.dumps({"token": token}).encode())
    with pytest.raises(RegistryError, match="token from") as refusal:
        connect(fake).manifest("app", "1")
    assert str(refusal.value).isprintable()
    assert len(fake.headers(MANIFEST)) == 0


@pytest.mark.parametrize("expires", [-5, 1e400, "x", [], True, 10**400])
def test_a_lifetime_that_is_none_is_a_minute(expires: object, fake: Fake) -> None:
    realm = f'Bearer realm="http://{fake.host}/token"'
    fake.answers["/v2/"] = always(401, WWW_Authenticate=realm)
    fake.answers[MANIFEST] = always(200, b"body")
    fake.answers["/token"] = always(200, json.dumps({"token": "t", "expires_in": expires}).encode())
    assert connect(fake).manifest("app", "1")[0] == b"body"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 abc\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nxxxxxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://a\r\n b/\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n",
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n",
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="\xff"\r\nContent-Length: 0\r\n\r\n',
        b"HTTP/1.1 503 No\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
)
def test_what_is_not_http_as_it_should_be_is_an_error(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with sending(head) as port:
        registry = connect(Fake(port=port))
        with pytest.raises(RegistryError) as refusal:
            registry.manifest("app", "1")
        assert str(refusal.value).isprintable()


def test_a_list_has_an_end(fake: Fake) -> None:
    """Each page names a next one."""
    pages = [0]

    def page(handler: Handler) -> None:
        pages[0] += 1
        handler.reply(200, b'{"tags":["a"]}', Link=f'</v2/app/tags/list?n={pages[0]}>; rel="next"')

    fake.answers["/v2/app/tags/list"] = page
    with pytest.raises(RegistryError, match="more than 1000 pages"):
        connect(fake).tags("app")
    assert pages[0] == 1000
    for broken in ('</v2/app/tags/list; rel="next"', '<http://[>; rel="next"', "<>", "rel=next"):
        fake.answers["/v2/app/tags/list"] = always(200, b'{"tags":["a"]}', Link=broken)
        try:
            assert connect(fake).tags("app") == ["a"]
        except RegistryError as error:
            assert "next page" in str(error)


@pytest.mark.root
@pytest.mark.parametrize("password", [b"p\xc3\xa4ss\xe2\x82\xac", b"\xff\xfe", b"a\x00b"])
def test_any_password_can_be_tried(password: bytes, fake: Fake, warren: Warren) -> None:
    import base64

    given = []

    def check(handler: Handler) -> None:
        given.append(base64.b64decode(handler.headers["Authorization"][6:]))
        handler.reply(401, b"{}")

    fake.answers["/v2/"] = basic(check)
    login = ["login", "-u", "ann", "--password-stdin", fake.host]
    done = warren.run(*login, input=password)
    assert done.returncode == 1 and "wrong user name or password" in done.stderr
    assert given == [b"ann:" + password]


@pytest.mark.root
def test_a_user_name_that_cannot_be_sent_is_told(fake: Fake, warren: Warren) -> None:
    done = warren.run("login", "-u", "a:b", "--password-stdin", fake.host, input=b"x")
    assert done.returncode == 125 and "colon" in done.stderr
    with pytest.raises(Exception, match="not text"):
        Credentials("a", "\ud800")
