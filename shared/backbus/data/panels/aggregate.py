"""Bars made of trades, of quotes, or of shorter bars: by the clock, or by how much was traded.

A bar of an amount is complete with the first trade that brings it there. All trades of one instant belong to one bar:
between them there is no moment at which it could end. Its row ends with its last trade; the next bar counts from zero.
A bar of a timeframe ends when its time does. What is left at the end is a bar of time, but none of an amount.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backbus.data.panels.collect import BARS, role_of, source_ends
from backbus.data.panels.layout import Flat, made_panel
from backbus.data.panels.markets import calendars_of
from backbus.data.panels.rows import Rows
from backbus.errors import DataError
from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Floats, Ints, Panel, Source
from backbus.market.resampling import Resampler
from backbus.market.timeframe_ends import calendar_of, check_longer, frame_ends
from backbus.market.timeframes import MADE, TICKS, UNITS, VWAP, BarSize, bar_size

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

BLOCK_CELLS = 1 << 18
_DOLLARS = "dollars"
_PERIOD_DAYS = {"d": 1, "w": 7, "mo": 30, "q": 91, "y": 365}


@loop
def cut(stamp: Ints, amount: Floats, size: float, at: Ints, have: Floats, key: Ints) -> None:
    """Number the bars that trades belong to. State: at [bar, instant of the last trade], have [traded in the bar]."""
    for i in range(stamp.shape[0]):
        if have[0] >= size and stamp[i] != at[1]:
            at[0] += 1
            have[0] = 0.0
        at[1] = stamp[i]
        if amount[i] == amount[i]:
            have[0] += amount[i]
        key[i] = at[0]


class SessionClock(NamedTuple):
    """By what sessions and hours are told."""

    timezone: str | None
    calendar: str | None


@dataclass(frozen=True)
class MadeBars:
    """Bars of one asset, in order of time."""

    ends: Ints
    fields: Mapping[str, Floats]
    """[bars] each, by field and further column."""


class Maker:
    """Makes the bars of one asset, from its trades or shorter bars in order of time, a part at a time."""

    def __init__(self, size: BarSize, clock: SessionClock, columns: Sequence[str] = ()) -> None:
        self._size, self._clock = size, clock
        self._columns = tuple(name for name in columns if name not in MADE)
        self._made = tuple(name for name in columns if name in MADE)
        self._resampler = Resampler(1, self._columns, (TICKS, _DOLLARS))
        self._at, self._have = np.zeros(2, dtype=np.int64), np.zeros(1)
        self._parts: list[Block] = []
        self.traded = 0.0
        """Units in all."""

    @property
    def left(self) -> float:
        """How much is in the bar that is begun."""
        return float(self._have[0])

    @property
    def begun(self) -> bool:
        """Whether a bar was left that did not reach its amount."""
        return self._size.measure is not None and 0.0 < self._have[0] < self._size.amount

    def take(self, ends: Ints, values: Mapping[str, Floats], *, instants: bool) -> None:
        """Take in [n] trades or bars. ``instants``: what happens when a bar ends belongs to the next one."""
        volume = np.nan_to_num(values["volume"])
        self.traded += float(volume.sum())
        dollars = values["close"] * volume
        ones = np.ones(len(ends))
        columns = {**{name: values[name] for name in self._columns}, TICKS: ones, _DOLLARS: dollars}
        fields = {name: values[name] if name != "volume" else volume for name in FIELDS}
        block = Block.of(
            0,
            ends,
            np.zeros(len(ends), dtype=np.int64),
            {name: column[:, None] for name, column in fields.items()},
            {name: column[:, None] for name, column in columns.items()},
        )
        if self._size.frame is not None:
            sessions = None if self._clock.calendar is None else calendar_of(self._clock.calendar).around(ends)
            key = frame_ends(ends + instants, self._size.frame, self._clock.timezone, sessions)
            closes = np.zeros(len(ends), dtype=np.bool_) if instants else ends >= key
        else:
            there = ~np.isnan(values["close"])
            amount = {"ticks": ones, "volume": volume, "dollars": dollars}[str(self._size.measure)]
            key, closes = np.empty(len(ends), dtype=np.int64), np.zeros(len(ends), dtype=np.bool_)
            cut(read_only(ends), read_only(np.where(there, amount, 0.0)), self._size.amount, self._at, self._have, key)
        self._parts.append(self._bars(block, key, closes))

    def _bars(self, block: Block, key: Ints, closes: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Block:
        return self._resampler.take(block, key, closes, by_key=self._size.frame is not None)[0]

    def finish(self) -> MadeBars:
        """All bars; those in which nothing was known are left out."""
        parts = [*self._parts, *([] if self.begun else [self._resampler.rest(by_key=self._size.frame is not None)])]
        ends = np.concatenate([part.end for part in parts])
        cells = {name: np.concatenate([part.cells()[name][:, 0] for part in parts]) for name in parts[0].cells()}
        there = ~np.isnan(cells["close"])
        with np.errstate(divide="ignore", invalid="ignore"):
            cells[VWAP] = cells.pop(_DOLLARS) / cells["volume"]
        kept = (*FIELDS, *self._columns, *self._made)
        return MadeBars(ends[there], {name: cells[name][there] for name in kept})


def interval_of_size(size: BarSize) -> int:
    """Nanoseconds of a bar; 0 where they have none in common."""
    if size.frame is None:
        return 0
    return size.frame.span_ns or _PERIOD_DAYS[str(size.frame.period)] * UNITS["d"]


class Makers:
    """The makers of all assets."""

    def __init__(
        self,
        size: BarSize,
        clock: SessionClock | Sequence[SessionClock],
        symbols: Sequence[str],
        columns: Sequence[str],
    ) -> None:
        """``clock`` is that of all assets, or one for each."""
        self._symbols, self._size, self._columns = symbols, size, columns
        self._clock = clock
        self._makers: dict[int, Maker] = {}

    def take(self, asset: int, ends: Ints, values: Mapping[str, Floats], *, instants: bool) -> None:
        """Take in the next trades or bars of one asset."""
        if asset not in self._makers:
            clock = self._clock
            own = clock if isinstance(clock, SessionClock) else clock[asset]
            self._makers[asset] = Maker(self._size, own, self._columns)
        self._makers[asset].take(ends, values, instants=instants)

    def finish(self, notes: list[str]) -> Flat:
        """All bars, by asset and time. Raises DataError where there are none."""
        parts = []
        for asset, maker in sorted(self._makers.items()):
            if self._size.measure in ("volume", "dollars") and not maker.traded:
                raise DataError(
                    f"has no volume, and bars of {self._size.text} count it; make bars of ticks, or of a timeframe",
                    symbol=self._symbols[asset],
                )
            made = maker.finish()
            if maker.begun:
                notes.append(f"{self._symbols[asset]}: the last {maker.left:g} did not fill a bar of {self._size.text}")
            parts.append(Flat(np.full(len(made.ends), asset, dtype=np.int32), made.ends, made.fields))
        if not any(len(part.ends) for part in parts):
            raise DataError(f"no bar of {self._size.text} could be made: there is not so much")
        numbers = {name: np.concatenate([part.numbers[name] for part in parts]) for name in parts[0].numbers}
        assets = np.concatenate([part.asset for part in parts])
        return Flat(assets, np.concatenate([part.ends for part in parts]), numbers)


def made_of(rows: Rows, symbols: tuple[str, ...], settings: DataSettings, notes: list[str]) -> tuple[int, Flat]:
    """The bars that the job makes of trades or of shorter bars, and their interval."""
    size = bar_size(str(settings.bars))
    ends, interval_ns = source_ends(rows, settings)
    if size.frame is not None and not rows.ticks:
        check_longer(size.frame, interval_ns, BARS)
    zone = None if rows.dates else settings.timezone
    own = calendars_of(symbols, settings) or (settings.calendar,) * len(symbols)
    columns = settings.columns_made
    makers = Makers(size, [SessionClock(zone, calendar or None) for calendar in own], symbols, columns)
    edges = np.r_[0, np.flatnonzero(np.diff(rows.asset)) + 1, len(rows)].tolist()
    for start, stop in itertools.pairwise(edges):
        part = slice(start, stop)
        values = {role: rows.numbers[role][part] for role in FIELDS}
        values |= {name: rows.numbers[role_of(name, settings)][part] for name in settings.columns_of_files}
        makers.take(int(rows.asset[start]), ends[part], values, instants=rows.ticks and not rows.dates)
    return interval_of_size(size), makers.finish(notes)


def remade(source: Source, settings: DataSettings) -> Panel:
    """A market's bars made into those that the job asks for: read in blocks, and what is made is kept in memory."""
    size, layout = bar_size(str(settings.bars)), source.layout
    if size.frame is not None:
        check_longer(size.frame, layout.interval_ns, BARS)
    columns = settings.columns_made
    own = layout.calendars or (layout.calendar,) * layout.assets
    clocks = [SessionClock(layout.timezone, calendar or None) for calendar in own]
    makers = Makers(size, clocks, layout.symbols, columns)
    for block in source.blocks(max(1, BLOCK_CELLS // layout.assets)):
        for asset in range(layout.assets):
            there = ~np.isnan(block.close[:, asset])
            values = {name: cells[there, asset] for name, cells in block.cells().items()}
            makers.take(asset, block.end[there], values, instants=False)
    notes = list(source.notes)
    made = replace(layout, interval_ns=interval_of_size(size), columns=columns, bars=settings.bars)
    return made_panel(makers.finish(notes), made, settings, notes)
