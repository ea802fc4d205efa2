"""A pytest fixture that gives each test a container of its own.

The container is made once for all tests. After each test it goes back to its first state, which
takes some milliseconds: files that a test has written are gone, and so are its processes.

HUTCH_IMAGE=debian:12 python -m pytest test_fixture.py
"""

import os
from collections.abc import Iterator

import hutch
import pytest


@pytest.fixture(scope="session")
def sandbox() -> Iterator[hutch.Sandbox]:
    image = os.environ.get("HUTCH_IMAGE", "debian:12")
    with hutch.Sandbox(image, memory="128m", pids=64) as sandbox:
        yield sandbox


@pytest.fixture
def box(sandbox: hutch.Sandbox) -> Iterator[hutch.Sandbox]:
    """A container in which nothing has happened yet."""
    clean = sandbox.snapshot()
    yield sandbox
    sandbox.restore(clean)


def test_a_program_sorts_what_it_is_given(box: hutch.Sandbox) -> None:
    box.put({"/tmp/list": "b\na\n"})
    assert box.run(["sort", "/tmp/list"]).text == "a\nb\n"


def test_nothing_is_left_of_the_test_before(box: hutch.Sandbox) -> None:
    assert box.run(["ls", "/tmp"]).text == ""


def test_an_error_is_seen(box: hutch.Sandbox) -> None:
    result = box.run(["sh", "-c", "echo no such luck >&2; exit 4"])
    assert (result.exit_code, result.stderr) == (4, b"no such luck\n")
