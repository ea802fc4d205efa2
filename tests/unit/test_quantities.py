"""Sizes and durations as people write them."""

import pytest
from hutch.errors import UsageError
from hutch.spec.quantities import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("-1", -1),
        ("4096", 4096),
        ("50M", 50 << 20),
        ("50m", 50 << 20),
        ("50MB", 50 << 20),
        ("50MiB", 50 << 20),
        ("1.5g", 3 << 29),
        ("2k", 2048),
        ("7b", 7),
        ("1t", 1 << 40),
        ("1P", 1 << 50),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text, "--memory") == size


@pytest.mark.parametrize(
    "text",
    ["", "M", "-2", "5x", "5MM", ".5M", "5.", "1e9", "5 M", "²", "9" * 40, "9000000p", "5ib"],
)
def test_what_is_no_size_names_the_flag(text: str) -> None:
    with pytest.raises(UsageError, match="--memory: "):
        parse_size(text, "--memory")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("5s", 5_000_000_000),
        ("100ms", 100_000_000),
        ("1m30s", 90_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("10us", 10_000),
        ("10µs", 10_000),
        ("1ns", 1),
        (".5s", 500_000_000),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text, "--interval") == nanoseconds


@pytest.mark.parametrize(
    "text", ["", "5", "s", "0s", "-1s", "5x", "5s5", "1d", "1..5s", "9" * 30 + "s", "9999999999h"]
)
def test_what_is_no_duration_names_the_flag(text: str) -> None:
    with pytest.raises(UsageError, match="--interval: "):
        parse_duration(text, "--interval")
