"""Tables to a panel: stamps become ends and sessions, bars are inspected, adjusted, and laid out row by asset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.data.panels.actions import ACTIONS
from backbus.data.panels.adjust import (
    FACTOR,
    adjusted,
    adjusted_rows,
    unadjusted_actions,
    unadjusted_jumps,
    unexplained_jumps,
)
from backbus.data.panels.collect import (
    BARS,
    common_zone,
    ends_of,
    gather,
    interval_of_rows,
    notes_of_clock,
    notes_of_marks,
    periods_of,
    role_of,
    source_ends,
    ticks_error,
)
from backbus.data.panels.layout import laid_out, made_panel, rows_by_end, rows_used, settled
from backbus.data.panels.markets import account_days, calendars_of, with_one_calendar
from backbus.data.panels.quotes import parted, quotes_of, with_quotes
from backbus.data.panels.ranges import check_range, choose_symbols
from backbus.data.panels.repair import Inspection
from backbus.data.panels.rows import Rows
from backbus.data.panels.taken import notes_of, read_as
from backbus.data.panels.units import Units, units_of
from backbus.data.readers.headers import ADJ_CLOSE, SPLIT, extra_role
from backbus.data.readers.table import Table
from backbus.errors import JobError
from backbus.market.columns import FIELDS
from backbus.market.panel import Ints, Layout, Panel
from backbus.market.zones import local_days

if TYPE_CHECKING:
    from backbus.job.data import DataSettings


def assemble(
    tables: Sequence[Table],
    settings: DataSettings,
    known: Iterable[str] = (),
    *,
    keep_adjusted: bool = False,
    notes: Iterable[str] = (),
) -> Panel:
    """One panel of all tables. ``known`` names assets that were left unread, for the sake of messages; ``notes`` were
    made when the tables were read.

    ``keep_adjusted`` makes an adjusted close that all of them have a column of the panel.

    Raises ``DataError`` for what is wrong with the data, ``JobError`` for a setting that does not fit it.
    """
    check_range(settings)
    if settings.timezone is None:
        settings = settings.model_copy(update={"timezone": common_zone(tables)})
    apart = parted(tables, settings)
    if not settings.quotes:
        return _of_bars(apart.bars, settings, known, keep_adjusted, notes)
    of_bars = settings.model_copy(update={"quotes": False})
    units: list[Units] = []
    panel = _of_bars(apart.bars, of_bars, known, keep_adjusted, [*notes, *apart.notes], units)
    said: list[str] = []
    quotes = quotes_of(apart.quotes, panel.symbols, settings, said)
    return with_quotes(replace(panel, notes=(*panel.notes, *said)), quotes, settings, *units, kept=keep_adjusted)


def _of_bars(
    tables: Sequence[Table],
    settings: DataSettings,
    known: Iterable[str],
    keep_adjusted: bool,
    notes: Iterable[str],
    units: list[Units] | None = None,
) -> Panel:
    """The panel of bars, or of trades; ``units`` is given those of what the sources have."""
    symbols = choose_symbols({symbol for table in tables for symbol in table.symbols} | set(known), settings)
    settings = with_one_calendar(symbols, settings)
    rows = gather(tables, symbols, settings)
    if rows.ticks and settings.bars is None:
        raise ticks_error(rows)
    notes = [*notes, *notes_of(rows.tables, settings)]
    inspection = Inspection(rows, settings.repair)
    inspection.stamps()
    inspection.order()
    zone = None if rows.dates else settings.timezone
    if settings.bars is not None:
        from backbus.data.panels.aggregate import made_of  # compiled, and seldom needed

        if keep_adjusted and not rows.ticks:
            raise JobError("must be left out: a dataset keeps bars as they are, jobs make longer ones", field=BARS)
        rows = _priced(inspection, settings, notes, quoted=units is not None)
        if units is not None:
            units.append(units_of(rows, *source_ends(rows, settings), settings))
        interval_ns, flat = made_of(rows, symbols, settings, notes)
        layout = Layout(symbols, 0, 0, interval_ns, settings.columns_made, zone, settings.calendar, bars=settings.bars)
        layout = replace(layout, read=read_as(rows, settings), **_markets(symbols, settings))
        return made_panel(flat, layout, settings, notes)
    interval_ns = interval_of_rows(inspection.rows)
    inspection.intervals(interval_ns)
    if rows.dates:
        begins = any(table.begins for table in rows.tables)
        inspection.rows, said = periods_of(inspection.rows, interval_ns, begins, settings)
        notes += said
    row_ends, row_of = rows_by_end(ends_of(inspection.rows, interval_ns, settings), len(symbols))
    notes += notes_of_clock(rows, row_ends, settings)
    notes += notes_of_marks(rows, row_ends, interval_ns, settings)
    sessions = _sessions(inspection.rows, row_of, row_ends, settings)
    first, stop, warmup = rows_used(row_ends, sessions, interval_ns, settings)
    if (first, stop) != (0, len(row_ends)):
        kept = (row_of >= first) & (row_of < stop)
        inspection.rows = inspection.rows.take(kept)
        row_of = row_of[kept] - first
        row_ends, sessions = row_ends[first:stop], sessions[first:stop]
    rows = _priced(inspection, settings, notes, quoted=units is not None)
    if units is not None:
        units.append(units_of(rows, row_ends[row_of], interval_ns, settings))
    names = settings.columns_of_files
    roles = {name: role_of(name, settings) for name in names}
    if keep_adjusted:
        adjusting = [ADJ_CLOSE] if all(ADJ_CLOSE in table.numbers for table in rows.tables) else []
        adjusting = [role for role in (*adjusting, *ACTIONS) if role in rows.numbers and role not in names]
        names, roles = (*names, *adjusting), {**roles, **{role: role for role in adjusting}}
    numbers = {name: rows.numbers[roles.get(name, name)] for name in (*FIELDS, *names)}
    layout = Layout(symbols, len(row_ends), warmup, interval_ns, names, zone, settings.calendar)
    layout = replace(layout, read=read_as(rows, settings), **_markets(symbols, settings))
    panel = laid_out(numbers, row_of, rows.asset, row_ends, sessions, layout, notes)
    return settled(panel, settings, keep_mark=keep_adjusted)


def _priced(inspection: Inspection, settings: DataSettings, notes: list[str], *, quoted: bool = False) -> Rows:
    """The bars with their prices settled, and adjusted where the job wants that; where they are ``quoted``, with what
    they were multiplied by."""
    inspection.prices(adjusting=settings.adjust == "adj_close")
    if settings.adjust in ("splits", "total_return", "events") or settings.repair.actions != "refuse":
        inspection.actions()
    if settings.adjust == "adj_close":
        inspection.adjusted_close()
    rows = inspection.rows
    notes += inspection.notes
    if quoted:
        rows = replace(rows, numbers={**rows.numbers, extra_role(FACTOR): np.ones(len(rows))})
    match settings.adjust:
        case "adj_close":
            return replace(rows, numbers={**rows.numbers, **adjusted(rows.numbers, rows.numbers[ADJ_CLOSE])})
        case "splits" | "total_return":
            found = adjusted_rows(rows, total_return=settings.adjust == "total_return")
            return replace(rows, numbers={**rows.numbers, **found})
        case "none" if ADJ_CLOSE in rows.numbers:
            notes += unadjusted_jumps(rows)
        case "none":
            notes += unadjusted_actions(rows) if SPLIT in rows.numbers else unexplained_jumps(rows)
    return rows


def _sessions(rows: Rows, row_of: Ints, row_ends: Ints, settings: DataSettings) -> Ints:
    if not rows.dates:
        return local_days(row_ends, settings.timezone)
    if settings.calendars:
        return account_days(rows.stamp, row_of, len(row_ends))
    sessions = np.empty(len(row_ends), dtype=np.int64)
    sessions[row_of] = rows.stamp
    return sessions


def _markets(symbols: tuple[str, ...], settings: DataSettings) -> dict[str, Any]:
    """What a layout says of calendars, where assets have several."""
    each = calendars_of(symbols, settings)
    return {"calendars": each, "calendar": None} if each else {}
