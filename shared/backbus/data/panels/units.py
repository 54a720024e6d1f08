"""In which units prices of a time are: what splits and adjustments have made of them from bar to bar.

An action takes effect at the open of its bar. What was quoted on the same day, by the market's clock, is of after it,
and what was quoted on an earlier day of before it: between two sessions nothing else tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backbus.data.panels.adjust import FACTOR, whole_actions
from backbus.data.panels.markets import calendars_of
from backbus.data.panels.rows import Rows
from backbus.data.readers.headers import SPLIT, extra_role
from backbus.market.calendars import zone_of
from backbus.market.panel import Floats, Ints
from backbus.market.timeframes import DAY_NS
from backbus.market.zones import local_days

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

_ALWAYS = np.iinfo(np.int64).min


class Units(NamedTuple):
    """Of the bars of all assets one after the other, in order of time."""

    edges: Ints
    """[assets + 1] where the bars of each asset begin."""
    ends: Ints
    days: Ints
    """The days, by the market's clock, from which on what is quoted is of these bars."""
    factors: Floats
    """What prices of these bars are multiplied by to be those of the run; of raw ones, how many units one of before the
    first has become."""
    before: Floats
    """[assets] the factor of what is before the first bar."""
    adjusted: bool
    """Whether prices of the run are multiplied by the factors; otherwise they are raw."""

    def at(self, asset: int, ends: Ints, days: Ints) -> Floats:
        """The factors of some times of one asset, by their days."""
        mine = slice(self.edges[asset], self.edges[asset + 1])
        bars, first_days = self.ends[mine], self.days[mine]
        if not len(bars):
            return np.ones(len(ends))
        place = np.minimum(np.searchsorted(bars, ends), len(bars) - 1)
        place = place - (first_days[place] > days)
        return np.where(place < 0, self.before[asset], self.factors[mine][place])

    def begun(self, asset: int, begins: Ints, ends: Ints) -> Floats:
        """The factors of some bars of one asset where they begin: those of the first of these bars that is in each."""
        mine = slice(self.edges[asset], self.edges[asset + 1])
        bars = self.ends[mine]
        if not len(bars):
            return np.ones(len(ends))
        place = np.minimum(np.searchsorted(bars, begins, "right"), len(bars) - 1)
        place = place - (bars[place] > ends)
        return np.where(place < 0, self.before[asset], self.factors[mine][place])


def units_of(rows: Rows, ends: Ints, interval_ns: int, settings: DataSettings) -> Units:
    """The units of bars, or trades, that are in order of asset and time, and end then."""
    edges = np.searchsorted(rows.asset, np.arange(len(rows.symbols) + 1)).astype(np.int64)
    ratios, _ = whole_actions(rows.numbers.get(SPLIT, np.ones(len(rows))), np.ones(0))
    factor, adjusted = rows.numbers.get(extra_role(FACTOR)), settings.adjust not in ("none", "events")
    factors, days = np.ones(len(rows)), np.full(len(rows), _ALWAYS)
    before = np.ones(len(rows.symbols))
    zones = zones_of(rows.symbols, settings)
    for asset, zone in enumerate(zones):
        mine = slice(edges[asset], edges[asset + 1])
        if not len(factors[mine]):
            continue
        if adjusted and factor is not None:
            factors[mine] = factor[mine]
            before[asset] = factor[mine][0] / ratios[mine][0]
        elif not adjusted:
            factors[mine] = np.cumprod(ratios[mine])
        if interval_ns <= DAY_NS:  # whatever is in a longer bar is of it
            days[mine] = rows.stamp[mine] if rows.dates else local_days(ends[mine], zone)
    return Units(edges, ends, days, factors, before, adjusted)


def zones_of(symbols: tuple[str, ...], settings: DataSettings) -> list[str | None]:
    """By which clock each asset's days are told: that of its market, or the data's."""
    each = calendars_of(symbols, settings) or (settings.calendar or "",) * len(symbols)
    zones = {calendar: zone_of(calendar) if calendar else settings.timezone for calendar in set(each)}
    return [zones[calendar] for calendar in each]
