"""Assets that trade by calendars of their own in one panel: rows, days, years, and orders for the day."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from backbus.api.run import run
from backbus.data import Catalog, panel_from_frame
from backbus.data.catalog.findings import findings_of
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.market.spacing import measured
from backbus.market.timeframe_ends import framed
from backbus.settings import Settings
from backbus.trading.numbers import rules_of
from tests.unit.order_market import job_of

START, END = "2023-12-18", "2024-01-12"
"""Around holidays: Boxing Day in London, the first days of January in Tokyo."""


def sessions(name: str, first: str = START, last: str = END) -> pd.DataFrame:
    """Opens and closes of a calendar's sessions, by the library itself."""
    schedule: pd.DataFrame = exchange_calendars.get_calendar(name, start="2023-06-01", end="2024-06-01").schedule
    return schedule.loc[first:last]


def daily(name: str, first: str = START, last: str = END, seed: int = 1) -> pd.DataFrame:
    """Bars with a date for each session."""
    days = sessions(name, first, last).index
    close = 100.0 + np.random.default_rng(seed).normal(0.0, 1.0, len(days)).cumsum()
    fields = {"open": close, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": 1000.0}
    return pd.DataFrame({"date": days.strftime("%Y-%m-%d"), **fields})


def both(**settings: Any) -> DataSettings:
    return DataSettings.model_validate({"calendars": {"XNYS": ["IBM"], "XLON": "VOD"}, **settings})


def frames(**names: str) -> dict[str, pd.DataFrame]:
    return {symbol: daily(name, seed=at) for at, (symbol, name) in enumerate(names.items())}


def ends_of(panel: Panel, symbol: str) -> list[pd.Timestamp]:
    there = ~np.isnan(panel.block.close[:, panel.symbols.index(symbol)])
    return pd.DatetimeIndex(panel.block.end[there], tz="UTC").tolist()


def days_of(panel: Panel) -> list[str]:
    return panel.block.session.astype("M8[D]").astype(str).tolist()


MARKETS = [
    {"IBM": "XNYS", "VOD": "XLON"},
    {"IBM": "XNYS", "BTC": "24/7"},
    {"IBM": "XNYS", "SONY": "XTKS"},
    {"IBM": "XNYS", "ES": "CMES", "VOD": "XLON", "BHP": "XASX"},
]


@pytest.mark.parametrize("names", MARKETS)
def test_daily_bars_end_at_their_own_market_s_closes(names):
    settings = DataSettings(calendars={name: (symbol,) for symbol, name in names.items()})
    panel = panel_from_frame(frames(**names), settings=settings)
    for symbol, name in names.items():
        assert ends_of(panel, symbol) == sessions(name)["close"].tolist()
    closes = set().union(*(set(sessions(name)["close"]) for name in names.values()))
    assert pd.DatetimeIndex(panel.block.end, tz="UTC").tolist() == sorted(closes)
    assert np.all(np.diff(panel.block.session) >= 0)
    dates = set().union(*(set(sessions(name).index.strftime("%Y-%m-%d")) for name in names.values()))
    assert sorted(set(days_of(panel))) == sorted(dates)
    own = panel.block.extra["own_session"]
    for at, symbol in enumerate(panel.symbols):
        index = sessions(names[symbol]).index
        assert (
            own[~np.isnan(own[:, at]), at].astype("M8[D]").astype(str).tolist() == index.strftime("%Y-%m-%d").tolist()
        )


def test_a_row_of_tokyo_comes_before_that_of_new_york_of_the_same_day():
    panel = panel_from_frame(
        frames(IBM="XNYS", SONY="XTKS"), settings=DataSettings(calendars={"XTKS": ("SONY",)}, calendar="XNYS")
    )
    rows = [row for row, day in enumerate(days_of(panel)) if day == "2024-01-09"]
    assert [int(np.argmin(np.isnan(panel.block.close[row]))) for row in rows] == [1, 0]
    assert panel.symbols == ("IBM", "SONY")


def test_a_date_that_is_no_session_of_its_own_market_is_refused_by_it():
    data = frames(IBM="XNYS", VOD="XLON")
    data["VOD"] = data["IBM"].copy()  # has 2023-12-26, which is a holiday in London
    with pytest.raises(DataError, match="symbol VOD: 2023-12-26 is not a session of XLON"):
        panel_from_frame(data, settings=both())
    panel = panel_from_frame(data, settings=both(align=True))
    there = ends_of(panel, "VOD")
    assert there == sorted(set(sessions("XLON")["close"]) & set(there))
    assert len(there) == len(sessions("XLON").index.intersection(sessions("XNYS").index))


def test_one_calendar_for_all_is_the_calendar():
    data = {"IBM": daily("XNYS"), "GE": daily("XNYS", seed=3)}
    one = panel_from_frame(data, settings=DataSettings(calendar="XNYS"))
    same = panel_from_frame(data, settings=DataSettings(calendars={"XNYS": ("*",)}))
    assert same.layout == one.layout
    np.testing.assert_array_equal(same.block.end, one.block.end)
    assert not same.block.extra


def test_an_asset_without_a_calendar_ends_with_the_day():
    panel = panel_from_frame(frames(IBM="XNYS", VOD="XLON"), settings=DataSettings(calendars={"XNYS": ("IBM",)}))
    assert {end.time().isoformat() for end in ends_of(panel, "VOD")} == {"00:00:00"}
    assert ends_of(panel, "IBM") == sessions("XNYS")["close"].tolist()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"calendars": {"XNYS": ["IBM"], "XLON": ["*"]}}, "data.calendars.XLON: IBM is named here and by XNYS"),
        ({"calendars": {"XNYS": ["ABC"]}}, "data.calendars.XNYS: the data has no symbol 'ABC'"),
        ({"calendars": {"XNYX": ["IBM"]}}, "knows no calendar 'XNYX'; did you mean XNYS"),
    ],
)
def test_tables_that_cannot_be_are_refused(settings, says):
    with pytest.raises(JobError) as raised:
        panel_from_frame(frames(IBM="XNYS", VOD="XLON"), settings=DataSettings(**settings))
    assert says in str(raised.value)


