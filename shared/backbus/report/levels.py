"""A long series at many scales: of so many consecutive points the first, the least, the greatest and the last.

The first level puts ``FIRST`` points together, each other ``FACTOR`` buckets of the one below: nothing between two
points of a picture is lost but what was neither least, greatest, first nor last of a bucket. Where in it the least and
the greatest are is kept, so every point that is drawn is one of the series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbus.market.panel import Floats, Ints

FIRST, FACTOR = 16, 8
FEWEST = 256
"""A level of so few buckets is the last."""


class SeriesLevel(NamedTuple):
    """[buckets] each; NaN where no point of a bucket is a number."""

    span: int
    """Points in a bucket; the last one may have fewer."""
    first: Floats
    low: Floats
    high: Floats
    last: Floats
    at_low: Ints
    """Where the least is, from the bucket's begin; of equals the first."""
    at_high: Ints


def levels_of(values: Floats) -> list[SeriesLevel]:
    """From the finest, of ``FIRST`` points, to one that has at most ``FEWEST`` buckets; none of a short series."""
    found: list[SeriesLevel] = []
    places = np.zeros(len(values), np.int64)
    below = SeriesLevel(1, values, values, values, values, places, places)
    while len(below.first) > FEWEST:
        below = _together(below, FACTOR if found else FIRST, len(values))
        found.append(below)
    return found


def _together(below: SeriesLevel, factor: int, points: int) -> SeriesLevel:
    span = below.span * factor
    count = -(-points // span)

    def grouped(values: Floats) -> Floats:
        whole = np.full(count * factor, np.nan)
        whole[: len(values)] = values
        return whole.reshape(count, factor)

    each = np.arange(count)
    low, high = grouped(below.low), grouped(below.high)
    there = ~np.isnan(low)
    some = there.any(axis=1)
    begin, end = there.argmax(axis=1), factor - 1 - there[:, ::-1].argmax(axis=1)
    least = np.where(there, low, np.inf).argmin(axis=1)
    most = np.where(there, high, -np.inf).argmax(axis=1)
    begin_of = np.minimum(each * factor + np.stack((least, most)), len(below.first) - 1)
    return SeriesLevel(
        span,
        grouped(below.first)[each, begin],
        low[each, least],
        high[each, most],
        grouped(below.last)[each, end],
        np.where(some, least * below.span + below.at_low[begin_of[0]], 0),
        np.where(some, most * below.span + below.at_high[begin_of[1]], 0),
    )
