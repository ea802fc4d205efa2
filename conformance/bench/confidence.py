"""How sure a median is: an interval between two of the samples (order statistics).

Half of all values lie below the median, so how many of n samples do is binomial, whatever their
distribution is. Hence the median lies between the k-th smallest and the k-th largest sample with a
probability that is exact for independent samples (David and Nagaraja, Order Statistics, 7.1).
"""

import statistics
from collections.abc import Sequence
from math import comb
from typing import NamedTuple

LEVEL = 0.95


class Median(NamedTuple):
    """A median, and the interval in which the true one is with the probability LEVEL."""

    value: float
    low: float
    high: float


def rank(count: int, level: float = LEVEL) -> int:
    """The greatest k with which the k-th smallest and the k-th largest of ``count`` samples enclose
    the median with at least this probability; 1 if none does, as with fewer than six samples."""
    outside, k = 0.0, 0
    while k < count:
        outside += 2 * comb(count, k) / 2**count
        if outside > 1 - level:
            break
        k += 1
    return max(k, 1)


def median(samples: Sequence[float]) -> Median:
    """The median of at least one sample with its interval."""
    ordered = sorted(samples)
    k = rank(len(ordered))
    return Median(statistics.median(ordered), ordered[k - 1], ordered[-k])


def ratio(own: Sequence[float], other: Sequence[float]) -> Median:
    """The median of the ratios of the same round: as both run within the same moment, what disturbs
    the machine for a while changes both. All of ``other`` are above zero."""
    return median([one / two for one, two in zip(own, other, strict=True)])
