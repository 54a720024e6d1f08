"""What a year is to a market: how many sessions of its bars there are in one, and how many bars in a session.

Bars of weeks, months, quarters and years are as many in a year as their own spacing says. Of daily bars and shorter
ones there are as many sessions as the calendar has, or where there is none as the days of the week say that there are
bars on: 365 where there are on all seven, 313 where there are on six, as in currencies by dates of UTC, else 252.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from backbus.market.panel import Ints, Layout, Panel, Source
from backbus.market.timeframes import DAY_NS
from backbus.market.years import DAYS_PER_YEAR, SESSIONS_PER_YEAR, SIX_DAYS_A_WEEK, sessions_per_year

NO_CALENDAR = "sessions, as of shares: no calendar is named"
_PERIODS = {
    "a week": (6, 8, 52.0),
    "two weeks": (13, 15, 26.0),
    "a month": (28, 31, 12.0),
    "two months": (59, 62, 6.0),
    "a quarter": (89, 92, 4.0),
    "half a year": (181, 184, 2.0),
    "a year": (364, 366, 1.0),
}
"""Days from one bar to the next, and how many of them there are in a year."""
_SAMPLE = 4096
"""Rows that are looked at, of a market of more."""
_OF_ALL, _OF_SAMPLE = 0.1, 0.02
"""Of all days that those of one weekday must be to count: one odd Saturday is none. Of a sample, in which short days
are seldom met, as Sunday evenings are, it takes fewer."""
_FEWEST = 10
"""Steps that a spacing without a name is believed after."""


class Year(NamedTuple):
    """A market's year."""

    sessions: float
    bars: float
    """In a session, in the median."""
    because: str
    """Where that is from, in words."""


def year_of(session: Ints, layout: Layout) -> Year:
    """The year of a market whose rows are of these sessions [rows]."""
    if len(session) <= _SAMPLE:
        days, counts = np.unique(session, return_counts=True)
    else:
        seen = session[np.linspace(0, len(session) - 1, _SAMPLE).astype(np.int64)]
        days = np.unique(seen)
        counts = np.searchsorted(session, days, side="right") - np.searchsorted(session, days)
    bars = float(np.median(counts)) if len(counts) else 1.0
    if layout.daily:
        bars = 1.0  # an asset has one a session, though the rows of a day may be of several markets
    elif layout.calendars:
        bars = _bars_of_markets(layout, bars)
    found = None
    if bars == 1.0 and not 0 < layout.interval_ns < DAY_NS:
        found = _by_spacing(days if len(session) <= _SAMPLE else np.unique(session), layout.interval_ns)
    if found is None:
        share = _OF_ALL if len(session) <= _SAMPLE else _OF_SAMPLE
        found = _by_markets(layout) or _by_calendar(layout.calendar) or _by_weekdays(days, share)
    return Year(found[0], bars, found[1])


def _by_markets(layout: Layout) -> tuple[float, str] | None:
    """The days on which any of several markets has a session."""
    markets = tuple(dict.fromkeys(name for name in layout.calendars if name))
    if not markets:
        return None
    from backbus.market.calendars import days_a_year

    named = markets[0] if len(markets) == 1 else f"{', '.join(markets[:-1])} or {markets[-1]}"
    return days_a_year(markets), f"days on which {named} has a session"


def _bars_of_markets(layout: Layout, rows: float) -> float:
    """Bars of an asset in a session of its own market, in the median; ``rows`` where it has none."""
    from backbus.market.calendars import bars_a_session

    found = {name: bars_a_session(name, layout.interval_ns) for name in set(layout.calendars) if name}
    return float(np.median([found.get(name, rows) for name in layout.calendars]))


def bars_of_each(layout: Layout, year: Year) -> tuple[float, ...]:
    """[assets] how many bars each has in a year, where they trade by calendars of their own."""
    if not layout.calendars:
        return ()
    from backbus.market.calendars import bars_a_session

    spaced = layout.daily and layout.interval_ns > DAY_NS
    found = {}
    for name in dict.fromkeys(layout.calendars):
        own = sessions_per_year(name) if name and not spaced else year.sessions
        bars = bars_a_session(name, layout.interval_ns) if name and not layout.daily else year.bars
        found[name] = own * bars
    return tuple(found[name] for name in layout.calendars)


def calendar_year(calendar: str, bars: float) -> Year:
    """The year of a market on a calendar, with so many bars in a session."""
    return Year(sessions_per_year(calendar), bars, f"sessions of {calendar}")


def continuous_year(interval_ns: int) -> Year:
    """The year of a market that never closes, with bars of an interval."""
    if interval_ns <= DAY_NS:
        return Year(DAYS_PER_YEAR, DAY_NS / interval_ns, "days, since it never closes")
    return Year(DAYS_PER_YEAR * DAY_NS / interval_ns, 1.0, "bars, since it never closes")


def _by_spacing(days: Ints, interval_ns: int) -> tuple[float, str] | None:
    steps = np.diff(days)
    step = float(np.median(steps)) if len(steps) else interval_ns / DAY_NS
    for name, (least, most, year) in _PERIODS.items():
        if least <= step <= most:
            return year, f"bars, which are {name} apart"
    if len(steps) < _FEWEST or step < 2.0:
        return None
    return 365.25 * len(steps) / float(days[-1] - days[0]), f"bars, which are {step:g} days apart"


def _by_calendar(calendar: str | None) -> tuple[float, str] | None:
    return None if calendar is None else (sessions_per_year(calendar), f"sessions of {calendar}")


def _by_weekdays(days: Ints, share: float) -> tuple[float, str]:
    shares = np.bincount((days + 3) % 7, minlength=7) / max(len(days), 1)
    traded = int(np.count_nonzero(shares >= share))
    if len(days) >= 7 and days[-1] - days[0] < len(days):  # none is missing
        traded = 7
    if traded == 7:
        return DAYS_PER_YEAR, "days, since there are bars on all of a week"
    if traded == 6:
        return SIX_DAYS_A_WEEK, "days, since there are bars on six of a week"
    return SESSIONS_PER_YEAR, NO_CALENDAR


def measured(source: Source) -> Source:
    """The market, with its year in its layout."""
    if isinstance(source, Panel):
        return replace(source, layout=in_layout(source.layout, year_of(source.block.session, source.layout)))
    session = getattr(source, "session", None)
    if session is not None:
        other: Any = source
        other.layout = in_layout(source.layout, year_of(session, source.layout))
    return source


def in_layout(layout: Layout, year: Year) -> Layout:
    """The layout of a market with this year."""
    each = bars_of_each(layout, year)
    return replace(
        layout,
        year=year.sessions,
        bars_per_session=year.bars,
        bars_per_year=each,
        year_because=year.because,
    )
