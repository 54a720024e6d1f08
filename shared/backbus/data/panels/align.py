"""A market's rows as a calendar has them: none outside its sessions, and one for each bar of a session.

A bar that no file has is a row of holes. Bars of an amount have no place in a session: of them, those that end outside
are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from backbus.data.panels.actions import ACTIONS, acts, add_action, moved_down
from backbus.data.panels.markets import assets_by_calendar
from backbus.data.panels.panel_file import MappedSource
from backbus.errors import JobError
from backbus.jit.arrays import read_only
from backbus.market.calendars import sessions_between
from backbus.market.columns import DELISTING, FIELDS
from backbus.market.panel import Block, Floats, Ints, Panel, whole
from backbus.market.spacing import calendar_year, in_layout
from backbus.market.timeframes import DAY_NS
from backbus.market.zones import local_days

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

FIELD = "data.align"
_CHUNK = 1 << 18


class Aligned:
    """A market on its calendar, as a ``Source``."""

    def __init__(self, source: Panel | MappedSource, calendar: str, warmup: int | None = None) -> None:
        """``warmup`` rows at most are kept before the first that is traded. Raises ``JobError`` for bars of more than a
        day, and where no row is in a session."""
        layout = source.layout
        self._source, self._ends = source, source.ends
        if layout.interval_ns > DAY_NS:
            raise JobError("bars of more than a day have no place in a session; remove it", field=FIELD)
        ends = self._ends
        days = (int(ends[0]) - 1) // DAY_NS, (int(ends[-1]) - 1) // DAY_NS
        self._days, self._opens, self._closes = sessions_between(calendar, *days, field="data.calendar")
        self._grid = _Grid(self._opens, self._closes, layout.interval_ns, self._offset(layout.interval_ns))
        first, stop = self._grid.place(int(ends[0])), self._grid.place(int(ends[-1]) + 1)
        traded = self._grid.place(int(ends[layout.warmup])) if layout.warmup < len(ends) else stop
        if traded >= stop:
            raise JobError(f"no row that is traded is in a session of {calendar}", field=FIELD)
        self.notes = (*source.notes, *self._counted(calendar, first, stop))
        if warmup is not None:
            first = max(first, traded - warmup)
        self._first, self._stop = first, stop
        self._late = self._actions_left_out()
        self._gone = self._delistings_left_out()
        self.layout = replace(layout, rows=stop - first, warmup=traded - first, calendar=calendar)
        long = float(np.median(self._closes - self._opens))
        bars = max(1.0, round(long / layout.interval_ns)) if 0 < layout.interval_ns < DAY_NS else 1.0
        self.layout = in_layout(self.layout, calendar_year(calendar, bars))

    def __len__(self) -> int:
        return self._stop - self._first

    @property
    def ends(self) -> Ints:
        """[rows] when rows end."""
        return self._grid.ends(self._first, self._stop)[0]

    def blocks(self, size: int) -> Iterator[Block]:
        """The rows in blocks of ``size``; the last one may be shorter."""
        for start in range(0, len(self), size):
            yield self._block(start, min(start + size, len(self)))

    def release(self, row: int) -> None:
        """Let go of the memory of the rows before ``row``."""
        if isinstance(self._source, MappedSource) and 0 < row < len(self):
            end = self._grid.ends(self._first + row, self._first + row + 1)[0][0]
            self._source.release(int(np.searchsorted(self._ends, end)))

    def _offset(self, interval: int) -> int:
        """How long after a session opens its bars begin: not all are counted from the opening."""
        if interval in (0, DAY_NS):
            return 0
        ends = self._ends[:_CHUNK]
        session = np.minimum(np.searchsorted(self._closes, ends), len(self._closes) - 1)
        inside = (ends > self._opens[session]) & (ends < self._closes[session])
        offsets, counts = np.unique((ends - self._opens[session])[inside] % interval, return_counts=True)
        return int(offsets[np.argmax(counts)]) if len(offsets) else 0

    def _block(self, start: int, stop: int) -> Block:
        ends, session = self._grid.ends(self._first + start, self._first + stop)
        low, high = np.searchsorted(self._ends, (ends[0], ends[-1] + 1)).tolist()
        part = self._source.part(low, high)
        place = np.searchsorted(ends, part.end)
        there = ends[np.minimum(place, len(ends) - 1)] == part.end
        place = place[there]

        def moved(values: Floats) -> Floats:
            found = np.full((len(ends), values.shape[1]), np.nan)
            found[place] = values[there]
            return read_only(found)

        fields = {name: moved(getattr(part, name)) for name in FIELDS}
        extra = {name: moved(values) for name, values in part.extra.items()}
        for number, asset, split, dividend in reversed(self._late):
            if self._first + start <= number < self._first + stop:
                extra |= {name: np.array(values) for name, values in extra.items() if name in ACTIONS}
                add_action(extra, (number - self._first - start, asset), split, dividend)
                extra = {name: read_only(values) for name, values in extra.items()}
        for number, asset, cash in self._gone:
            if self._first + start <= number < self._first + stop:
                extra[DELISTING] = np.array(extra[DELISTING])
                extra[DELISTING][number - self._first - start, asset] = cash
                extra[DELISTING] = read_only(extra[DELISTING])
        return Block.of(start, read_only(ends), read_only(self._days[session]), fields, extra)

    def _actions_left_out(self) -> list[tuple[int, int, float, float]]:
        """Splits and dividends of rows that are left out: the bar of the calendar that has them instead, and asset."""
        found: list[tuple[int, int, float, float]] = []
        if not any(name in self._source.layout.columns for name in ACTIONS):
            return found
        for start in range(0, len(self._ends), _CHUNK):
            part = self._source.part(start, min(start + _CHUNK, len(self._ends)))
            missing = np.full(part.close.shape, np.nan)
            split, dividend = (part.extra.get(name, missing) for name in ACTIONS)
            kept = self._numbered(part.end)
            for row, asset in np.argwhere(acts(split, dividend)).tolist():
                if kept[row] < 0:
                    number = self._grid.place(int(part.end[row]))
                    found.append((number, asset, float(split[row, asset]), float(dividend[row, asset])))
            if isinstance(self._source, MappedSource):
                self._source.release(start)
        return found

    def _delistings_left_out(self) -> list[tuple[int, int, float]]:
        """Delistings of rows that are left out: the bar of the calendar that is the asset's last one before, and
        asset."""
        found: list[tuple[int, int, float]] = []
        if DELISTING not in self._source.layout.columns:
            return found
        last = np.full(self._source.layout.assets, -1, dtype=np.int64)
        for start in range(0, len(self._ends), _CHUNK):
            part = self._source.part(start, min(start + _CHUNK, len(self._ends)))
            kept = self._numbered(part.end)
            gone = part.extra[DELISTING]
            for row, asset in np.argwhere(~np.isnan(gone) & (kept < 0)[:, None]).tolist():
                before = np.flatnonzero((kept[:row] >= 0) & ~np.isnan(part.close[:row, asset]))
                number = int(kept[before[-1]]) if len(before) else int(last[asset])
                if number >= 0:
                    found.append((number, asset, float(gone[row, asset])))
            for asset in range(len(last)):
                there = np.flatnonzero((kept >= 0) & ~np.isnan(part.close[:, asset]))
                last[asset] = kept[there[-1]] if len(there) else last[asset]
            if isinstance(self._source, MappedSource):
                self._source.release(start)
        return found

    def _numbered(self, ends: Ints) -> Ints:
        """The numbers of the bars that end then, in order of time; -1 where none does."""
        low, last = (self._grid.place(int(end)) for end in (ends[0], ends[-1]))
        there = self._grid.ends(low, min(last + 1, self._grid.count))[0] if low < self._grid.count else ends[:0]
        if not len(there):
            return np.full(len(ends), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(there, ends), len(there) - 1)
        return np.where(there[at] == ends, low + at, -1)

    def _counted(self, calendar: str, first: int, stop: int) -> list[str]:
        """What becomes of the source's rows."""
        kept = 0
        for start in range(first, stop, _CHUNK):
            ends, _ = self._grid.ends(start, min(start + _CHUNK, stop))
            low, high = np.searchsorted(self._ends, (ends[0], ends[-1] + 1))
            kept += int(np.isin(self._ends[low:high], ends, assume_unique=True).sum())
            if isinstance(self._source, MappedSource):
                self._source.release(int(low))
        if not kept:
            raise JobError(f"no row of the data ends with a bar of a session of {calendar}", field=FIELD)
        left_out, put_in = len(self._ends) - kept, stop - first - kept
        notes = []
        if left_out:
            notes.append(f"{left_out} rows that end in no bar of a session of {calendar} were left out")
        if put_in:
            notes.append(f"{put_in} rows of {calendar} that the data does not have were put in, without bars")
        return notes


