"""A hostile or failing registry: credentials stay where they belong, replies are bounded (S-69,
S-74 to S-76, S-86), and what breaks off is resumed."""

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hutch.image.errors import RegistryError
from hutch.image.registry import credentials
from hutch.image.registry.auth import challenges
from hutch.image.registry.credentials import Credentials
from hutch.image.registry.target import Sender
from hutch.image.registry.url import BadUrl, Url
from hutch.image.settings import RegistrySettings

from conformance.samples.images import Image, Layer
from tests.support.fake_registry import (
    MANIFEST,
    SECRET,
    Answer,
    Fake,
    Handler,
    always,
    basic,
    connect,
    publish,
)
from tests.support.registries import Warren


def test_s75_a_redirect_to_another_port_sees_no_credentials(fake: Fake, elsewhere: Fake) -> None:
    fake.answers["/v2/"] = basic(always(200))
    fake.answers[MANIFEST] = basic(always(307, Location=f"http://{elsewhere.host}/there?sig=x"))
    elsewhere.answers["/there"] = always(200, b"body")
    assert connect(fake).manifest("app", "1")[0] == b"body"
    (headers,) = elsewhere.headers("/there")
    assert "authorization" not in headers and "cookie" not in headers
    assert "authorization" in fake.headers(MANIFEST)[-1]


def test_s75_a_redirect_on_the_same_host_keeps_them(fake: Fake) -> None:
    fake.answers["/v2/"] = basic(always(200))
    fake.answers[MANIFEST] = basic(always(302, Location="/v2/moved"))
    fake.answers["/v2/moved"] = basic(always(200, b"body"))
    assert connect(fake).manifest("app", "1")[0] == b"body"


def test_s75_redirects_are_counted(fake: Fake) -> None:
    fake.answers[MANIFEST] = always(302, Location=MANIFEST)
    with pytest.raises(RegistryError, match="more than 10 redirects"):
        connect(fake).manifest("app", "1")
    assert len(fake.headers(MANIFEST)) == 11


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [
        ("https://example.org/v2/", "http://example.org/x", "without TLS"),
        ("https://example.org/v2/", "file:///etc/passwd", "not http"),
        ("https://example.org/v2/", "ftp://example.org/x", "not http"),
        ("http://127.0.0.1:5000/v2/", "gopher://127.0.0.1/", "not http"),
    ],
)
def test_s75_s76_destinations_that_a_registry_may_not_name(
    here: str, there: str, words: str
) -> None:
    with pytest.raises(RegistryError, match=words):
        Sender(Url.parse(here), public=True).step(there, "redirect")


def test_s75_destinations_that_a_registry_may_name() -> None:
    public = Sender(Url.parse("https://example.org/v2/"), public=True)
    step = public.step("//cdn.example.net/x", "redirect")
    assert str(step.url) == "https://cdn.example.net/x" and step.public_only
    local = Sender(Url.parse("http://127.0.0.1:5000/v2/"), public=False)
    assert not local.step("http://127.0.0.1:5001/token", "token realm").public_only


def test_s75_a_realm_that_is_not_http_is_refused(fake: Fake) -> None:
    fake.answers["/v2/"] = always(401, WWW_Authenticate='Bearer realm="file:///etc/shadow"')
    fake.answers[MANIFEST] = fake.answers["/v2/"]
    with pytest.raises(RegistryError, match="token realm"):
        connect(fake).manifest("app", "1")


def test_s75_an_upload_elsewhere_sees_no_credentials(fake: Fake, elsewhere: Fake) -> None:
    fake.answers["/v2/"] = basic(always(200))
    where = f"http://{elsewhere.host}/upload"
    fake.answers["/v2/app/blobs/uploads/"] = basic(always(202, Location=where))
    elsewhere.answers["/upload"] = always(201)
    from hutch.image.digest import Digest
    from hutch.image.manifest import OCI_LAYER, Descriptor

    registry = connect(fake)
    blob = Descriptor(OCI_LAYER, Digest.of(b"data"), 4)
    location = registry.mount("app", blob.digest, "", [])
    registry.upload(location, blob, iter([b"data"]), [])
    (headers,) = elsewhere.headers("/upload")
    assert "authorization" not in headers


