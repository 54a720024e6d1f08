"""Quotes beside the bars of a panel: which sources are of quotes, and what both sides were in each bar.

A bar's quotes are those that end after it begins, up to its end; where there are none, the one before stands on. Of
quotes at instants the one that stands where the bar begins is its open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backbus.data.panels.collect import BARS, ends_of, gather, interval_of_rows
from backbus.data.panels.layout import with_columns
from backbus.data.panels.markets import with_one_calendar
from backbus.data.panels.repair import Inspection, Mask
from backbus.data.panels.rows import Rows
from backbus.data.panels.sessions import span_text
from backbus.data.panels.units import Units, zones_of
from backbus.data.readers.headers import extra_role
from backbus.data.readers.sides import has_sides, mid_prices, sides_alone
from backbus.data.readers.table import Table
from backbus.errors import DataError, JobError
from backbus.jit.arrays import read_only
from backbus.market.calendars import sessions_between
from backbus.market.columns import PRICES, QUOTES, SIDES
from backbus.market.panel import Floats, Ints, Panel, instant_text
from backbus.market.timeframes import DAY_NS
from backbus.market.zones import local_days

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

FIELD = "data.quotes"
_LONG_AGO = np.iinfo(np.int64).min


class Parted(NamedTuple):
    """A job's sources: those that bars are of, those of quotes, and what is to be said of it."""

    bars: Sequence[Table]
    quotes: Sequence[Table]
    notes: tuple[str, ...] = ()


def parted(tables: Sequence[Table], settings: DataSettings) -> Parted:
    """Which sources bars are of, and which tell what is bid and asked: some may do both.

    Raises ``JobError`` where they are of one asset and the job does not say that they belong together.
    """
    traded = {symbol: table.name for table in tables if not table.quoted for symbol in table.symbols}
    both = [table for table in tables if table.quoted and any(symbol in traded for symbol in table.symbols)]
    if not settings.quotes:
        if both and settings.bars is None:
            symbol = next(symbol for symbol in both[0].symbols if symbol in traded)
            raise JobError(
                f"is missing: {both[0].name} has quotes of {symbol}, and {traded[symbol]} its trades; set quotes = true"
                " to have orders fill at bid and ask, or name files of one kind",
                field=FIELD,
            )
        return Parted(tables, ())
    quotes = [table for table in tables if has_sides(table)]
    if not quotes:
        there = ", ".join(dict.fromkeys(header for table in tables for header in table.headers.values()))
        raise JobError(
            f"is true, and no source has quotes: bid and ask alone, or {QUOTES[0]} to {QUOTES[-1]} (found: {there});"
            " of one bid and ask beside each bar, execution.slippage takes the difference as half_spread",
            field=FIELD,
        )
    if settings.price == "mid":
        left = [table.name for table in tables if not table.quoted and not has_sides(table)]
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        said = [
            f"bars are the middle of bid and ask, and have no volume of trades; left: {name}{more}" for name in left[:1]
        ]
        return Parted([_of_middle(table) for table in quotes], quotes, tuple(said))
    bars = [table for table in tables if table not in both]
    return Parted(bars, quotes)


def _of_middle(table: Table) -> Table:
    """Bars in the middle of bid and ask, of a table that has bars of trades beside them."""
    if table.quoted:
        return table
    numbers = {**table.numbers, **mid_prices(table.numbers), "volume": np.zeros(len(table))}
    headers = {
        **table.headers,
        **{price: f"the middle of {SIDES[0]}_{price} and {SIDES[1]}_{price}" for price in PRICES},
    }
    return replace(table, numbers=numbers, headers=headers, quoted=True)


class Quotes(NamedTuple):
    """What was bid and asked, of all assets one after the other, in order of time."""

    asset: Ints
    ends: Ints
    days: Ints
    """By their market's clock."""
    sides: Floats
    """[8, n] in the order of ``QUOTES``; NaN where a side is not quoted."""
    instants: bool
    """Whether they are of instants, and not of some time that they end."""
    interval_ns: int


