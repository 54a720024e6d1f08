"""When a market is open: sessions of an exchange_calendars calendar, as days since 1970 and UTC nanoseconds."""

from __future__ import annotations

import contextlib
import difflib
import functools
from typing import Any, NamedTuple

import numpy as np

from backbus.errors import JobError
from backbus.market.panel import Ints, session_date

_EDGE_DAYS = 10
"""A calendar needs sessions between its limits, and one date may be a holiday."""
_FIRST_DAY, _LAST_DAY = -106_000, 106_000
"""Days that pandas' timestamps can hold, of a calendar without bounds."""
_SOME_DAY = 19_752
"""2024-01-30: every calendar tells of the days before it, or of those before its own end."""


class Sessions(NamedTuple):
    """[sessions] each."""

    days: Ints
    opens: Ints
    closes: Ints


def sessions_between(
    calendar: str, first: int, last: int, *, field: str, needed: tuple[int, int] | None = None
) -> Sessions:
    """The sessions around these days, and a few more at both ends where the calendar has them.

    ``field`` is what a JobError names, which is raised where the calendar does not cover what is ``needed``: all of
    them, where that is not said.
    """
    earliest, latest = bounds_of(calendar, field)
    begin, stop = needed or (first, last)
    if not earliest <= begin <= stop <= latest:
        known = f"{_shown(earliest)} to {_shown(latest)}"
        raise JobError(
            f"{calendar} does not cover {session_date(begin)} to {session_date(stop)}: it has {known}", field=field
        )
    start, end = max(first - _EDGE_DAYS, earliest), min(last + _EDGE_DAYS, latest)
    found = _between(calendar, start, end, field)
    days = found.closes.index.to_numpy().astype("M8[D]").astype(np.int64)
    opens, closes = (
        each.dt.tz_convert(None).to_numpy().astype("M8[ns]").astype(np.int64) for each in (found.opens, found.closes)
    )
    return Sessions(days, opens, closes)


def zone_of(calendar: str, field: str = "data.calendar") -> str:
    """The zone by whose clock a calendar's market opens."""
    earliest, latest = bounds_of(calendar, field)
    last = min(latest, _SOME_DAY)
    return str(_between(calendar, max(last - 2 * _EDGE_DAYS, earliest), last, field).tz)


@functools.cache
def bounds_of(calendar: str, field: str) -> tuple[int, int]:
    """The first and the last day that a calendar can tell of."""
    import exchange_calendars

    known = exchange_calendars.get_calendar_names()
    if calendar not in known:
        near = difflib.get_close_matches(calendar.upper(), known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "use a name like XNYS, XLON or XTKS"
        raise JobError(f"exchange_calendars knows no calendar {calendar!r}; {hint}", field=field)
    factories = exchange_calendars.calendar_utils.global_calendar_dispatcher._calendar_factories
    kind = factories.get(exchange_calendars.resolve_alias(calendar))
    limits = None, None
    # A calendar that the library has not finished raises NotImplementedError here; `_between` says so of its sessions.
    with contextlib.suppress(AttributeError, NotImplementedError):
        limits = kind.bound_min(), kind.bound_max()
    first, last = (
        None if limit is None else int(limit.to_datetime64().astype("M8[D]").astype(int)) for limit in limits
    )
    return _FIRST_DAY if first is None else first, _LAST_DAY if last is None else last


@functools.lru_cache(maxsize=8)
def _between(calendar: str, first: int, last: int, field: str) -> Any:
    """The library's calendar of some days. Whatever it raises is one message."""
    import exchange_calendars
    import pandas as pd

    start, end = (pd.Timestamp(day, unit="D") for day in (first, last))
    try:
        return exchange_calendars.get_calendar(calendar, start=start, end=end)
    except Exception as error:
        why = str(error).splitlines()[0][:200] or type(error).__name__
        raise JobError(
            f"{calendar} cannot be had from exchange_calendars for {_shown(first)} to {_shown(last)}: {why}",
            field=field,
        ) from None


def _shown(day: int) -> str:
    return "any date before" if day <= _FIRST_DAY else "any date after" if day >= _LAST_DAY else session_date(day)
