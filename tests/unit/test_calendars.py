"""Every calendar that is installed: its sessions as far as it goes, and one message beyond."""

from __future__ import annotations

import exchange_calendars
import numpy as np
import pytest

from backbus.data import load_panel
from backbus.errors import JobError
from backbus.job.data import DataSettings
from backbus.market import calendars
from backbus.market.calendars import bounds_of, sessions_between, zone_of
from backbus.market.panel import session_date

NAMES = exchange_calendars.get_calendar_names(include_aliases=False)
YEAR = 19_360, 19_700
"""Days of 2023."""


def can_be_had(name: str) -> bool:
    """Whether the library itself gives a calendar of some year."""
    try:
        exchange_calendars.get_calendar(name, start="2023-01-02", end="2023-12-29")
    except Exception:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_calendar_has_its_sessions_within_its_bounds_or_is_one_message(name):
    if not can_be_had(name):
        with pytest.raises(JobError, match=f"^data.calendar: {name} cannot be had from exchange_calendars"):
            sessions_between(name, *YEAR, field="data.calendar")
        return
    found = sessions_between(name, *YEAR, field="data.calendar")
    assert len(found.days) > 180
    assert (found.opens < found.closes).all()
    assert zone_of(name)
    first, last = bounds_of(name, "data.calendar")
    if first > -100_000:
        assert len(sessions_between(name, first, first + 6, field="data.calendar").days)
        with pytest.raises(JobError, match=f"{name} does not cover .* it has {session_date(first)} to"):
            sessions_between(name, first - 1, first + 6, field="data.calendar")
    if last < 100_000:
        assert len(sessions_between(name, last - 6, last, field="data.calendar").days)
        with pytest.raises(JobError, match=f"{name} does not cover .* to {session_date(last)}"):
            sessions_between(name, last - 6, last + 1, field="data.calendar")
        assert len(sessions_between(name, last - 6, last + 900, field="x", needed=(last - 6, last)).days)


def test_bars_at_a_calendars_edge_are_read(tmp_path):
    text = "Date,Open,High,Low,Close,Volume\n" + "".join(f"1997-01-0{day},10,11,9,10.5,100\n" for day in (6, 7, 8))
    (tmp_path / "X.csv").write_text(text)
    for settings in ({}, {"align": True}, {"timeframes": ["1w"]}):
        assert len(load_panel(DataSettings(calendar="XTKS", **settings), {"X.csv": tmp_path / "X.csv"})) == 3
    (tmp_path / "X.csv").write_text(text.replace("1997-01-06", "1996-12-27"))
    with pytest.raises(JobError, match=r"XTKS does not cover 1996-12-27 to 1997-01-08: it has 1997-01-01 to any date"):
        load_panel(DataSettings(calendar="XTKS"), {"X.csv": tmp_path / "X.csv"})


def test_sessions_are_the_same_whether_a_longer_calendar_is_there_already_or_not() -> None:
    calendars._made.clear()
    alone = sessions_between("XNYS", 18_000, 18_100, field="data.calendar")
    calendars._made.clear()
    sessions_between("XNYS", 17_000, 19_000, field="data.calendar")
    beside = sessions_between("XNYS", 18_000, 18_100, field="data.calendar")
    assert len(calendars._made) == 1
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one, other)