def quotes_of(tables: Sequence[Table], symbols: tuple[str, ...], settings: DataSettings, notes: list[str]) -> Quotes:
    """The quotes of all sources, looked at by the rules that bars are."""
    changes = {"columns": QUOTES, "quotes": False, "adjust": "none", "bars": None, "holes": "leave"}
    settings = with_one_calendar(symbols, settings.model_copy(update=changes))
    alone = [sides_alone(table) for table in tables]
    if len({table.ticks for table in alone}) > 1:
        one, other = (next(table.name for table in alone if table.ticks == kind) for kind in (True, False))
        raise DataError(f"has quotes of instants, and {other} has bars of quotes; name files of one kind", file=one)
    rows = gather(alone, symbols, settings)
    inspection = Inspection(rows, settings.repair)
    inspection.stamps()
    inspection.order()
    rows = inspection.rows
    notes += inspection.notes
    interval_ns = 0 if rows.ticks else interval_of_rows(rows)
    ends = (
        rows.stamp if rows.ticks and not rows.dates else ends_of(rows, max(interval_ns, DAY_NS * rows.dates), settings)
    )
    sides = np.stack([rows.numbers[extra_role(name)] for name in QUOTES])
    notes += _widened(rows, sides)
    days = rows.stamp if rows.dates else _days(rows.asset.astype(np.int64), ends, zones_of(symbols, settings))
    return Quotes(rows.asset.astype(np.int64), ends, days, sides, rows.ticks and not rows.dates, interval_ns)


def _days(asset: Ints, ends: Ints, zones: Sequence[str | None]) -> Ints:
    """The day of each quote, by the clock of its asset."""
    days = np.empty(len(ends), dtype=np.int64)
    for zone in dict.fromkeys(zones):
        mine = np.isin(asset, [at for at, own in enumerate(zones) if own == zone])
        days[mine] = local_days(ends[mine], zone)
    return days


def _widened(rows: Rows, sides: Floats) -> list[str]:
    """Let high and low hold open and close, and say of how many they did not."""
    wrong = np.zeros(len(rows), dtype=np.bool_)
    for first in range(0, len(sides), len(PRICES)):
        opened, high, low, close = sides[first : first + len(PRICES)]
        top, bottom = np.fmax(np.fmax(opened, close), high), np.fmin(np.fmin(opened, close), low)
        wrong |= (top > high) | (bottom < low)
        sides[first + 1], sides[first + 2] = top, bottom
    if not wrong.any():
        return []
    at = int(np.argmax(wrong))
    return [
        f"{rows.place(at)}: open or close of a side lie outside its high and low, which were widened, in"
        f" {np.count_nonzero(wrong)} quotes"
    ]


def quotes_of_panel(panel: Panel) -> Quotes:
    """The quotes that a panel has beside its bars, for bars that are made of them."""
    block = panel.block
    row, asset = np.nonzero(~np.isnan(block.close))
    order = np.lexsort((row, asset))
    row, asset = row[order], asset[order]
    sides = np.stack([block.extra[name][row, asset] for name in QUOTES])
    return Quotes(asset.astype(np.int64), block.end[row], block.session[row], sides, False, panel.layout.interval_ns)


def with_quotes(
    panel: Panel, quotes: Quotes, settings: DataSettings, units: Units | None = None, *, kept: bool = False
) -> Panel:
    """The panel with what was bid and asked in each of its bars, in the units of its prices; without ``units`` quotes
    are in these already. What is ``kept`` for other jobs tells which quotes these will not have."""
    layout, block = panel.layout, panel.block
    if quotes.interval_ns > layout.interval_ns > 0:
        raise JobError(
            f"are of {span_text(quotes.interval_ns)}, and bars of {span_text(layout.interval_ns)}: they must not be"
            f" longer than bars; make longer bars by {BARS}, or leave quotes out",
            field=FIELD,
        )
    found = np.full((len(QUOTES), *block.close.shape), np.nan)
    notes = list(panel.notes)
    for asset, symbol in enumerate(layout.symbols):
        rows = np.flatnonzero(~np.isnan(block.close[:, asset]))
        mine = slice(*np.searchsorted(quotes.asset, [asset, asset + 1]))
        if not len(rows):
            continue
        begun = _begins(panel, quotes, settings, asset, rows)
        factors = _factors(units, quotes, mine, asset, begun, block.end[rows])
        own = np.zeros(len(rows), dtype=np.bool_)
        for first in range(0, len(QUOTES), len(PRICES)):
            sides = quotes.sides[first : first + len(PRICES), mine]
            of_bars, here = _of_bars(quotes.ends[mine], sides, begun, block.end[rows], quotes.instants, factors)
            found[first : first + len(PRICES), rows, asset] = of_bars
            own |= here
        notes += _told(symbol, found[:, rows, asset], own, block.end[rows])
        notes += _of_no_bar(symbol, quotes.ends[mine], begun, block.end[rows]) if kept else []
    extra = {**block.extra, **{name: read_only(found[at]) for at, name in enumerate(QUOTES)}}
    others = tuple(name for name in layout.columns if name not in settings.columns_read)
    whole = Panel(layout, replace(block, extra=extra), tuple(notes))
    return with_columns(whole, (*settings.columns_read, *others))


