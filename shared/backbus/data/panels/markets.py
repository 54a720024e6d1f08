"""Markets of their own calendars in one panel: which asset's is which, and in which rows each has its sessions.

A row is an instant, so that London's close and New York's are two rows of a day. Which of an asset's own sessions a row
belongs to is told by the column ``own_session``: NaN in rows that are none of its market.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbus.data.readers.table import Codes
from backbus.errors import JobError, no_symbol
from backbus.jit.arrays import read_only
from backbus.market.calendars import sessions_between
from backbus.market.columns import OWN_SESSION
from backbus.market.panel import Block, Floats, Ints, Layout, Panel
from backbus.market.timeframes import DAY_NS

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

FIELD = "data.calendars"
Mask = NDArray[np.bool_]


def calendars_of(symbols: Sequence[str], settings: DataSettings) -> tuple[str, ...]:
    """Each asset's calendar, "" where it has none; empty where all have the same. Raises ``JobError`` where one has
    two, and where a name or pattern fits no asset of all that there are."""
    if not settings.calendars:
        return ()
    found: dict[int, str] = {}
    for calendar, patterns in settings.calendars.items():
        for pattern in patterns:
            fits = [at for at, symbol in enumerate(symbols) if fnmatchcase(symbol, pattern)]
            if not fits and settings.symbols is None:
                raise JobError(no_symbol(pattern, symbols), field=f"{FIELD}.{calendar}")
            for at in fits:
                if found.setdefault(at, calendar) != calendar:
                    raise JobError(
                        f"{symbols[at]} is named here and by {found[at]}: an asset trades by one calendar",
                        field=f"{FIELD}.{calendar}",
                    )
    return tuple(found.get(at, settings.calendar or "") for at in range(len(symbols)))


def with_one_calendar(symbols: Sequence[str], settings: DataSettings) -> DataSettings:
    """The settings with the one calendar that all assets have, where they have the same."""
    each = set(calendars_of(symbols, settings))
    if len(each) != 1:
        return settings
    return settings.model_copy(update={"calendar": each.pop() or None, "calendars": {}})


def by_market(symbols: Sequence[str], asset: Codes, settings: DataSettings) -> Iterator[tuple[str | None, Any]]:
    """Each calendar, and the bars of the assets that trade by it: a mask, or a slice of all where there is one."""
    each = calendars_of(symbols, settings)
    if not each:
        yield settings.calendar, slice(None)
        return
    names = np.array(each)
    for calendar in dict.fromkeys(each):
        mask = np.isin(asset, np.flatnonzero(names == calendar))
        if mask.any():
            yield calendar or None, mask


def assets_by_calendar(calendars: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
    """Each calendar of a layout, "" for none, and its assets."""
    for calendar in dict.fromkeys(calendars):
        yield calendar, [at for at, own in enumerate(calendars) if own == calendar]


def account_days(sessions: Ints, row_of: Ints, rows: int) -> Ints:
    """[rows] the account's day of each row: the session of its bars. Days do not go back."""
    days = np.full(rows, np.iinfo(np.int64).min)
    np.maximum.at(days, row_of, sessions)
    return np.maximum.accumulate(days)


def with_own_sessions(panel: Panel) -> Panel:
    """The panel with the column ``own_session``, where its assets trade by calendars of their own."""
    layout, block = panel.layout, panel.block
    if not layout.calendars or not len(panel):
        return panel
    own = np.full(block.close.shape, np.nan)
    for calendar, assets in assets_by_calendar(layout.calendars):
        there = ~np.isnan(block.close[:, assets])
        if not there.any():
            continue
        days = _days_of(calendar, block, layout, int(np.argmax(there.any(axis=1))))
        own[:, assets] = np.where(days.inside[:, None] | there, days.days[:, None], np.nan)
    columns = (*(name for name in layout.columns if name != OWN_SESSION), OWN_SESSION)
    extra = {**{name: block.extra[name] for name in columns if name != OWN_SESSION}, OWN_SESSION: read_only(own)}
    return replace(panel, layout=replace(layout, columns=columns), block=replace(block, extra=extra))


class _Days:
    """[rows] the session of a calendar that each row is of, or the next one, and whether it is within it."""

    __slots__ = ("days", "inside")

    def __init__(self, days: Ints, inside: Mask) -> None:
        self.days, self.inside = days, inside


def _days_of(calendar: str, block: Block, layout: Layout, begin: int) -> _Days:
    """``begin`` is the first row in which an asset of this market has a bar: no calendar need go further back."""
    ends = block.end
    daily = layout.daily
    if not calendar:
        inside = ends % DAY_NS == 0 if daily else np.ones(len(ends), dtype=np.bool_)
        return _Days(block.session, np.asarray(inside))
    first, last = ((int(ends[row]) - 1) // DAY_NS for row in (begin, -1))
    known = sessions_between(calendar, first, last, field=FIELD, needed=(first, first))
    # A bar belongs to the session that it begins in: the last one of a day may end after the close.
    start = ends - 1 if daily else ends - max(layout.interval_ns, 1)
    place = np.minimum(np.searchsorted(known.closes, start, side="right"), len(known.closes) - 1)
    inside = known.closes[place] == ends if daily else (ends > known.opens[place]) & (start < known.closes[place])
    return _Days(known.days[place], np.asarray(inside))


def in_session(block: Block) -> Mask | None:
    """[rows, assets] whether a row is one of an asset's own market; None where all are."""
    own: Floats | None = block.extra.get(OWN_SESSION)
    return None if own is None else np.asarray(~np.isnan(own))