def test_s69_long_replies_are_cut_off(fake: Fake) -> None:
    fake.answers[MANIFEST] = always(200, b" " * (5 << 20))
    with pytest.raises(RegistryError, match="longer than"):
        connect(fake).manifest("app", "1")
    fake.answers[MANIFEST] = always(500, b'{"errors":[{"message":"' + b"x" * (1 << 20))
    with pytest.raises(RegistryError) as refusal:
        connect(fake).manifest("app", "1")
    assert len(str(refusal.value)) < 500


def test_s69_a_long_token_reply_is_cut_off(fake: Fake) -> None:
    realm = f'Bearer realm="http://{fake.host}/token",service="s"'
    fake.answers["/v2/"] = fake.answers[MANIFEST] = always(401, WWW_Authenticate=realm)
    fake.answers["/token"] = always(200, b'{"token":"' + b"x" * (2 << 20) + b'"}')
    with pytest.raises(RegistryError, match="longer than"):
        connect(fake).manifest("app", "1")


def test_s85_text_from_a_registry_cannot_control_the_terminal(fake: Fake) -> None:
    said = json.dumps({"errors": [{"code": "X", "message": "\x1b[2J\nfake: line"}]}).encode()
    fake.answers[MANIFEST] = always(403, said)
    with pytest.raises(RegistryError) as refusal:
        connect(fake).manifest("app", "1")
    assert str(refusal.value).isprintable()


def test_s86_urls_in_errors_have_no_secrets() -> None:
    assert Url.parse("https://h.example:1/p?sig=x#f").shown == "https://h.example:1/p"
    with pytest.raises(BadUrl) as refusal:
        Url.parse("https://u:p4ss@h.example/p?sig=x")
    assert "p4ss" not in str(refusal.value) and "sig" not in str(refusal.value)
    assert "s3cret" not in repr(SECRET)


def test_passing_failures_are_tried_again(fake: Fake) -> None:
    left = [always(503, Retry_After="0"), always(429), always(200, b"body")]
    fake.answers[MANIFEST] = lambda handler: left.pop(0)(handler)
    registry = connect(fake)
    registry.transport.tries = 4
    assert registry.manifest("app", "1")[0] == b"body"


@pytest.mark.root
def test_another_try_is_told_unless_quiet_is_asked_for(fake: Fake, warren: Warren) -> None:
    publish(fake, Image([Layer().file("f").tar()]))
    good = fake.answers[MANIFEST]
    left: list[Answer] = []
    fake.answers[MANIFEST] = lambda handler: (left.pop(0) if left else good)(handler)
    for quiet in (False, True):
        left.append(always(503))
        done = warren.run("pull", *["-q"] * quiet, f"{fake.host}/app:1")
        assert done.returncode == 0
        said = f"GET http://{fake.host}{MANIFEST}: 503 Service Unavailable; trying again in 0.3 s\n"
        assert (said in done.stderr) is not quiet


