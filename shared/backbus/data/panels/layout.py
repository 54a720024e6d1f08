"""Flat columns of bars to [rows, assets]: when rows end, which of them a job uses, then its calendar and holes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backbus.data.panels.actions import on_last_bars
from backbus.data.panels.align import aligned
from backbus.data.panels.holes import carry, drop
from backbus.data.panels.markets import with_own_sessions
from backbus.data.panels.ranges import chosen_rows
from backbus.data.readers.table import Codes
from backbus.jit.arrays import read_only
from backbus.market.columns import CARRIED, DELISTING, FIELDS
from backbus.market.panel import Block, Floats, Ints, Layout, Panel, whole
from backbus.market.zones import local_days

if TYPE_CHECKING:
    from backbus.job.data import DataSettings


class Flat(NamedTuple):
    """Bars of all assets, one after the other: [bars] each."""

    asset: Codes
    ends: Ints
    numbers: Mapping[str, Floats]

    def take(self, kept: Any) -> Flat:
        """The bars that a mask chooses."""
        return Flat(self.asset[kept], self.ends[kept], {role: values[kept] for role, values in self.numbers.items()})


def made_panel(flat: Flat, layout: Layout, settings: DataSettings, notes: list[str]) -> Panel:
    """Bars that were made, by the layout's symbols, columns, interval and clock: the job's rows of them."""
    row_ends, row_of = rows_by_end(flat.ends, layout.assets)
    sessions = local_days(row_ends, layout.timezone)
    first, stop, warmup = rows_used(row_ends, sessions, layout.interval_ns, settings)
    kept = (row_of >= first) & (row_of < stop)
    numbers = {name: values[kept] for name, values in flat.numbers.items()}
    layout = replace(layout, rows=stop - first, warmup=warmup)
    panel = laid_out(
        numbers, row_of[kept] - first, flat.asset[kept], row_ends[first:stop], sessions[first:stop], layout, notes
    )
    return settled(panel, settings)


def rows_by_end(ends: Ints, assets: int) -> tuple[Ints, Ints]:
    """When the panel's rows end, and the row of each bar."""
    if assets == 1:
        return ends, np.arange(len(ends))
    row_ends, row_of = np.unique(ends, return_inverse=True)
    return row_ends, row_of


def rows_used(ends: Ints, sessions: Ints, interval_ns: int, settings: DataSettings) -> tuple[int, int, int]:
    """First row, stop row and number of warm-up rows, of which an alignment may leave fewer."""
    if settings.align:  # rows before the first one that is traded are counted when they are aligned
        settings = settings.model_copy(update={"warmup": None})
    return chosen_rows(ends, sessions, interval_ns, settings)


def laid_out(
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
    if DELISTING in extra:
        extra[DELISTING] = read_only(on_last_bars(extra[DELISTING], fields["close"]))
    return Panel(layout, Block.of(0, read_only(ends), read_only(sessions), fields, extra), tuple(notes))


def settled(panel: Panel, settings: DataSettings, *, keep_mark: bool = False) -> Panel:
    """Aligned to the calendar and without holes, where the job wants that."""
    if settings.align:
        panel = whole(aligned(panel, settings))
    panel = with_own_sessions(panel)
    if settings.holes == "leave":
        return panel
    panel, count = (drop if settings.holes == "drop" else carry)(panel)
    if settings.holes == "carry":
        others = (name for name in panel.layout.columns if name not in settings.columns_read)
        panel = with_columns(
            panel, (*settings.columns_read, *(name for name in others if keep_mark or name != CARRIED))
        )
    if not count:
        return panel
    what = "rows with a hole were dropped" if settings.holes == "drop" else "holes were filled with the last close"
    return replace(panel, notes=(*panel.notes, f"{count} {what}"))


def with_columns(panel: Panel, columns: tuple[str, ...]) -> Panel:
    """Its further columns in this order, and no other."""
    block = replace(panel.block, extra={name: panel.block.extra[name] for name in columns})
    return replace(panel, layout=replace(panel.layout, columns=columns), block=block)


def _lay_out(values: Floats, row_of: Ints, asset: Codes, shape: tuple[int, int]) -> Floats:
    """One field as [rows, assets], NaN where an asset has no bar."""
    if shape[1] == 1 and len(values) == shape[0]:
        return read_only(values.reshape(shape))
    field = np.full(shape, np.nan)
    field[row_of, asset] = values
    return read_only(field)
