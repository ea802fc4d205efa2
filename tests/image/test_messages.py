"""What goes wrong with a registry is told in words, with what to do next."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.samples.images import Image, Layer
from tests.support.disks import small_disk
from tests.support.fake_registry import Fake, always, publish, sending
from tests.support.registries import Server, Warren, free_port

pytestmark = pytest.mark.root


def test_an_unknown_tag_and_an_unknown_repository(registry: str, odd: Path, warren: Warren) -> None:
    """In a real registry, which says "manifest unknown" of both."""
    warren.ok("pull", "-q", f"oci:{odd}:gzip")
    warren.ok("push", "-q", "odd:gzip", f"{registry}/team/known:1")
    line = warren.fails("pull", f"{registry}/team/known:2")
    assert f'{registry}/team/known has no tag "2"' in line
    assert f"(hint: warren search --list-tags {registry}/team/known)" in line
    assert warren.ok("search", "--list-tags", f"{registry}/team/known").split()[-1] == "1"
    line = warren.fails("pull", f"{registry}/team/unknown:2")
    assert f'{registry} has no repository "team/unknown"' in line
    assert f"(hint: warren search {registry}/unknown)" in line
    line = warren.fails("pull", f"{registry}/team/known@sha256:{'0' * 64}")
    assert "404 MANIFEST_UNKNOWN" in line
    assert "no repository" in warren.fails("pull", "--all-tags", f"{registry}/team/unknown")
    assert "no repository" in warren.fails("search", "--list-tags", f"{registry}/team/unknown")


def test_a_login_is_wanted_or_another(private_registry: str, warren: Warren) -> None:
    line = warren.fails("pull", f"{private_registry}/team/app:1")
    assert 'no repository "team/app", or you have no access to it' in line
    assert f"(hint: warren login {private_registry})" in line


@pytest.mark.parametrize("status", [200, 404, 405])
def test_a_web_server_is_no_registry(status: int, fake: Fake, warren: Warren) -> None:
    page = always(status, b"<html>hello</html>", Content_Type="text/html; charset=utf-8")
    for path in ("/v2/", "/v2/app/manifests/1", "/v2/app/tags/list", "/v2/_catalog"):
        fake.answers[path] = page
    for arguments in (["pull", f"{fake.host}/app:1"], ["search", f"{fake.host}/x"],
                      ["search", "--list-tags", f"{fake.host}/app"]):  # fmt: skip
        line = warren.fails(*arguments)
        assert "does not answer like a registry" in line and "hint: " in line
    login = ["login", "-u", "ann", "--password-stdin", fake.host]
    done = warren.run(*login, input=b"x")
    assert done.returncode == 1 and "does not answer like a registry" in done.stderr


@pytest.fixture
def talker() -> Iterator[str]:
    """A server that speaks first, and no HTTP."""
    with sending(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", first=True) as port:
        yield f"127.0.0.1:{port}"


def test_what_speaks_no_http_is_no_registry(talker: str, warren: Warren) -> None:
    line = warren.fails("pull", f"{talker}/app:1")
    assert "no HTTP is spoken there" in line and "that is no registry" in line


def test_plain_http_where_tls_is_wanted(fake: Fake, warren: Warren) -> None:
    line = warren.fails("pull", "--tls-verify", f"{fake.host}/app:1")
    assert "no TLS is spoken there" in line and "--tls-verify=false" in line


def test_nothing_listens_there(warren: Warren) -> None:
    line = warren.fails("pull", f"127.0.0.1:{free_port()}/app:1")
    assert "connection refused (hint: nothing listens there" in line


def test_a_certificate_that_nobody_vouches_for(tls_registry: Server, warren: Warren) -> None:
    line = warren.fails("pull", "--tls-verify=true", f"{tls_registry.host}/app:1")
    assert "certificate not trusted" in line and "--cert-dir" in line


def test_a_full_store_is_named(fake: Fake, tmp_path: Path) -> None:
    """When a blob comes in: with a layer that does not fit, from a registry."""
    image = Image([Layer().file("big", bytes(range(256)) * (40 << 10)).tar()], "tar")
    publish(fake, image)
    with small_disk(tmp_path / "small", "size=8m") as home:
        line = Warren(home).fails("pull", "-q", f"{fake.host}/app:1")
        image.write(tmp_path / "image")
        bundle = Warren(home).fails("bundle", "-q", f"oci:{tmp_path}/image", home / "b")
    assert f"the store {home}/store: write: no space left on device" in line
    assert "make room there, or name another place with --root" in line
    assert f"the bundle {home}/b: write: no space left on device" in bundle


def test_hints_have_the_root_in_force(warren: Warren) -> None:
    line = warren.fails("inspect", "nothing")
    assert f"(hint: warren --root {shlex.quote(str(warren.root))} images lists" in line


def test_the_help_names_the_default_places(warren: Warren) -> None:
    text = warren.ok("--help")
    for word in ("$WARREN_ROOT", "/var/lib/hutch", "~/.local/share/hutch", "XDG_DATA_HOME",
                 "/etc/hutch/warren.toml"):  # fmt: skip
        assert word in text
    warren.environment["WARREN_ROOT"] = str(warren.home / "named")
    program = warren.command()[:1]
    subprocess.run([*program, "images"], env=warren.variables(), check=True)
    assert (warren.home / "named" / "store.db").exists()
