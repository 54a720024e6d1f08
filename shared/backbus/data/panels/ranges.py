"""Which assets and rows of a market a job uses: the traded rows between ``start`` and ``end``, warm-up before them."""

from __future__ import annotations

import difflib
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np

from backbus.data.panels.sessions import day_of, instant_of
from backbus.errors import JobError
from backbus.market.panel import Ints, session_date
from backbus.market.timeframes import DAY_NS

if TYPE_CHECKING:
    from backbus.job.data import DataSettings


def check_range(settings: DataSettings) -> None:
    """Raise ``JobError`` where ``start`` lies after ``end``."""
    start, end = settings.start, settings.end
    if start is None or end is None:
        return
    if isinstance(start, datetime) and isinstance(end, datetime):
        backwards = instant_of(start, settings.timezone) > instant_of(end, settings.timezone)
    else:
        backwards = _date(start) > _date(end)
    if backwards:
        raise JobError(f"{start} is after data.end ({end})", field="data.start")


def _date(limit: date | datetime) -> date:
    return limit.date() if isinstance(limit, datetime) else limit


def choose_symbols(found: set[str], settings: DataSettings) -> tuple[str, ...]:
    """The job's assets in its order, or all by name; one that is not there is a ``JobError`` naming near matches."""
    if settings.symbols is None:
        return tuple(sorted(found))
    for symbol in settings.symbols:
        if symbol not in found:
            folded = {name.casefold(): name for name in found}
            near = [folded[name] for name in difflib.get_close_matches(symbol.casefold(), folded, n=3, cutoff=0.5)]
            there = ", ".join(sorted(found)[:10]) + (", …" if len(found) > 10 else "")
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {there}"
            raise JobError(f"the data has no {symbol!r}; {hint}", field="data.symbols")
    return settings.symbols


def chosen_rows(ends: Ints, sessions: Ints, interval_ns: int, settings: DataSettings) -> tuple[int, int, int]:
    """First row, stop row and number of warm-up rows of the rows that end at ``ends``.

    A date is compared with the session. A time is compared with the bar's own stamp, start or end as the job declares;
    bars of a day or more are stamped by their end. Both columns rise, so few rows are looked at. Raises
    ``JobError`` where no row is left to trade.
    """
    by_end = settings.dates.marks == "end" or interval_ns % DAY_NS == 0

    def side(limit: date | datetime) -> tuple[Ints, int]:
        if isinstance(limit, datetime):
            return ends, instant_of(limit, settings.timezone) + (0 if by_end else interval_ns)
        return sessions, day_of(limit)

    first, stop = 0, len(ends)
    covered = (
        f"the data has {session_date(int(sessions[0]))} to {session_date(int(sessions[-1]))}" if stop else "no data"
    )
    if settings.end is not None:
        values, limit = side(settings.end)
        stop = int(np.searchsorted(values, limit, side="right"))
        if stop == 0:
            raise JobError(f"no bar until {settings.end}; {covered}", field="data.end")
    if settings.start is not None:
        values, limit = side(settings.start)
        first = int(np.searchsorted(values, limit))
        if first >= len(ends):
            raise JobError(f"no bar from {settings.start} on; {covered}", field="data.start")
        if first >= stop:
            raise JobError(f"no bar from {settings.start} until {settings.end}; {covered}", field="data.start")
    warmup = first if settings.warmup is None else min(first, settings.warmup)
    return first - warmup, stop, warmup