# --- stamps with a time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["open", "close"])
def test_daily_stamps_at_opens_or_closes_are_of_their_own_sessions(what):
    data = frames(IBM="XNYS", SONY="XTKS")
    for symbol, name in (("IBM", "XNYS"), ("SONY", "XTKS")):
        data[symbol]["date"] = sessions(name)[what].dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_numpy()
    panel = panel_from_frame(data, settings=DataSettings(calendars={"XNYS": ("IBM",), "XTKS": ("SONY",)}))
    assert ends_of(panel, "IBM") == sessions("XNYS")["close"].tolist()
    assert ends_of(panel, "SONY") == sessions("XTKS")["close"].tolist()


# --- bars within a day ----------------------------------------------------------------------------------------------


def intraday(name: str, first: str, last: str, freq: str = "30min") -> pd.DataFrame:
    parts = [pd.date_range(one.open, one.close, freq=freq)[1:] for one in sessions(name, first, last).itertuples()]
    index = parts[0].append(parts[1:])
    close = np.linspace(100.0, 110.0, len(index))
    fields = {"open": close, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": 1000.0}
    return pd.DataFrame(fields, index=index)


WITHIN: dict[str, Any] = {"dates": {"marks": "end"}, "align": True}


def test_rows_within_a_day_are_those_of_each_market():
    data = {"IBM": intraday("XNYS", START, END), "VOD": intraday("XLON", START, END)}
    whole = {symbol: frame.copy() for symbol, frame in data.items()}
    night = data["IBM"].iloc[[0]].set_axis(pd.DatetimeIndex(["2023-12-19T03:00:00Z"]))
    data["IBM"] = pd.concat([data["IBM"].drop(data["IBM"].index[5]), night]).sort_index()
    panel = panel_from_frame(data, settings=both(**WITHIN))
    index = pd.DatetimeIndex(panel.block.end, tz="UTC")
    assert index.tolist() == sorted(set(whole["IBM"].index) | set(whole["VOD"].index))
    assert ends_of(panel, "IBM") == [end for end in whole["IBM"].index if end != whole["IBM"].index[5]]
    assert ends_of(panel, "VOD") == whole["VOD"].index.tolist()
    own = panel.block.extra["own_session"]
    hole = index.tolist().index(whole["IBM"].index[5])
    assert not np.isnan(own[hole, 0])
    assert np.isnan(own[:, 0]).sum() == len(index) - len(whole["IBM"])
    assert [note for note in panel.notes if "XNYS" in note and "left out" in note]


def test_bars_of_a_year_are_those_of_an_asset_s_own_market():
    data = {"IBM": intraday("XNYS", START, END), "VOD": intraday("XLON", START, END)}
    layout = measured(panel_from_frame(data, settings=both(**WITHIN))).layout
    assert layout.bars_per_year == (13 * 251.55, 17 * 252.7)
    assert layout.bars_per_session == 15.0
    sizing = {"model": "volatility_target", "target": 0.1}
    lines = rules_of(job_of({"sizing": sizing}), layout).instruments
    assert lines["bars_per_year"].tolist() == list(layout.bars_per_year)
    said = rules_of(job_of({"sizing": {**sizing, "bars_per_year": 1000}}), layout).instruments
    assert said["bars_per_year"].tolist() == [1000.0, 1000.0]


# --- years ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "least", "most"),
    [
        ({"IBM": "XNYS", "VOD": "XLON"}, 257.0, 257.4),
        ({"IBM": "XNYS", "SONY": "XTKS"}, 259.6, 260.0),
        ({"IBM": "XNYS", "BTC": "24/7"}, 365.2, 365.3),
        ({"IBM": "XNYS", "ES": "CMES"}, 257.7, 258.0),
    ],
)
def test_a_year_has_the_days_on_which_any_market_is_open(names, least, most):
    settings = DataSettings(calendars={name: (symbol,) for symbol, name in names.items()})
    layout = measured(panel_from_frame(frames(**names), settings=settings)).layout
    assert least < layout.year < most
    assert layout.bars_per_session == 1.0
    assert layout.year_because == f"days on which {' or '.join(names[one] for one in sorted(names))} has a session"


