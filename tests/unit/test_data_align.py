"""Rows on a calendar: those outside its sessions are left out, those that no file has are put in without bars."""

from __future__ import annotations

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from backbus.api.run import run
from backbus.data import open_source, panel_from_frame, write_panel
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.panel import Panel, whole
from backbus.market.years import _COUNTED, sessions_per_year

NEW_YORK = "America/New_York"


def frame_of(ends, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(ends))))
    return pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 100.0}, index=ends
    )


def minutes(first: str, last: str, freq: str = "5min") -> pd.DatetimeIndex:
    return pd.date_range(first, last, freq=freq, tz=NEW_YORK)


def calendar_ends(name: str, first: str, last: str, freq: str) -> pd.DatetimeIndex:
    """The ends of all bars of a calendar, by its own index of minutes."""
    calendar = exchange_calendars.get_calendar(name, start="2023-01-01", end="2024-12-31")
    parts = [
        pd.date_range(row.open, row.close, freq=freq)[1:] for row in calendar.schedule.loc[first:last].itertuples()
    ]
    return parts[0].append(parts[1:])


INTRADAY = {"calendar": "XNYS", "align": True, "timezone": NEW_YORK, "dates": {"marks": "end"}}


def test_bars_outside_of_sessions_are_left_out_and_missing_ones_put_in():
    index = minutes("2023-11-22 04:05", "2023-11-27 20:00")  # Thanksgiving, an early close, a weekend
    rng = np.random.default_rng(2)
    frame = frame_of(index)[rng.random(len(index)) > 0.05]
    panel = panel_from_frame(frame, settings=DataSettings(**INTRADAY))
    expected = calendar_ends("XNYS", "2023-11-22", "2023-11-27", "5min")
    found = pd.DatetimeIndex(panel.block.end, tz="UTC")
    assert found.tolist() == expected.tolist()
    there = np.isin(expected, frame.index)
    np.testing.assert_array_equal(~np.isnan(panel.block.close[:, 0]), there)
    np.testing.assert_array_equal(panel.block.close[there, 0], frame["close"].reindex(expected).to_numpy()[there])
    assert np.unique(panel.block.session.astype("M8[D]")).astype(str).tolist() == [
        "2023-11-22",
        "2023-11-24",
        "2023-11-27",
    ]
    out, put = int(len(frame) - there.sum()), int((~there).sum())
    assert f"{out} rows that end in no bar of a session of XNYS were left out" in panel.notes
    assert f"{put} rows of XNYS that the data does not have were put in, without bars" in panel.notes


def test_bars_counted_by_the_clock_keep_their_hours_and_end_with_the_session():
    index = minutes("2023-11-22 05:00", "2023-11-27 20:00", "1h")
    half = minutes("2023-11-22 09:30", "2023-11-22 16:00", "30min")
    by_clock = panel_from_frame(frame_of(index), settings=DataSettings(**INTRADAY))
    hours = pd.DatetimeIndex(by_clock.block.end, tz="UTC").tz_convert(NEW_YORK).strftime("%H:%M").tolist()
    assert hours[:7] == ["10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00"]
    assert hours[7:11] == ["10:00", "11:00", "12:00", "13:00"]
    by_opening = panel_from_frame(frame_of(half[1::2]), settings=DataSettings(**INTRADAY))
    hours = pd.DatetimeIndex(by_opening.block.end, tz="UTC").tz_convert(NEW_YORK).strftime("%H:%M").tolist()
    assert hours == ["10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00"]


