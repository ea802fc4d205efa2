"""The bench of pulls (conformance/bench/pull): which tools a containerd is, and its floor."""

from pathlib import Path

import pytest

from conformance.bench.pull_floor import beside_floor
from conformance.bench.pull_tools import containerd

PROGRAM = """#!/bin/sh
case $1 in
--version) echo containerd github.com/containerd/containerd/v2 v2.9.1+ds1 0 ;;
config) echo "{setting} = 1" ;;
esac
"""


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("max_concurrent_downloads", ["containerd-2.9.1 pull"]),
        ("max_concurrent_unpacks", ["containerd-2.9.1 pull", "containerd-2.9.1-unpacks-4 pull"]),
    ],
)
def test_a_containerd_that_can_unpack_four_layers_at_once_is_two_tools(
    tmp_path: Path, setting: str, names: list[str]
) -> None:
    program = tmp_path / "containerd"
    program.write_text(PROGRAM.format(setting=setting))
    program.chmod(0o755)
    assert [tool.name for tool in containerd(tmp_path)] == names


def test_the_floor_says_how_near_a_pull_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    text = beside_floor({"decompress": 0.25, "unpack": 0.75}, cpu=1.2, wall=0.8)
    assert "| together; on 2 processors at once 0.50 s | 1.00 |" in text
    assert "takes 1.20 of the floor's processor time, and 1.60 of its time on 2" in text