def test_a_host_that_there_is_not_is_told_at_once(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from hutch.image.registry.target import Target
    from hutch.image.registry.transport import Transport

    def never(_: float) -> None:
        raise AssertionError("waited")

    def unknown(*_: object) -> None:
        # What a resolver that is there says; of the machine's own there may be none.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(time, "sleep", never)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(RegistryError, match="name or service not known"):
        Transport("h.invalid", RegistrySettings()).request(
            "GET", Target(Url.parse("https://h.invalid/v2/"))
        )


def test_a_registry_without_a_catalogue_cannot_be_searched(fake: Fake) -> None:
    with pytest.raises(RegistryError, match="has no catalogue"):
        connect(fake).catalogue()


def test_challenges_are_parsed() -> None:
    header = 'Basic realm="a, b", Bearer realm="https://x/y",service=s,scope="r:a:pull,push"'
    one, other = challenges(header)
    assert (one.scheme, one.parameters) == ("basic", {"realm": "a, b"})
    assert other.parameters == {"realm": "https://x/y", "service": "s", "scope": "r:a:pull,push"}
    assert challenges("") == []


@pytest.mark.root
@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_resumed(ranges: bool, fake: Fake, warren: Warren) -> None:
    import os

    image = Image([Layer().file("big", os.urandom(3 << 20)).tar()], "tar")
    manifest = publish(fake, image)
    digest = manifest["layers"][0]["digest"]
    data = image.blobs[digest]
    asked: list[str] = []

    def break_off(handler: Handler) -> None:
        """A mebibyte, and then nothing."""
        wanted = handler.headers.get("Range", "")
        asked.append(wanted)
        start = int(wanted[6:-1]) if wanted and ranges else 0
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(data) - start))
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        size = (1 << 20) * (1 if ranges else len(asked))
        handler.wfile.write(data[start : start + size])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)

    fake.answers[f"/v2/app/blobs/{digest}"] = break_off
    done = warren.run("pull", f"{fake.host}/app:1")
    assert done.returncode == 0, done.stderr
    assert f"{fake.host}: blob {digest[7:19]}: " in done.stderr
    assert "; trying again in 0.6 s\n" in done.stderr
    assert asked[0] == "" and len(asked) >= 3
    assert all(one.startswith("bytes=") for one in asked[1:])
    assert "all is well" in warren.ok("system", "check")


@pytest.mark.root
def test_a_pull_that_died_resumes_with_a_range(fake: Fake, warren: Warren) -> None:
    import os

    image = Image([Layer().file("big", os.urandom(2 << 20)).tar()], "tar")
    manifest = publish(fake, image)
    digest = manifest["layers"][0]["digest"]
    data = image.blobs[digest]
    partial = warren.root / "partial" / digest.replace(":", "-")
    warren.ok("images")
    partial.write_bytes(data[: 1 << 20])
    wanted: list[str] = []

    def answer(handler: Handler) -> None:
        wanted.append(handler.headers.get("Range", ""))
        start = 1 << 20
        handler.reply(206, data[start:], Content_Range=f"bytes {start}-{len(data) - 1}/{len(data)}")

    fake.answers[f"/v2/app/blobs/{digest}"] = answer
    warren.ok("pull", "-q", f"{fake.host}/app:1")
    assert wanted == [f"bytes={1 << 20}-"]
    assert not partial.exists()


@pytest.mark.root
def test_a_damaged_part_is_thrown_away_and_fetched_again(fake: Fake, warren: Warren) -> None:
    image = Image([Layer().file("big", b"x" * 100_000).tar()], "gzip")
    manifest = publish(fake, image)
    layer = manifest["layers"][0]
    warren.ok("images")
    partial = warren.root / "partial" / layer["digest"].replace(":", "-")
    partial.write_bytes(b"\0" * (layer["size"] - 5))
    warren.ok("pull", "-q", f"{fake.host}/app:1")
    assert "all is well" in warren.ok("system", "check")


