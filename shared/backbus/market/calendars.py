"""When a market is open: sessions of an exchange_calendars calendar, as days since 1970 and UTC nanoseconds."""

from __future__ import annotations

import contextlib
import difflib
import functools
import sys
import zoneinfo
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from backbus.errors import JobError
from backbus.market.panel import Ints, session_date

_EDGE_DAYS = 10
"""A calendar needs sessions between its limits, and one date may be a holiday."""
_FIRST_DAY, _LAST_DAY = -106_000, 106_000
"""Days that pandas' timestamps can hold, of a calendar without bounds."""
_COUNTED = 10_957, 18_261
"""The first day of 2000 and the last of 2019."""
_YEAR = 366
_SOME_DAY = 19_752
"""2024-01-30: every calendar tells of the days before it, or of those before its own end."""


class Sessions(NamedTuple):
    """[sessions] each."""

    days: Ints
    opens: Ints
    closes: Ints


class Known(NamedTuple):
    """What is known of a calendar."""

    bounds: tuple[int, int]
    """The first and the last day that it can tell of."""
    zone: str
    first: int
    """The first day that was asked for, and the last."""
    last: int
    sessions: Sessions
    """Those of these days; the library may have added some at both ends."""


class Keeper(Protocol):
    """Whoever keeps what is known of calendars from one process to the next."""

    def find(self, calendar: str, first: int | None, last: int | None) -> Known | None:
        """What it has of a calendar: of these days at least, or of any."""

    def keep(self, calendar: str, known: Known) -> None:
        """Keep it."""


def sessions_between(
    calendar: str, first: int, last: int, *, field: str, needed: tuple[int, int] | None = None, ahead: int = 0
) -> Sessions:
    """The sessions around these days, and a few more at both ends where the calendar has them.

    ``field`` is what a JobError names, which is raised where the calendar does not cover what is ``needed``: all of
    them, where that is not said. So many days ``ahead`` are had as well, where they cost nothing or all are made anew.
    """
    earliest, latest = bounds_of(calendar, field)
    begin, stop = needed or (first, last)
    if not earliest <= begin <= stop <= latest:
        known = f"{_shown(earliest)} to {_shown(latest)}"
        raise JobError(
            f"{calendar} does not cover {session_date(begin)} to {session_date(stop)}: it has {known}", field=field
        )
    start, end = max(first - _EDGE_DAYS, earliest), min(last + _EDGE_DAYS, latest)
    later = min(end + ahead, latest)
    found = _between(calendar, start, end, field, later).sessions
    asked = slice(*np.searchsorted(found.days, (start, later + 1)).tolist())
    return Sessions(*(each[asked] for each in found))


def union(calendars: Sequence[str], first: int, last: int, *, field: str, needed: tuple[int, int]) -> Sessions:
    """The days on which any of some markets has a session: from the first that opens to the last that closes. A
    calendar that does not go so far tells what it knows; raises where none covers what is needed."""
    each = []
    for name in calendars:
        earliest, latest = bounds_of(name, field)
        some = max(first, earliest)
        if some <= min(last, latest):
            each.append(sessions_between(name, first, last, field=field, needed=(some, some)))
    if not any(earliest <= needed[0] and needed[1] <= latest for earliest, latest in _bounds(calendars, field)):
        sessions_between(calendars[0], first, last, field=field, needed=needed)
    days, place = np.unique(np.concatenate([one.days for one in each]), return_inverse=True)
    opens, closes = np.full(len(days), np.iinfo(np.int64).max), np.full(len(days), np.iinfo(np.int64).min)
    np.minimum.at(opens, place, np.concatenate([one.opens for one in each]))
    np.maximum.at(closes, place, np.concatenate([one.closes for one in each]))
    return Sessions(days, opens, closes)


def bars_a_session(calendar: str, interval_ns: int) -> float:
    """How many bars of an interval are in a usual session; 1 where bars have no length in common."""
    if interval_ns <= 0:
        return 1.0
    _, latest = bounds_of(calendar, "data.calendars")
    last = min(latest, _SOME_DAY)
    found = sessions_between(calendar, last - 2 * _EDGE_DAYS, last, field="data.calendars", needed=(last, last))
    return max(1.0, float(np.ceil(np.median(found.closes - found.opens) / interval_ns)))


def _bounds(calendars: Sequence[str], field: str) -> list[tuple[int, int]]:
    return [bounds_of(name, field) for name in calendars]


@functools.cache
def days_a_year(calendars: tuple[str, ...]) -> float:
    """On how many days of a year any of these markets has a session, counted over the years that ``years`` counts, as
    far as all of them go."""
    bounds = [bounds_of(name, "data.calendars") for name in calendars]
    first = max(_COUNTED[0], *(earliest for earliest, _ in bounds))
    last = min(_COUNTED[1], *(latest for _, latest in bounds))
    if last - first < _YEAR:
        first, last = max(earliest for earliest, _ in bounds), min(latest for _, latest in bounds)
        first = max(first, last - 2 * _YEAR)
    found = union(calendars, first, last, field="data.calendars", needed=(first, last)).days
    return float(np.count_nonzero((found >= first) & (found <= last))) * 365.25 / (last - first + 1)


