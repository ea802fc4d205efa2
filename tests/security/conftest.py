"""The fixtures of tests/container, and those for attacks, with hutch or another runtime."""

from pathlib import Path

import pytest

from tests.support.containers import Bundle, hutch, no_traces, reaper, run, sleeper


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A bundle with a version of the specification that older runtimes know."""
    made = Bundle(tmp_path / "bundle")
    return made.change(lambda config: config.update(ociVersion="1.0.2"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory of the host with a file in it."""
    path = tmp_path / "source"
    path.mkdir()
    (path / "file").write_text("from the host\n")
    return path


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of the host that no container may change."""
    path = tmp_path / "outside"
    path.mkdir()
    return path


__all__ = ["bundle", "hutch", "no_traces", "outside", "reaper", "run", "sleeper", "source"]
