"""Which images a Dockerfile needs."""

import pytest
from hutch.engine.building.dockerfile import images_of, instructions, needs_dockers_format
from hutch.image.platform import Platform

HERE = Platform("linux", "amd64")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM a", ["a"]),
        ("from a:1 as One\nFROM one\nCOPY --from=ONE /x /y", ["a:1"]),
        ("FROM scratch\nCOPY --from=b /x /y\nCOPY --from=0 /x /y", ["b"]),
        ("ARG V=1\nARG W=$V\nFROM a:${W}\n", ["a:1"]),
        ("ARG V\nFROM a:${V:-2}${V:+x}", ["a:2"]),
        ("ARG G=1\nFROM a:$G", ["a:given"]),
        ("FROM --platform=$TARGETPLATFORM r/$TARGETARCH\\\n  AS x\n# FROM c\nFROM x", ["r/amd64"]),
        ("# escape=`\nFROM `\n a\\b\nRUN x", ["a\\b"]),
        ("FROM a\nRUN --mount=type=bind,from=t,target=/x --mount=type=cache true", ["a", "t"]),
        ("FROM a\nFROM a\nFROM b", ["a", "b"]),
        ("FROM a\nARG V=1\nFROM b$V", ["a", "b"]),
        ("FROM\nFROM $NOTHING\n\\", []),
        ("", []),
    ],
)
def test_images(text: str, found: list[str]) -> None:
    assert images_of(text, {"G": "given"}, HERE) == found


def test_instructions_are_whole_lines() -> None:
    text = "# syntax=x\nrun a \\\n\n# a comment\n  b\nCMD x \\"
    assert list(instructions(text)) == [("RUN", "a  b"), ("CMD", "x")]


def test_only_dockers_format_has_health_checks() -> None:
    assert needs_dockers_format("FROM a\nhealthcheck CMD true")
    assert not needs_dockers_format("FROM a\nRUN HEALTHCHECK")