def zone_of(calendar: str, field: str = "data.calendar") -> str:
    """The zone by whose clock a calendar's market opens."""
    earliest, latest = bounds_of(calendar, field)
    last = min(latest, _SOME_DAY)
    found = _kept(calendar) or _between(calendar, max(last - 2 * _EDGE_DAYS, earliest), last, field)
    return found.zone


@functools.cache
def bounds_of(calendar: str, field: str) -> tuple[int, int]:
    """The first and the last day that a calendar can tell of."""
    found = _kept(calendar)
    return _bounds_by_library(calendar, field) if found is None else found.bounds


def _bounds_by_library(calendar: str, field: str) -> tuple[int, int]:
    library = _library.get()
    known = library.get_calendar_names()
    if calendar not in known:
        near = difflib.get_close_matches(calendar.upper(), known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "use a name like XNYS, XLON or XTKS"
        raise JobError(f"exchange_calendars knows no calendar {calendar!r}; {hint}", field=field)
    factories = library.calendar_utils.global_calendar_dispatcher._calendar_factories
    kind = factories.get(library.resolve_alias(calendar))
    limits = None, None
    # A calendar that the library has not finished raises NotImplementedError here; `_between` says so of its sessions.
    with contextlib.suppress(AttributeError, NotImplementedError):
        limits = kind.bound_min(), kind.bound_max()
    first, last = (
        None if limit is None else int(limit.to_datetime64().astype("M8[D]").astype(int)) for limit in limits
    )
    return _FIRST_DAY if first is None else first, _LAST_DAY if last is None else last


def _between(calendar: str, first: int, last: int, field: str, later: int | None = None) -> Known:
    """What is known of these days or of more: what there is, else what the library tells, until ``later``."""
    for of, one in tuple(_made):  # another thread may make one meanwhile
        if of == calendar and one.first <= first and last <= one.last:
            return one
    found = _kept(calendar, first, last)
    if found is None:
        last = last if later is None else later
        found, zone = _told(calendar, first, last, field)
        if _keeper is not None and _library.is_its_own(calendar) and isinstance(zone, zoneinfo.ZoneInfo):
            _keeper.keep(calendar, found)
    _made.appendleft((calendar, found))
    return found


_made: deque[tuple[str, Known]] = deque(maxlen=8)
"""What this process knows of calendars, by their names, the latest first: it takes some tenths of a second to make a
calendar."""
_keeper: Keeper | None = None
"""Who keeps what is known for other processes, if anybody does."""


def keep_with(keeper: Keeper | None) -> None:
    """From now on look with ``keeper`` before a calendar is made, and have it keep what was made."""
    global _keeper  # noqa: PLW0603  (one for the process, as _made)
    _keeper = keeper


def _kept(calendar: str, first: int | None = None, last: int | None = None) -> Known | None:
    """What was kept of a calendar; None where somebody else has loaded the library, and may have told it of others."""
    return None if _keeper is None or _library.is_anothers() else _keeper.find(calendar, first, last)


class _Library:
    """exchange_calendars: a quarter of a second to load, with pandas half of one."""

    def __init__(self) -> None:
        self._library: Any = None

    def get(self) -> Any:
        """The module."""
        if self._library is None and not self.is_anothers():
            import exchange_calendars

            self._library = exchange_calendars
        return sys.modules["exchange_calendars"]

    def is_anothers(self) -> bool:
        """Whether it was loaded by anyone else before."""
        return self._library is None and "exchange_calendars" in sys.modules

    def is_its_own(self, calendar: str) -> bool:
        """Whether a calendar is one that it brings along, as far as can be told."""
        if self._library is None:
            return False
        utils = self._library.calendar_utils
        dispatcher = utils.global_calendar_dispatcher
        name = dispatcher.resolve_alias(calendar)
        own = utils._default_calendar_factories.get(name)
        return own is not None and dispatcher._calendar_factories.get(name) is own


_library = _Library()


def _told(calendar: str, first: int, last: int, field: str) -> tuple[Known, Any]:
    """What the library tells of a calendar, and its zone."""
    made = _make(calendar, first, last, field)
    days = made.closes.index.to_numpy().astype("M8[D]").astype(np.int64)
    opens, closes = (
        each.dt.tz_convert(None).to_numpy().astype("M8[ns]").astype(np.int64) for each in (made.opens, made.closes)
    )
    return Known(bounds_of(calendar, field), str(made.tz), first, last, Sessions(days, opens, closes)), made.tz


def _make(calendar: str, first: int, last: int, field: str) -> Any:
    """Whatever the library raises is one message."""
    import pandas as pd

    start, end = (pd.Timestamp(day, unit="D") for day in (first, last))
    try:
        return _library.get().get_calendar(calendar, start=start, end=end)
    except Exception as error:
        why = str(error).splitlines()[0][:200] or type(error).__name__
        raise JobError(
            f"{calendar} cannot be had from exchange_calendars for {_shown(first)} to {_shown(last)}: {why}",
            field=field,
        ) from None


def _shown(day: int) -> str:
    return "any date before" if day <= _FIRST_DAY else "any date after" if day >= _LAST_DAY else session_date(day)