@pytest.mark.slow
def test_dates_that_are_no_session_are_left_out_and_sessions_put_in():
    days = pd.date_range("2023-12-20", "2024-01-10", freq="D")
    days = days[days != pd.Timestamp("2023-12-27")]
    lenient = DataSettings(calendar="XNYS", align=True)
    panel = panel_from_frame(frame_of(days), settings=lenient)
    sessions = panel.block.session.astype("M8[D]").astype(str).tolist()
    calendar = exchange_calendars.get_calendar("XNYS", start="2023-01-01", end="2024-12-31")
    assert sessions == [str(day.date()) for day in calendar.sessions_in_range("2023-12-20", "2024-01-10")]
    assert np.isnan(panel.block.close[sessions.index("2023-12-27"), 0])
    carried = panel_from_frame(frame_of(days), settings=lenient.model_copy(update={"holes": "carry"}))
    row = sessions.index("2023-12-27")
    assert carried.block.close[row, 0] == carried.block.close[row - 1, 0]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"start": "2023-11-24"},
        {"start": "2023-11-24", "warmup": 10},
        {"start": "2023-11-24", "end": "2023-11-24", "warmup": 0},
        {"symbols": ["B"], "start": "2023-11-25"},
    ],
)
@pytest.mark.parametrize("size", [7, 100_000])
def test_a_dataset_is_aligned_as_its_files_are(tmp_path, fields, size):
    index = minutes("2023-11-22 04:05", "2023-11-28 20:00")
    some = np.random.default_rng(4).random(len(index)) > 0.2
    frames = {"A": frame_of(index[some], 1), "B": frame_of(index[30:], 2)}
    kept = {name: value for name, value in INTRADAY.items() if name not in ("align", "calendar")}
    path = tmp_path / "all.arrow"
    write_panel(panel_from_frame(frames, settings=DataSettings(**kept)), path)
    settings = DataSettings(**INTRADAY, **fields)
    one = panel_from_frame(frames, settings=settings)
    source = open_source(settings, {"all.arrow": path})
    other = Panel(source.layout, next(iter(source.blocks(len(source)))), source.notes)
    parts = list(source.blocks(size))
    assert one.layout == other.layout
    assert one.layout.warmup <= fields.get("warmup", 10**9)
    assert one.block.end.tobytes() == b"".join(part.end.tobytes() for part in parts)
    assert one.block.session.tobytes() == b"".join(part.session.tobytes() for part in parts)
    for name, cells in one.block.cells().items():
        assert cells.tobytes() == b"".join(part.column(name).tobytes() for part in parts)
    source.release(len(source) // 2)


def test_bars_of_an_amount_are_left_out_where_the_market_is_closed():
    rng = np.random.default_rng(3)
    index = pd.DatetimeIndex(
        np.sort(rng.integers(pd.Timestamp("2024-01-02").value, pd.Timestamp("2024-01-05").value, 5000)), tz="UTC"
    )
    frame = pd.DataFrame({"price": 100.0 + rng.normal(size=5000).cumsum() * 0.01, "size": 100.0}, index=index)
    panel = panel_from_frame(frame, settings=DataSettings(bars="10 ticks", calendar="XNYS", align=True))
    hours = pd.DatetimeIndex(panel.block.end, tz="UTC").tz_convert(NEW_YORK)
    assert 100 < len(panel) < 200
    assert all("09:30" < hour <= "16:00" for hour in hours.strftime("%H:%M"))


def test_without_a_calendar_there_is_nothing_to_align_to(tmp_path):
    with pytest.raises(JobError, match="align needs a calendar"):
        Job.parse({"data": {"align": True, "files": "x.csv"}, "strategy": {"use": "x"}})
    with pytest.raises(JobError, match="no row that is traded is in a session"):
        panel_from_frame(
            frame_of(pd.date_range("2023-12-23", "2023-12-25", freq="D")),
            settings=DataSettings(calendar="XNYS", align=True),
        )


def test_a_year_is_what_the_calendar_says():
    job = {"strategy": {"use": "x"}}
    assert Job.parse(job).year == 252.0
    assert Job.parse({**job, "data": {"calendar": "XNYS"}}).year == 251.55
    assert Job.parse({**job, "data": {"calendar": "NASDAQ"}}).year == 251.55
    assert Job.parse({**job, "data": {"calendar": "XNYS"}, "performance": {"periods_per_year": 260}}).year == 260
    made = {"rows": 10, "assets": [{"symbol": "A", "path": {"model": "gbm", "volatility": 0.1}}]}
    assert Job.parse({**job, "simulator": made}).year == 365.0
    assert Job.parse({**job, "simulator": {**made, "calendar": "XLON"}}).year == sessions_per_year("XLON") == 252.7


@pytest.mark.parametrize("name", ["XNYS", "XLON", "XTKS", "24/7", "CMES", "XSAU"])
def test_sessions_of_a_year_are_those_of_the_calendars(name):
    first, last = ("2021", "2024") if name == "XSAU" else ("2000", "2019")
    calendar = exchange_calendars.get_calendar(name, start=f"{first}-01-01", end=f"{last}-12-31")
    years = int(last) - int(first) + 1
    assert sessions_per_year(name) == len(calendar.sessions) / years
    known = {entry.split(":")[0] for entry in _COUNTED.split()}
    names = set(exchange_calendars.get_calendar_names(include_aliases=False))
    assert len(names - known) < 8


@pytest.mark.slow
def test_figures_of_a_year_follow_the_calendar():
    days = pd.bdate_range("2020-01-02", "2021-12-30")
    frame = frame_of(days)
    strategy = {"strategy": {"use": "BuyAndHold"}}
    plain = run(strategy, frame, tables=False).summary.metrics
    moscow = run({**strategy, "data": {"calendar": "XMOS", "align": True}}, frame, tables=False).summary.metrics
    assert plain.volatility != moscow.volatility


@pytest.mark.slow
@pytest.mark.parametrize("imported", [None, "XNYS"])
@pytest.mark.parametrize("fields", [{"align": True}, {"align": True, "start": "2023-07-01", "warmup": 9}, {}])
def test_daily_bars_of_a_dataset_end_by_the_job_s_calendar_as_those_of_files_do(tmp_path, imported, fields):
    calendar = exchange_calendars.get_calendar("XNYS", start="2023-01-01", end="2023-12-31")
    frame = frame_of(pd.DatetimeIndex(calendar.sessions.tz_localize(None)))
    path = tmp_path / "all.arrow"
    write_panel(panel_from_frame(frame, settings=DataSettings(calendar=imported)), path)
    settings = DataSettings(calendar="XLON", **fields)
    if not fields:  # London is closed on some of New York's days
        for read in (
            lambda: panel_from_frame(frame, settings=settings),
            lambda: open_source(settings, {"a.arrow": path}),
        ):
            with pytest.raises(DataError, match="is not a session of XLON"):
                read()
        return
    one = panel_from_frame(frame, settings=settings)
    other = whole(open_source(settings, {"all.arrow": path}))
    assert one.layout == other.layout
    assert one.notes == other.notes
    assert np.isfinite(one.block.close).sum() > 100
    for name in ("end", "session", "close"):
        assert getattr(one.block, name).tobytes() == getattr(other.block, name).tobytes()


def test_a_market_of_which_nothing_would_be_left_is_refused():
    index = pd.date_range("2023-11-22 14:31:07", periods=500, freq="5min", tz="UTC")  # seven seconds late
    settings = DataSettings(calendar="XNYS", align=True, dates={"marks": "end"})
    panel = panel_from_frame(frame_of(index), settings=settings)
    assert np.isfinite(panel.block.close).any()  # bars that are counted from there, and no others
    weekend = pd.date_range("2023-11-25", periods=500, freq="5min", tz="UTC")
    with pytest.raises(JobError, match=r"data\.align: no row"):
        panel_from_frame(frame_of(weekend), settings=settings)
