"""Whose limit of memory was reached, by the files of cgroups."""

from pathlib import Path

import pytest
from hutch.cgroups.limits_hit import reached

NO_LIMIT = "9223372036854771712"


def make(folder: Path, **files: str) -> str:
    """A cgroup of v1 with these files; without a limit, and never full, unless they say so."""
    folder.mkdir()
    for prefix in ("", "memsw."):
        for name, value in (("limit_in_bytes", NO_LIMIT), ("failcnt", "0"),
                            ("max_usage_in_bytes", "4096")):  # fmt: skip
            (folder / f"memory.{prefix}{name}").write_text(value + "\n")
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(value + "\n")
    return str(folder)


@pytest.mark.parametrize(
    "full",
    [
        {"memory__failcnt": "3"},
        {"memory__memsw__failcnt": "3"},
        # Linux 6.18 counts no failures.
        {"memory__max_usage_in_bytes": "8192"},
        {"memory__memsw__limit_in_bytes": "8192", "memory__memsw__max_usage_in_bytes": "8192"},
    ],
)
def test_the_nearest_limit_of_v1_that_was_reached(tmp_path: Path, full: dict[str, str]) -> None:
    above = make(tmp_path / "above", memory__limit_in_bytes="8192", **full)
    inner = make(tmp_path / "above" / "inner", memory__limit_in_bytes="16384")
    assert reached(inner, False) == above
    for name, value in full.items():
        (Path(inner) / name.replace("__", ".")).write_text(value)
    (Path(inner) / "memory.limit_in_bytes").write_text("8192")
    assert reached(inner, False) == inner


def test_no_limit_of_v1_was_reached(tmp_path: Path) -> None:
    make(tmp_path / "above")
    inner = make(tmp_path / "above" / "inner", memory__limit_in_bytes="8192")
    assert reached(inner, False) == ""