def test_weeks_of_two_markets_are_52_a_year():
    days = pd.date_range("2023-06-02", "2024-03-22", freq="W-FRI")
    known = [sessions(name, "2023-06-01", "2024-05-01").index for name in ("XNYS", "XLON")]
    weeks = days[days.isin(known[0]) & days.isin(known[1])]
    close = np.linspace(100.0, 120.0, len(weeks))
    frame = pd.DataFrame({"open": close, "high": close, "low": close, "close": close, "volume": 1.0}, index=weeks)
    layout = measured(panel_from_frame({"IBM": frame, "VOD": frame}, settings=both())).layout
    assert layout.year == 52.0
    assert layout.bars_per_year == (52.0, 52.0)


def test_figures_are_of_the_account_s_days():
    names = {"IBM": "XNYS", "VOD": "XLON"}
    made = Job.parse({"strategy": {"use": "BuyAndHold"}, "data": {"calendars": {"XNYS": "IBM", "XLON": "VOD"}}})
    report = run(made, frames(**names), tables=False).summary
    union = sessions("XNYS").index.union(sessions("XLON").index)
    assert report.sessions == len(union)
    assert report.rows == len(sessions("XNYS")) + len(sessions("XLON"))
    assert 257.0 < report.year < 257.4


# --- longer bars, holes, datasets -----------------------------------------------------------------------------------


def test_a_longer_bar_ends_with_the_last_market_that_closes():
    panel = panel_from_frame(
        frames(IBM="XNYS", SONY="XTKS"), settings=DataSettings(calendars={"XNYS": ("IBM",), "XTKS": ("SONY",)})
    )
    (block,) = framed(panel, ["1w"]).blocks(len(panel))
    ends = block.frames["1w"]
    assert np.all(np.diff(ends) >= 0)
    fridays = {"2023-12-22", "2023-12-29", "2024-01-05", "2024-01-12"}
    closes = {
        day: close.value
        for day, close in zip(sessions("XNYS").index.strftime("%Y-%m-%d"), sessions("XNYS")["close"], strict=True)
    }
    assert {int(end) for end in ends} == {closes[day] for day in fridays}


def test_a_part_of_a_day_is_not_cut_by_another_market_s_close():
    data = {"IBM": intraday("XNYS", START, END), "VOD": intraday("XLON", START, END)}
    (block,) = framed(panel_from_frame(data, settings=both(**WITHIN)), ["4h"]).blocks(1 << 20)
    hours = {str(pd.Timestamp(end).time()) for end in block.frames["4h"]}
    assert hours == {"08:00:00", "12:00:00", "16:00:00", "20:00:00", "00:00:00"} - {"08:00:00"}


@pytest.mark.parametrize("holes", ["carry", "drop"])
def test_a_row_of_another_market_is_no_hole(holes):
    data = frames(IBM="XNYS", VOD="XLON")
    gone = data["IBM"]["date"].iloc[4]
    data["IBM"] = data["IBM"].drop(index=4)
    panel = panel_from_frame(data, settings=both(holes=holes, align=True))
    plain = panel_from_frame(data, settings=both(align=True))
    if holes == "drop":
        assert len(panel) == len(plain) - 1
        return
    filled = ~np.isnan(panel.block.close) & np.isnan(plain.block.close)
    assert [(days_of(panel)[row], at) for row, at in np.argwhere(filled).tolist()] == [(gone, 0)]


