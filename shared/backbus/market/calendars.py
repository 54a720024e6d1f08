"""When a market is open: sessions of an exchange_calendars calendar, as days since 1970 and UTC nanoseconds."""

from __future__ import annotations

import difflib
from typing import NamedTuple

import numpy as np

from backbus.errors import JobError
from backbus.market.panel import Ints, session_date


class Sessions(NamedTuple):
    """[sessions] each."""

    days: Ints
    opens: Ints
    closes: Ints


def sessions_between(calendar: str, first: int, last: int, *, field: str) -> Sessions:
    """The sessions around these days, and a few more at both ends; ``field`` is what a JobError names."""
    import exchange_calendars
    import pandas as pd

    known = exchange_calendars.get_calendar_names()
    if calendar not in known:
        near = difflib.get_close_matches(calendar.upper(), known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "use a name like XNYS, XLON or XTKS"
        raise JobError(f"exchange_calendars knows no calendar {calendar!r}; {hint}", field=field)
    edge = pd.Timedelta(days=10)  # a calendar needs sessions between its limits, and one date may be a holiday
    try:
        start, end = pd.Timestamp(first, unit="D") - edge, pd.Timestamp(last, unit="D") + edge
        found = exchange_calendars.get_calendar(calendar, start=start, end=end)
    except ValueError as error:  # pandas' bounds are ValueErrors, too
        raise JobError(
            f"{calendar} does not cover {session_date(first)} to {session_date(last)}: {error}", field=field
        ) from None
    days = found.closes.index.to_numpy().astype("M8[D]").astype(np.int64)
    opens, closes = (
        each.dt.tz_convert(None).to_numpy().astype("M8[ns]").astype(np.int64) for each in (found.opens, found.closes)
    )
    return Sessions(days, opens, closes)
