"""What many figures come to: percentiles of one round, medians and spread of rounds, ratios of two systems."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Summary(NamedTuple):
    """The rounds of one figure: their median, the lowest and the highest."""

    median: float
    low: float
    high: float


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them (0 to 1) does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(values: Sequence[float]) -> Summary:
    """Median and spread."""
    return Summary(statistics.median(values), min(values), max(values))


def ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> float | None:
    """The median over the rounds that both have of ours ÷ theirs; None where there is no such round.

    The two of one round were measured one after the other, so what slows the machine for a while slows both.
    """
    found = [ours[number] / theirs[number] for number in ours.keys() & theirs.keys() if theirs[number]]
    return statistics.median(found) if found else None