class _Grid:
    """The ends of all bars of a calendar's sessions, numbered from the first one of the first session."""

    def __init__(self, opens: Ints, closes: Ints, interval: int, offset: int) -> None:
        self._interval, self._closes = interval, closes
        if interval == DAY_NS:
            self._starts, counts = closes, np.ones(len(closes), dtype=np.int64)
        else:
            self._starts = opens + (offset or interval)
            counts = np.maximum(-(-(closes - self._starts) // interval) + 1, 1)
        self._begins = np.concatenate(([0], np.cumsum(counts)))

    def ends(self, first: int, stop: int) -> tuple[Ints, Ints]:
        """When bars end, and the place of their sessions."""
        number = np.arange(first, stop, dtype=np.int64)
        session = np.searchsorted(self._begins, number, side="right") - 1
        ends = self._starts[session] + (number - self._begins[session]) * self._interval
        return np.minimum(ends, self._closes[session]), session

    @property
    def count(self) -> int:
        """Bars of all sessions."""
        return int(self._begins[-1])

    def place(self, end: int) -> int:
        """The number of the first bar that does not end before ``end``."""
        session = int(np.searchsorted(self._closes, end))
        if session == len(self._closes):
            return int(self._begins[-1])
        waiting = end - int(self._starts[session])
        inside = 0 if waiting <= 0 else -(-waiting // self._interval) if self._interval < DAY_NS else 0
        return int(self._begins[session]) + inside


def aligned(source: Panel | MappedSource, settings: DataSettings) -> Panel | Aligned:
    """The market on the job's calendar, or its own."""
    if source.layout.calendars:
        return aligned_each(whole(source), settings.warmup)
    calendar = settings.calendar or source.layout.calendar
    if calendar is None:
        raise JobError("is missing: which calendar is the dataset aligned to?", field="data.calendar")
    if source.layout.interval_ns == 0:
        return within(whole(source), calendar, settings.warmup)
    return Aligned(source, calendar, settings.warmup)


def aligned_each(panel: Panel, warmup: int | None) -> Panel:
    """A market in which assets have calendars of their own: rows are those of any of them, and in those of another
    market than its own an asset has no bar."""
    layout, block = panel.layout, panel.block
    parts: list[tuple[list[int], Panel]] = []
    for calendar, assets in assets_by_calendar(layout.calendars):
        own = _of_assets(panel, assets, calendar or None)
        if calendar:
            own = within(own, calendar, None) if layout.interval_ns == 0 else whole(Aligned(own, calendar))
        parts.append((assets, own))
    ends = np.unique(np.concatenate([own.block.end for _, own in parts]))
    cells = {name: np.full((len(ends), layout.assets), np.nan) for name in (*FIELDS, *layout.columns)}
    days = np.full(len(ends), np.iinfo(np.int64).min)
    for assets, own in parts:
        place = np.searchsorted(ends, own.block.end)
        np.maximum.at(days, place, own.block.session)
        for name, values in own.block.cells().items():
            cells[name][place[:, None], np.array(assets)] = values
    session = np.maximum.accumulate(days) if layout.daily else local_days(ends, layout.timezone)
    traded = int(np.searchsorted(ends, block.end[layout.warmup])) if layout.warmup < len(block) else len(ends)
    first = 0 if warmup is None else max(0, traded - warmup)
    if traded >= len(ends):
        raise JobError("no row that is traded is in a session of any of the calendars", field=FIELD)
    fields = {name: read_only(cells.pop(name)[first:]) for name in FIELDS}
    extra = {name: read_only(values[first:]) for name, values in cells.items()}
    made = Block.of(0, read_only(ends[first:]), read_only(session[first:]), fields, extra)
    notes = [*panel.notes, *(note for _, own in parts for note in own.notes)]
    return Panel(replace(layout, rows=len(made), warmup=traded - first), made, tuple(dict.fromkeys(notes)))


def _of_assets(panel: Panel, assets: list[int], calendar: str | None) -> Panel:
    """Some assets of a panel, in the rows in which any of them has a bar or an action."""
    layout, block = panel.layout, panel.block
    cells = {name: np.ascontiguousarray(values[:, assets]) for name, values in block.cells().items()}
    missing = np.full(cells["close"].shape, np.nan)
    split, dividend = (cells.get(name, missing) for name in ACTIONS)
    there = np.flatnonzero((~np.isnan(cells["close"]) | acts(split, dividend)).any(axis=1))
    if not len(there):
        raise JobError(f"{panel.symbols[assets[0]]}: has no bar that could be aligned", field=FIELD)
    cells = {name: read_only(values[there]) for name, values in cells.items()}
    fields = {name: cells.pop(name) for name in FIELDS}
    traded = int(np.searchsorted(there, layout.warmup))
    own = replace(
        layout,
        symbols=tuple(panel.symbols[at] for at in assets),
        rows=len(there),
        warmup=min(traded, len(there) - 1),
        calendar=calendar,
        calendars=(),
    )
    return Panel(own, Block.of(0, read_only(block.end[there]), read_only(block.session[there]), fields, cells))


def within(panel: Panel, calendar: str, warmup: int | None) -> Panel:
    """Bars of no fixed length: those that end outside of sessions are left out."""
    ends = panel.block.end
    sessions = sessions_between(calendar, (int(ends[0]) - 1) // DAY_NS, (int(ends[-1]) - 1) // DAY_NS, field=FIELD)
    place = np.minimum(np.searchsorted(sessions.closes, ends), len(sessions.closes) - 1)
    kept = (ends > sessions.opens[place]) & (ends <= sessions.closes[place])
    traded = int(np.count_nonzero(kept[: panel.layout.warmup]))
    chosen = np.flatnonzero(kept)[0 if warmup is None else max(0, traded - warmup) :]
    before = traded if warmup is None else min(traded, warmup)
    if before >= len(chosen):
        raise JobError(f"no row that is traded is in a session of {calendar}", field=FIELD)
    kept_rows = np.zeros(len(ends), dtype=np.bool_)
    kept_rows[chosen] = True
    whole_cells = {**panel.block.cells(), **moved_down(panel.block.extra, kept_rows)}
    cells = {name: read_only(values[chosen]) for name, values in whole_cells.items()}
    fields = {name: cells.pop(name) for name in FIELDS}
    block = Block.of(0, read_only(ends[chosen]), read_only(sessions.days[place[chosen]]), fields, cells)
    out = int(np.count_nonzero(~kept))
    notes = [f"{out} rows that end in no session of {calendar} were left out"] if out else []
    layout = replace(panel.layout, rows=len(chosen), warmup=before, calendar=calendar)
    return Panel(layout, block, (*panel.notes, *notes))
