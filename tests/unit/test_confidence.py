"""The intervals of ./dev bench's medians, and its page."""

import random

import pytest

from conformance.bench.confidence import LEVEL, median, rank, ratio
from conformance.bench.report import markdown, timings


@pytest.mark.parametrize(("count", "expected"), [(6, 1), (10, 2), (30, 10), (60, 22), (100, 40)])
def test_the_ranks_are_those_of_the_printed_tables(count: int, expected: int) -> None:
    """Of Conover, Practical Nonparametric Statistics, table A3: the binomial with p = 1/2."""
    assert rank(count) == expected


def test_few_samples_have_all_of_them_as_the_interval() -> None:
    assert median([3.0]) == (3.0, 3.0, 3.0)
    assert median([4.0, 1.0, 2.0]) == (2.0, 1.0, 4.0)


def test_the_true_median_lies_inside_as_often_as_is_said() -> None:
    """With times as they come: many small ones, some large."""
    draw = random.Random(7)
    true, inside, rounds = 2**0.5, 0, 2000
    for _ in range(rounds):
        found = median([draw.paretovariate(2) for _ in range(30)])
        assert found.low <= found.value <= found.high
        inside += found.low <= true <= found.high
    assert LEVEL <= inside / rounds < LEVEL + 0.03


def test_a_ratio_is_that_of_the_same_round() -> None:
    """A disturbance that slows both does not show."""
    other = [1.0, 2.0, 50.0, 4.0, 3.0, 2.0]
    own = [each * 0.5 for each in other]
    assert ratio(own, other) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0], other)


def test_the_page_has_a_row_for_each_runtime_that_was_measured() -> None:
    fast, slow = [[1.0, 0.5, 100]] * 7, [[2.0, 2.0, 900]] * 7
    rows = timings({"x, 10 alive": {"hutch": fast, "peer": slow}}).splitlines()
    assert rows[2] == (
        "| x, 10 alive | hutch | 1.00 (1.00–1.00) | 1.00 | 0.50 (0.50–0.50) | 100 |  |  |  |"  # noqa: RUF001
    )
    assert rows[3].endswith("| 900 | 0.50 (0.50–0.50) | 0.50 | 0.25 (0.25–0.25) |")  # noqa: RUF001
    part = {"machine": "M", "date": "D", "peers": {"hutch": "V"}}
    one = "create, start, delete, {} alive"
    crowd = {one.format(10): {"hutch": fast, "peer": slow}, one.format(99): {"hutch": slow}}
    counted = {"hutch": {"state": 1.5, "run": None}}
    page = markdown(
        "T", {"crowd": {**part, "table": crowd},
              "instructions": {**part, "unit": "U", "rows": counted}},
    )  # fmt: skip
    assert "| hutch | 99 | 2.00 | 2.00 | 4.00 |" in page
    assert "| peer | 99 |" not in page
    assert "In U. " in page
    assert "| hutch | 1.5 | – |" in page  # noqa: RUF001