def _begins(panel: Panel, quotes: Quotes, settings: DataSettings, asset: int, rows: Ints) -> Ints:
    """[rows] when the bars of an asset begin that end with these rows."""
    layout, ends = panel.layout, panel.block.end[rows]
    if layout.interval_ns == 0 or layout.interval_ns > DAY_NS:
        return np.concatenate([[_LONG_AGO], ends[:-1]])
    if not layout.daily:
        return np.asarray(ends - layout.interval_ns)
    if quotes.interval_ns == layout.interval_ns:
        return np.asarray(ends - 1)
    calendar = layout.calendars[asset] if layout.calendars else settings.calendar or layout.calendar
    if not calendar:
        raise JobError(
            "is missing: quotes are of parts of a day, and bars of days; which calendar tells when a session opens, for"
            " example XNYS?",
            field="data.calendar",
        )
    first, last = ((int(end) - 1) // DAY_NS for end in (ends[0], ends[-1]))
    known = sessions_between(calendar, first - 1, last + 1, field="data.calendar")
    return np.asarray(known.opens[np.minimum(np.searchsorted(known.closes, ends), len(known.opens) - 1)])


class _Factors(NamedTuple):
    """What brings an asset's quotes to the units of its bars."""

    own: Floats
    """[quotes] of the bars that they are in."""
    stood: Floats
    """[quotes], and"""
    begun: Floats
    """[bars] what is divided by, of the bars in which they stand."""


def _factors(units: Units | None, quotes: Quotes, mine: slice, asset: int, begins: Ints, stops: Ints) -> _Factors:
    ones, bars = np.ones(len(quotes.ends[mine])), np.ones(len(stops))
    if units is None:
        return _Factors(ones, ones, bars)
    found = units.at(asset, quotes.ends[mine], quotes.days[mine])
    if units.adjusted:
        return _Factors(found, found, bars)
    return _Factors(ones, found, units.begun(asset, begins, stops))  # a raw bar is raw throughout


def _of_bars(
    ends: Ints, side: Floats, begins: Ints, stops: Ints, instants: bool, factors: _Factors
) -> tuple[Floats, Mask]:
    """Open, high, low and close of one side in each bar, and whether it has a quote of its own."""
    there = ~np.isnan(side).any(axis=0)
    ends, side = ends[there], side[:, there]
    first, stop = np.searchsorted(ends, begins, "right"), np.searchsorted(ends, stops, "right")
    own = stop > first
    close = np.r_[side[3], np.nan]  # the last of them: what stands where there is none before
    standing = close[first - 1] * (np.r_[factors.stood[there], np.nan][first - 1] / factors.begun)
    side = side * factors.own[there]
    found = np.repeat(standing[None], len(PRICES), axis=0)
    if own.any():
        pairs = np.stack([first[own], stop[own]], axis=1).ravel()
        opened = side[0, first[own]]
        if instants:
            opened = np.where(np.isnan(standing[own]), opened, standing[own])
        high = np.maximum.reduceat(np.r_[side[1], -np.inf], pairs)[::2]
        low = np.minimum.reduceat(np.r_[side[2], np.inf], pairs)[::2]
        found[:, own] = opened, np.maximum(high, opened), np.minimum(low, opened), side[3, stop[own] - 1]
    return found, own


def _told(symbol: str, sides: Floats, own: Mask, ends: Ints) -> list[str]:
    """What is to be said of bars without a quote, and of quotes that cross."""
    unknown = np.isnan(sides).any(axis=0)
    carried = ~own & ~unknown
    said = []
    for bars, what in (
        (unknown, "have no quote of both sides, nor one before them: what is not quoted fills at the bar's own prices"),
        (carried, "have no quote of their own: the one before stands"),
        (sides[0] > sides[4], "open with a bid above the ask, as the source has it"),
        (sides[3] > sides[7], "close with a bid above the ask, as the source has it"),
    ):
        count = int(np.count_nonzero(bars))
        if count:
            when = instant_text(int(ends[np.argmax(bars)]))
            said.append(f"{symbol}: {count} of {len(ends)} bars {what}; the first ends at {when} UTC")
    return said


def _of_no_bar(symbol: str, ends: Ints, begins: Ints, stops: Ints) -> list[str]:
    """What is to be said of quotes that are in no bar, and so are lost to whoever makes bars of these."""
    place = np.searchsorted(stops, ends)
    lost = begins[np.minimum(place, len(stops) - 1)] >= ends
    count = int(np.count_nonzero(lost & (place < len(stops))))
    if not count:
        return []
    first = instant_text(int(ends[np.argmax(lost)]))
    return [
        f"{symbol}: {count} quotes end in no bar of it, the first at {first} UTC: a dataset does not keep them, and"
        " longer bars and holes that a job fills are made without them"
    ]