def contents(root: Path) -> dict[str, str]:
    """The store's files by digest, without its database and locks."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("images", "layers", "partial", "work")
        for path in (root / folder).rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def lies_about_size(fake: Fake, image: Image, manifest: dict[str, Any]) -> None:
    digest = manifest["layers"][-1]["digest"]
    fake.answers[f"/v2/app/blobs/{digest}"] = always(200, image.blobs[digest] + b"more")


def lies_about_content(fake: Fake, image: Image, manifest: dict[str, Any]) -> None:
    digest = manifest["layers"][-1]["digest"]
    data = image.blobs[digest]
    fake.answers[f"/v2/app/blobs/{digest}"] = always(200, data[:-1] + bytes([data[-1] ^ 1]))


def escapes(fake: Fake, image: Image, manifest: dict[str, Any]) -> None:
    """The layer itself is the hostile one; see the parameter."""


@pytest.mark.root
@pytest.mark.parametrize(
    ("layer", "lie", "words"),
    [
        (Layer().file("f", b"x" * 5000), lies_about_size, "longer than"),
        (Layer().file("f", b"x" * 5000), lies_about_content, "another digest"),
        (Layer().file("ok").file("../f"), escapes, "leads out"),
        (Layer().file("ok").link("l", "nothing"), escapes, "not in the image"),
        (Layer().file("ok").file(".wh.."), escapes, "whiteout"),
    ],
)
def test_s71_a_refused_image_leaves_the_store_as_it_was(
    layer: Layer, lie: Callable[..., None], words: str, fake: Fake, warren: Warren
) -> None:
    publish(fake, Image([Layer().file("kept", b"kept").tar()]), "kept")
    warren.ok("pull", "-q", f"{fake.host}/kept:1")
    before = contents(warren.root)
    good = Layer().file("good", b"of the refused image").tar()
    image = Image([good, layer.tar()])
    manifest = publish(fake, image)
    lie(fake, image, manifest)
    assert words in warren.fails("pull", "-q", f"{fake.host}/app:1")
    assert contents(warren.root) == before
    assert "all is well" in warren.ok("system", "check")


@pytest.mark.root
def test_a_config_that_lies_about_the_diff_id_is_refused(fake: Fake, warren: Warren) -> None:
    image = Image([Layer().file("f").tar()])
    manifest = image.manifest()
    config = {
        "os": "linux", "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]},
    }  # fmt: skip
    kind = "application/vnd.oci.image.config.v1+json"
    manifest["config"] = image.descriptor(json.dumps(config).encode(), kind)
    raw = json.dumps(manifest).encode()
    fake.answers[MANIFEST] = always(200, raw, Content_Type=manifest["mediaType"])
    for digest, data in image.blobs.items():
        fake.answers[f"/v2/app/blobs/{digest}"] = always(200, data)
    assert "uncompressed content" in warren.fails("pull", "-q", f"{fake.host}/app:1")


def test_credentials_are_found_as_docker_and_podman_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-fake"
    helper.write_text(
        '#!/bin/sh\nread url\n[ "$url" = helped.example ] ||'
        ' { echo "credentials not found in native keychain"; exit 1; }\n'
        'echo \'{"Username":"h","Secret":"from helper"}\'\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    auths = {
        "plain.example": {"auth": "YW5uOnM6ZQ=="},  # ann:s:e
        "https://index.docker.io/v1/": {"auth": "aHViOng="},
        "plain.example/team": {"auth": "dGVhbTp4"},
        "token.example": {"identitytoken": "t0ken"},
    }
    document = {"auths": auths, "credHelpers": {"helped.example": "fake"}}
    (tmp_path / "config.json").write_text(json.dumps(document))
    (tmp_path / "containers").mkdir()
    first = {"auths": {"podman.example": {"auth": "cG9kbWFuOng="}}}
    (tmp_path / "containers" / "auth.json").write_text(json.dumps(first))
    found = credentials.find("plain.example", "other/app")
    assert found == Credentials("ann", "s:e")
    assert credentials.find("plain.example", "team/app") == Credentials("team", "x")
    assert credentials.find("docker.io", "library/x") == Credentials("hub", "x")
    assert credentials.find("token.example") == Credentials("", "", "t0ken")
    assert credentials.find("helped.example") == Credentials("h", "from helper")
    assert credentials.find("podman.example") == Credentials("podman", "x")
    assert credentials.find("unknown.example") is None
    # With a helper for all, Docker leaves empty entries; other tools leave only a mail address.
    document = {"auths": {"helped.example": {}, "x.example": {"email": "a"}}, "credsStore": "fake"}
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert credentials.find("helped.example") == Credentials("h", "from helper")
    assert credentials.find("x.example") is None
    named = {"auths": {"n.example": {"username": "u", "password": "p"}}}
    (tmp_path / "config.json").write_text(json.dumps(named))
    assert credentials.find("n.example") == Credentials("u", "p")


@pytest.mark.root
@pytest.mark.parametrize("tag", ["../../x", "a b", "\x1b[2J", "", "x" * 200])
def test_s85_invalid_tags_are_refused(tag: str, fake: Fake, warren: Warren) -> None:
    body = json.dumps({"name": "app", "tags": [tag]}).encode()
    fake.answers["/v2/app/tags/list"] = always(200, body)
    assert "is not a tag" in warren.fails("pull", "--all-tags", f"{fake.host}/app")
    assert warren.run("search", "--list-tags", f"{fake.host}/app").stdout.isascii()
