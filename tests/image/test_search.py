"""``warren search`` and ``warren import URL``: what comes from a server that is no registry."""

import json

import pytest

from conformance.samples.images import Layer
from tests.support.fake_registry import Fake, Handler, always
from tests.support.registries import Warren

pytestmark = pytest.mark.root

RESULTS = {
    "results": [
        {"name": "box", "description": "a box\n" + "x" * 80, "star_count": 30, "is_official": True},
        {"name": "ann/box", "description": None, "star_count": 2, "is_automated": True},
    ]
}


@pytest.fixture
def searched(fake: Fake) -> Fake:
    """A server with Docker's search API and no catalogue."""
    fake.answers["/v1/search"] = always(200, json.dumps(RESULTS).encode())
    return fake


def names(warren: Warren, fake: Fake, *flags: str) -> list[str]:
    lines = warren.ok("search", "--format", "{{.Name}}", *flags, f"{fake.host}/box").split()
    return [line.removeprefix(fake.host + "/") for line in lines]


def test_a_registry_with_a_search_api_is_searched(warren: Warren, searched: Fake) -> None:
    lines = warren.ok("search", f"{searched.host}/box").splitlines()
    assert lines[0].split() == ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"]
    assert "a box xxx" in lines[1] and "…" in lines[1] and lines[1].endswith("30      [OK]")
    assert "x" * 80 in warren.ok("search", "--no-trunc", f"{searched.host}/box")
    assert any("q=box&n=25" in path for _, path, _ in searched.seen)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ([], ["box", "ann/box"]),
        (["stars=3"], ["box"]),
        (["is-official=false"], ["ann/box"]),
        (["is-automated=true"], ["ann/box"]),
        (["stars=1", "is-official=true"], ["box"]),
    ],
)
def test_filters(warren: Warren, searched: Fake, filters: list[str], wanted: list[str]) -> None:
    assert names(warren, searched, *(f"--filter={text}" for text in filters)) == wanted


def test_an_unknown_filter_and_an_answer_that_is_none(warren: Warren, fake: Fake) -> None:
    assert "invalid filter" in warren.fails("search", "-f", "stars=many", "h.invalid/x", status=125)
    assert "has no catalogue" in warren.fails("search", f"{fake.host}/box")
    for answer in (b"[]", b"{", b'{"results": [{}]}', b'{"results": 3}'):
        fake.answers["/v1/search"] = always(200, answer)
        assert "has no catalogue" in warren.fails("search", f"{fake.host}/box")


def test_an_archive_of_an_address_is_imported(warren: Warren, fake: Fake) -> None:
    fake.answers["/box.tar"] = always(302, Location="/real.tar")
    fake.answers["/real.tar"] = always(200, Layer().file("made", b"x" * 70_000).tar())
    id = warren.ok("import", "-q", f"http://{fake.host}/box.tar", "box:1").strip()
    assert json.loads(warren.ok("inspect", "box:1"))[0]["Id"].endswith(id[-64:])
    warren.ok("bundle", "-q", "box:1", warren.home / "b")
    assert (warren.home / "b" / "rootfs" / "made").stat().st_size == 70_000


def test_what_an_address_answers_is_bounded_and_must_come_whole(warren: Warren, fake: Fake) -> None:
    def broken(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b"x" * 512)
        handler.close_connection = True

    fake.answers["/broken.tar"] = broken
    fake.answers["/long.tar"] = always(200, b"\0" * 4096)
    where = f"http://{fake.host}"
    assert "404" in warren.fails("import", "-q", f"{where}/none.tar?key=secret")
    assert "secret" not in warren.fails("import", "-q", f"{where}/none.tar?key=secret")
    assert "GET" in warren.fails("import", "-q", f"{where}/broken.tar")
    settings = warren.home / "c.toml"
    settings.write_text("[limits]\nunpacked_bytes = 1000\n")
    line = warren.fails("--config", settings, "import", "-q", f"{where}/long.tar")
    assert "longer than 1000 bytes" in line
    assert 'host "" is none' in warren.fails("import", "-q", "http://", status=125)
    assert warren.ok("images", "-q") == ""
