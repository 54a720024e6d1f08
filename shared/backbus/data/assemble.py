"""Tables to a panel: stamps become ends and sessions, bars are inspected, adjusted, and laid out row by asset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from backbus.data.adjust import ACTIONS, adjusted, adjusted_rows, unadjusted_actions, unadjusted_jumps
from backbus.data.gathering import BARS, Flat, common_zone, ends_of, gather, interval_of_rows, role_of, ticks_error
from backbus.data.headers import ADJ_CLOSE
from backbus.data.holes import carry, drop
from backbus.data.ranges import check_range, choose_symbols, chosen_rows
from backbus.data.repair import Inspection
from backbus.data.rows import Rows
from backbus.data.table import Codes, Table
from backbus.errors import JobError
from backbus.market.panel import CARRIED, FIELDS, Block, Floats, Ints, Layout, Panel, sealed, whole
from backbus.market.zones import local_days

if TYPE_CHECKING:
    from backbus.history import DataSettings


def assemble(
    tables: Sequence[Table], settings: DataSettings, known: Iterable[str] = (), *, keep_adjusted: bool = False
) -> Panel:
    """One panel of all tables. ``known`` names assets that were left unread, for the sake of messages.

    ``keep_adjusted`` makes an adjusted close that all of them have a column of the panel.

    Raises ``DataError`` for what is wrong with the data, ``JobError`` for a setting that does not fit it.
    """
    check_range(settings)
    if settings.timezone is None:
        settings = settings.model_copy(update={"timezone": common_zone(tables)})
    symbols = choose_symbols({symbol for table in tables for symbol in table.symbols} | set(known), settings)
    rows = gather(tables, symbols, settings)
    if rows.ticks and settings.bars is None:
        raise ticks_error(rows)
    notes: list[str] = []
    inspection = Inspection(rows, settings.repair)
    inspection.stamps()
    inspection.order()
    zone = None if rows.dates else settings.timezone
    if settings.bars is not None:
        from backbus.data.making import made_of  # compiled, and seldom needed

        if keep_adjusted and not rows.ticks:
            raise JobError("must be left out: a dataset keeps bars as they are, jobs make longer ones", field=BARS)
        interval_ns, flat = made_of(_priced(inspection, settings, notes), symbols, settings, notes)
        layout = Layout(symbols, 0, 0, interval_ns, settings.columns_made, zone, settings.calendar, bars=settings.bars)
        return made_panel(flat, layout, settings, notes)
    interval_ns = interval_of_rows(inspection.rows)
    inspection.intervals(interval_ns)
    row_ends, row_of = _row_ends(ends_of(inspection.rows, interval_ns, settings), len(symbols))
    sessions = _sessions(inspection.rows, row_of, row_ends, settings)
    first, stop, warmup = _chosen(row_ends, sessions, interval_ns, settings)
    if (first, stop) != (0, len(row_ends)):
        kept = (row_of >= first) & (row_of < stop)
        inspection.rows = inspection.rows.take(kept)
        row_of = row_of[kept] - first
        row_ends, sessions = row_ends[first:stop], sessions[first:stop]
    rows = _priced(inspection, settings, notes)
    names = settings.columns_of_files
    roles = {name: role_of(name, settings) for name in names}
    if keep_adjusted:
        adjusting = [ADJ_CLOSE] if all(ADJ_CLOSE in table.numbers for table in rows.tables) else []
        adjusting = [role for role in (*adjusting, *ACTIONS) if role in rows.numbers and role not in names]
        names, roles = (*names, *adjusting), {**roles, **{role: role for role in adjusting}}
    numbers = {name: rows.numbers[roles.get(name, name)] for name in (*FIELDS, *names)}
    layout = Layout(symbols, len(row_ends), warmup, interval_ns, names, zone, settings.calendar)
    panel = _laid(numbers, row_of, rows.asset, row_ends, sessions, layout, notes)
    return settled(panel, settings, keep_mark=keep_adjusted)


def made_panel(flat: Flat, layout: Layout, settings: DataSettings, notes: list[str]) -> Panel:
    """Bars that were made, by the layout's symbols, columns, interval and clock: the job's rows of them."""
    row_ends, row_of = _row_ends(flat.ends, layout.assets)
    sessions = local_days(row_ends, layout.timezone)
    first, stop, warmup = _chosen(row_ends, sessions, layout.interval_ns, settings)
    kept = (row_of >= first) & (row_of < stop)
    numbers = {name: values[kept] for name, values in flat.numbers.items()}
    layout = replace(layout, rows=stop - first, warmup=warmup)
    panel = _laid(
        numbers, row_of[kept] - first, flat.asset[kept], row_ends[first:stop], sessions[first:stop], layout, notes
    )
    return settled(panel, settings)


def _row_ends(ends: Ints, assets: int) -> tuple[Ints, Ints]:
    """When the panel's rows end, and the row of each bar."""
    if assets == 1:
        return ends, np.arange(len(ends))
    row_ends, row_of = np.unique(ends, return_inverse=True)
    return row_ends, row_of