def test_a_dataset_keeps_its_calendars(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKBUS_DATASETS", str(tmp_path / "sets"))
    data = frames(IBM="XNYS", VOD="XLON")
    for symbol, frame in data.items():
        frame.to_csv(tmp_path / f"{symbol}.csv", index=False)
    sources = {f"{symbol}.csv": tmp_path / f"{symbol}.csv" for symbol in data}
    Catalog(Settings().datasets).add("both", sources, both())
    fields: dict[str, Any] = {"strategy": {"use": "SmaCross", "fast": 2, "slow": 4}}
    by_name = run({**fields, "data": {"dataset": "both", "timeframes": "1w"}}, tables=False)
    settings = both(timeframes="1w").model_dump(mode="json")
    by_frames = run({**fields, "data": settings}, data, tables=False)
    assert by_name.fingerprint == by_frames.fingerprint
    assert by_name.summary.year == by_frames.summary.year
    assert by_name.summary.counts.fills > 3
    aligned = run({**fields, "data": {"dataset": "both", "align": True, "symbols": ["VOD"]}}, tables=False)
    assert aligned.summary.sessions == len(sessions("XLON"))
    with pytest.raises(JobError, match=r"data\.calendar: must be left out"):
        run({**fields, "data": {"dataset": "both", "calendar": "XNYS"}}, tables=False)
    with pytest.raises(JobError, match="calendars is settled when a dataset is imported"):
        run({**fields, "data": {"dataset": "both", "calendars": {"XNYS": "IBM"}}}, tables=False)


def test_daily_bars_that_are_made_end_by_their_own_market():
    data = {"IBM": intraday("XNYS", START, END), "SONY": intraday("XTKS", START, END)}
    settings = DataSettings(calendars={"XNYS": ("IBM",), "XTKS": ("SONY",)}, bars="1d", dates={"marks": "end"})
    panel = panel_from_frame(data, settings=settings)
    assert ends_of(panel, "IBM") == sessions("XNYS")["close"].tolist()
    assert ends_of(panel, "SONY") == sessions("XTKS")["close"].tolist()
    assert all(before <= after for before, after in pairwise(days_of(panel)))


def test_findings_are_told_by_calendar():
    data = frames(IBM="XNYS", VOD="XLON")
    data["VOD"] = data["VOD"].drop(index=3)
    found = findings_of(panel_from_frame(data, settings=both()), None)
    gone = sessions("XLON").index[3].strftime("%Y-%m-%d")
    assert found == [{"kind": "missing session", "symbol": "XLON", "count": 1, "at": [{"date": gone}]}]


def test_dates_beyond_one_market_s_bounds_are_refused_by_it():
    data = frames(IBM="XNYS", SONY="XTKS")
    old = pd.DataFrame({"date": ["1996-12-26", "1996-12-27"], "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0})
    old["volume"] = 1.0
    data["SONY"] = pd.concat([old, data["SONY"]])
    settings = DataSettings(calendars={"XNYS": ("IBM",), "XTKS": ("SONY",)})
    with pytest.raises(JobError, match=r"data\.calendars: XTKS does not cover 1996-12-26 .* it has 1997-01-01 to any"):
        panel_from_frame(data, settings=settings)
    data["IBM"], data["SONY"] = pd.concat([old, data["IBM"]]), daily("XTKS")
    assert len(panel_from_frame(data, settings=settings)) == 2 + len(sessions("XNYS")) + len(sessions("XTKS"))


def test_the_look_ahead_check_leaves_calendars_as_they_are():
    from backbus.strategy.futures import FUTURES

    panel = panel_from_frame(frames(IBM="XNYS", VOD="XLON"), settings=both())
    for future in FUTURES.values():
        other = future(panel, 10, 1)
        np.testing.assert_array_equal(other.block.extra["own_session"], panel.block.extra["own_session"])


def test_longer_bars_go_on_where_a_calendar_begins_later_and_however_rows_are_cut():
    data = frames(IBM="XNYS", SONY="XTKS")
    old = daily("XNYS").iloc[:10].copy()
    schedule = exchange_calendars.get_calendar("XNYS", start="1996-11-01", end="1997-02-01").sessions
    old["date"] = schedule[schedule >= "1996-12-20"][:10].strftime("%Y-%m-%d")
    data["IBM"] = pd.concat([old, data["IBM"]])
    settings = DataSettings(calendars={"XNYS": ("IBM",), "XTKS": ("SONY",)})
    panel = panel_from_frame(data, settings=settings)
    (whole,) = framed(panel, ["1w"]).blocks(len(panel))
    for size in (1, 3, 7):
        parts = [block.frames["1w"] for block in framed(panel, ["1w"]).blocks(size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole.frames["1w"])


def test_frames_of_several_markets_travel_as_a_panel_file(tmp_path):
    from backbus.data import load_panel, write_panel

    settings = both(calendars={"XLON": ["VOD"]}, calendar="XNYS")
    panel = panel_from_frame(frames(IBM="XNYS", VOD="XLON"), settings=settings)
    assert panel.layout.calendars == ("XNYS", "XLON")
    write_panel(panel, tmp_path / "panel.arrow")
    again = load_panel(settings.of_panel("panel.arrow"), {"panel.arrow": tmp_path / "panel.arrow"})
    assert again.layout == panel.layout
    for name, cells in panel.block.cells().items():
        np.testing.assert_array_equal(again.block.cells()[name], cells)