def _chosen(ends: Ints, sessions: Ints, interval_ns: int, settings: DataSettings) -> tuple[int, int, int]:
    if settings.align:  # rows before the first one that is traded are counted when they are aligned
        settings = settings.model_copy(update={"warmup": None})
    return chosen_rows(ends, sessions, interval_ns, settings)


def _laid(
    numbers: Mapping[str, Floats],
    row_of: Ints,
    asset: Codes,
    ends: Ints,
    sessions: Ints,
    layout: Layout,
    notes: list[str],
) -> Panel:
    """Bars as [rows, assets]."""
    empty = set(range(layout.assets)) - set(np.unique(asset).tolist())
    notes = [*notes, *(f"{layout.symbols[one]}: has no bar in the rows that are used" for one in sorted(empty))]
    shape = (layout.rows, layout.assets)
    fields = {name: _lay_out(numbers[name], row_of, asset, shape) for name in FIELDS}
    extra = {name: _lay_out(numbers[name], row_of, asset, shape) for name in layout.columns}
    return Panel(layout, Block.of(0, sealed(ends), sealed(sessions), fields, extra), tuple(notes))


def settled(panel: Panel, settings: DataSettings, *, keep_mark: bool = False) -> Panel:
    """Aligned to the calendar and without holes, where the job wants that."""
    if settings.align:
        from backbus.data.aligning import aligned

        panel = whole(aligned(panel, settings))
    if settings.holes == "leave":
        return panel
    panel, count = (drop if settings.holes == "drop" else carry)(panel)
    if settings.holes == "carry":
        others = (name for name in panel.layout.columns if name not in settings.columns_read)
        panel = _with_columns(
            panel, (*settings.columns_read, *(name for name in others if keep_mark or name != CARRIED))
        )
    if not count:
        return panel
    what = "rows with a hole were dropped" if settings.holes == "drop" else "holes were filled with the last close"
    return replace(panel, notes=(*panel.notes, f"{count} {what}"))


def _with_columns(panel: Panel, columns: tuple[str, ...]) -> Panel:
    """Its further columns in this order, and no other."""
    block = replace(panel.block, extra={name: panel.block.extra[name] for name in columns})
    return replace(panel, layout=replace(panel.layout, columns=columns), block=block)


def _priced(inspection: Inspection, settings: DataSettings, notes: list[str]) -> Rows:
    """The bars with their prices settled, and adjusted where the job wants that."""
    inspection.prices(adjusting=settings.adjust == "adj_close")
    rows = inspection.rows
    notes += inspection.notes
    match settings.adjust:
        case "adj_close":
            prices = {role: rows.numbers[role] for role in FIELDS}
            return replace(rows, numbers={**rows.numbers, **adjusted(prices, rows.numbers[ADJ_CLOSE])})
        case "splits" | "total_return":
            found = adjusted_rows(rows, total_return=settings.adjust == "total_return")
            return replace(rows, numbers={**rows.numbers, **found})
        case "none" if ADJ_CLOSE in rows.numbers:
            notes += unadjusted_jumps(rows)
        case "none":
            notes += unadjusted_actions(rows)
    return rows


def _sessions(rows: Rows, row_of: Ints, row_ends: Ints, settings: DataSettings) -> Ints:
    if not rows.dates:
        return local_days(row_ends, settings.timezone)
    sessions = np.empty(len(row_ends), dtype=np.int64)
    sessions[row_of] = rows.stamp
    return sessions


def _lay_out(values: Floats, row_of: Ints, asset: Codes, shape: tuple[int, int]) -> Floats:
    """One field as [rows, assets], NaN where an asset has no bar."""
    if shape[1] == 1 and len(values) == shape[0]:
        return sealed(values.reshape(shape))
    field = np.full(shape, np.nan)
    field[row_of, asset] = values
    return sealed(field)
