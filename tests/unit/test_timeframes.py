"""Longer bars beside a run's own: they hold what pandas resamples, and no row sees one before it is complete."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.api.check import check
from backbus.data import panel_from_frame
from backbus.engine.handlers import run_handlers
from backbus.engine.inputs import open_inputs
from backbus.engine.run import Engine
from backbus.errors import JobError, ProtocolError, StrategyError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.panel import Layout, Panel, whole
from backbus.market.timeframe_ends import Calendar, frame_ends, framed
from backbus.market.timeframes import DAY_NS, timeframe
from backbus.strategy import Strategy, StrategyRunner
from backbus.strategy.bars import Bars
from backbus.strategy.context import Context
from backbus.strategy.run import Run
from backbus.strategy.runner import PanelRunner
from backbus.streams import codec
from backbus.streams.admission import admit
from backbus.streams.event import Event
from backbus.streams.topology import Kind

HOUR = 3_600 * 10**9
NEW_YORK = "America/New_York"
RULES = {"1w": "W-SUN", "1mo": "ME", "1q": "QE", "1y": "YE"}


def frame_of(index: pd.DatetimeIndex, seed: int, missing: float = 0.1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(index))))
    frame = pd.DataFrame({"open": close * (1 + rng.normal(0, 0.002, len(index))), "close": close}, index=index)
    frame["high"] = frame.max(axis=1) * 1.001
    frame["low"] = frame.min(axis=1) * 0.999
    frame["volume"] = rng.integers(1, 1000, len(index)).astype(float)
    return frame[["open", "high", "low", "close", "volume"]][rng.random(len(index)) > missing]


def panel_of(index: pd.DatetimeIndex, timeframes, *, missing: float = 0.1, **fields) -> Panel:
    frames = {name: frame_of(index, seed, missing) for seed, name in enumerate(("A", "B"), 1)}
    job = Job.parse(
        {"data": {"timeframes": timeframes, **{"dates": {"marks": "end"}, **fields}}, "strategy": {"use": "x"}}
    )
    return open_inputs(job, frames).panel


def minutes(days: int = 4, start: str = "2024-03-07 09:30") -> pd.DatetimeIndex:
    """Ends of 5-minute bars from 9:30 to 16:00, across the night on which New York's clock is put forward."""
    first = pd.Timestamp(start, tz=NEW_YORK)
    parts = [
        pd.date_range(
            first + pd.DateOffset(days=day, minutes=5), first + pd.DateOffset(days=day, minutes=390), freq="5min"
        )
        for day in range(days)
    ]
    return parts[0].append(parts[1:])


def longer_bars(panel: Panel, text: str, block: int) -> tuple[pd.DataFrame, list[int]]:
    """All longer bars of asset A that a strategy sees, and the row in which it sees each first."""
    run, parts, rows = Run(panel.layout), [], []
    for each in panel.blocks(block):
        run.begin(each)
        longer = Bars(Context(run, each)).every(text)
        columns = {name: getattr(longer, name).values[:, 0] for name in ("open", "high", "low", "close", "volume")}
        parts.append(pd.DataFrame(columns, index=pd.DatetimeIndex(longer.time, tz="UTC")))
        rows += (longer.context.completed + each.first_row).tolist()
        run.finish()
    return pd.concat(parts), rows


def resampled(panel: Panel, rule: str, zone: str) -> pd.DataFrame:
    block = panel.block
    columns = {name: getattr(block, name)[:, 0] for name in ("open", "high", "low", "close", "volume")}
    # By the wall: pandas counts hours from the first midnight, over changes of the clock too.
    wall = pd.DatetimeIndex(block.end, tz="UTC").tz_convert(zone).tz_localize(None)
    frame = pd.DataFrame(columns, index=wall)
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": lambda part: part.sum(min_count=1)}
    made = frame.resample(rule, label="right", closed="right").agg(how)
    there = frame.assign(row=1).resample(rule, label="right", closed="right")["row"].sum() > 0
    return made[there]


@pytest.mark.parametrize("block", [1, 7, 10_000])
@pytest.mark.parametrize("text", ["15m", "30m", "1h", "2h", "4h"])
def test_parts_of_a_day_are_what_pandas_resamples_by_the_zone_s_clock(text, block):
    panel = panel_of(minutes(), [text], timezone=NEW_YORK)
    found, rows = longer_bars(panel, text, block)
    expected = resampled(panel, text.replace("m", "min"), NEW_YORK).tz_localize(NEW_YORK).tz_convert("UTC")
    expected = expected[: len(found)]
    assert len(found) >= len(resampled(panel, text.replace("m", "min"), NEW_YORK)) - 1
    pd.testing.assert_frame_equal(found, expected, check_freq=False, rtol=1e-12)
    for end, row in zip(found.index.as_unit("ns").asi8, rows, strict=True):
        # The first row that ends at the bar's end or after it.
        assert row == np.searchsorted(panel.block.end, end)


@pytest.mark.parametrize("text", list(RULES))
def test_periods_are_what_pandas_resamples(text):
    panel = panel_of(pd.date_range("2019-11-20", "2024-02-03", freq="D"), [text])
    found, rows = longer_bars(panel, text, 50)
    block = panel.block
    days = pd.DatetimeIndex(block.session.astype("M8[D]").astype("M8[ns]"))
    prices = pd.DataFrame({"close": block.close[:, 0], "volume": block.volume[:, 0]}, index=days)
    expected = prices.resample(RULES[text]).agg({"close": "last", "volume": "sum"})[: len(found)]
    np.testing.assert_allclose(found["close"], expected["close"], rtol=1e-12)
    np.testing.assert_allclose(found["volume"], expected["volume"], rtol=1e-12)
    assert [str(end.date()) for end in found.index] == [
        str((day + pd.Timedelta(days=1)).date()) for day in expected.index
    ]
    assert rows == [int(np.searchsorted(block.end, end)) for end in found.index.as_unit("ns").asi8]


def test_with_a_calendar_a_week_is_complete_at_its_last_close():
    index = pd.DatetimeIndex(["2024-03-25", "2024-03-26", "2024-03-27", "2024-03-28", "2024-04-01", "2024-04-02"])
    panel = panel_of(index, ["1w"], missing=0.0, calendar="XNYS", dates={})  # 29 March 2024 was Good Friday
    found, rows = longer_bars(panel, "1w", 2)
    assert rows == [3]
    assert found["close"].tolist() == [panel.block.close[3, 0]]
    assert found.index[0] == pd.Timestamp("2024-03-28 20:00", tz="UTC")


def test_with_a_calendar_a_part_of_a_day_ends_with_its_session():
    closes = Calendar("XNYS").around(np.array([pd.Timestamp("2023-11-24 15:00", tz=NEW_YORK).value]))
    ends = pd.date_range("2023-11-24 09:35", "2023-11-24 13:00", freq="5min", tz=NEW_YORK)  # an early close
    found = frame_ends(ends.as_unit("ns").asi8, timeframe("4h"), NEW_YORK, closes)
    assert pd.DatetimeIndex(np.unique(found), tz="UTC").tz_convert(NEW_YORK).strftime("%H:%M").tolist() == [
        "12:00",
        "13:00",
    ]


@given(
    st.sampled_from(["15m", "1h", "2h", "4h", "6h", "12h", "1d", "1w", "1mo"]),
    st.sampled_from(["UTC", NEW_YORK, "Europe/Berlin", "Asia/Kolkata", "Australia/Sydney"]),
    st.sampled_from(["2024-03-09", "2024-03-30", "2024-10-26", "2024-11-02", "2024-04-06"]),
)
@settings(max_examples=60, deadline=None)
def test_every_row_lies_in_its_bar_and_ends_never_go_back(text, zone, start):
    ends = pd.date_range(start, periods=4 * 24 * 3, freq="15min", tz="UTC").as_unit("ns").asi8
    found = frame_ends(ends, timeframe(text), zone, None)
    assert (found >= ends).all()
    assert (np.diff(found) >= 0).all()
    whole_ends = np.unique(found)
    # A row is in the first bar that does not end before it.
    assert (whole_ends[np.searchsorted(whole_ends, ends)] == found).all()


class Trend(Strategy):
    """Long where the close is above the mean of the last complete days."""

    days: int = 2

    def signals(self, bars):
        daily = bars.every("1d")
        high = daily.rolling_high(self.days).on(bars)
        rising = (daily.close > daily.close.shift(1)).on(bars)
        return self.hold_long((bars.close > daily.sma(self.days).on(bars)) & (bars.close < high * 1.05) | rising)


class TrendByBar(Strategy):
    """The same, bar by bar."""

    lookback: ClassVar[int] = 3
    days: int = 2

    def on_bar(self, bar):
        daily = bar.every("1d")
        closes = daily.closes(self.days)
        mean = closes.mean() if len(closes) == self.days else np.nan
        high = daily.history("high", self.days).max() if len(closes) == self.days else np.nan
        last = daily.closes(2)
        rising = len(last) == 2 and last[1] > last[0]
        if (bar.close > mean and bar.close < high * 1.05) or rising:
            self.go_long()
        else:
            self.go_flat()


class TrendWithBook(TrendByBar):
    """And with the book."""

    def on_bar(self, bar, book):
        super().on_bar(bar)


@pytest.mark.slow
def test_both_modes_and_both_styles_agree_however_blocks_are_cut():
    panel = panel_of(minutes(12), ["1d", "1h"], timezone=NEW_YORK)
    job = Job.parse({"strategy": {"use": "x"}, "portfolio": {"sizing": {"model": "equal_weight"}}})
    one = Engine(job, panel, Trend()).run()
    assert one.counts.fills > 20
    for size in (1, 8, 64):
        assert run_handlers(job, panel, Trend(), block=size, window=4 * size).fingerprint == one.fingerprint
    orders = {run_handlers(job, panel, style(), block=16).fingerprint for style in (TrendByBar, TrendWithBook)}
    assert len(orders) == 1
    by_bar = Engine(job, panel, TrendByBar()).run()
    assert {by_bar.fingerprint} == orders
    # Event style says again what it holds, which does nothing; what is traded is the same.
    assert by_bar.counts.fills == one.counts.fills
    assert by_bar.final_equity == pytest.approx(one.final_equity, rel=1e-12)


def test_a_sweep_s_panel_runner_gives_what_a_run_gives():
    panel = panel_of(minutes(12), ["1d"], timezone=NEW_YORK)
    runner = PanelRunner(panel)
    for days in (2, 3, 2):
        mine = runner.signals(Trend(days=days).fresh())
        assert mine.tobytes() == StrategyRunner(Trend(days=days), panel.layout).on_block(panel.block).tobytes()


def test_the_look_ahead_check_passes_them():
    job = {"data": {"timeframes": ["1w"]}, "strategy": {"use": "x"}}

    class Weekly(Strategy):
        def signals(self, bars):
            weekly = bars.every("1w")
            return self.hold_long(bars.close > weekly.sma(3).on(bars))

    found = check(job, frame_of(pd.date_range("2020-01-01", periods=500, freq="D"), 3), strategy=Weekly())
    assert found.clean and found.signals > 10, found


def test_two_bars_that_end_in_one_row_are_both_seen():
    hours = [1, 2, 3, 4, 5, 7, 9, 10, 11, 12]
    index = pd.DatetimeIndex([pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(hours=hour) for hour in hours])
    panel = panel_of(index, ["3h"], missing=0.0)
    found, rows = longer_bars(panel, "3h", 10)
    # The bar to 6:00 ends with the row of 7:00; those to 3:00, 9:00 and 12:00 with their own.
    assert rows == [2, 5, 6, 9]
    hours = [1, 2, 3, 4, 9, 10, 11, 12]
    index = pd.DatetimeIndex([pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(hours=hour) for hour in hours])
    panel = panel_of(index, ["3h"], missing=0.0)
    found, rows = longer_bars(panel, "3h", 10)
    assert rows == [2, 4, 4, 7]
    assert found["close"].tolist() == panel.block.close[[2, 3, 4, 7], 0].tolist()


class Mixed(Strategy):
    """Forgets .on(bars)."""

    def signals(self, bars):
        return self.hold_long(bars.close > bars.every("1d").sma(2))


class Holds(Strategy):
    """Holds by longer bars alone."""

    def signals(self, bars):
        daily = bars.every("1d")
        return self.hold_long(daily.close > daily.sma(2))


class Unknown(Strategy):
    """Asks for what the job does not name."""

    def signals(self, bars):
        return self.hold_long(bars.every("1w").close.on(bars) > 0)


class Nested(Strategy):
    """Makes longer bars of longer bars."""

    def signals(self, bars):
        return self.hold_long(bars.every("1d").every("1d").close.on(bars) > 0)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (Nested, "1d bars are made of the run's own"),
        (Mixed, r"write \.on\(bars\)"),
        (Holds, r"write \.on\(bars\)"),
        (Unknown, r"no bars of '1w'; the job's data.timeframes names 1d"),
    ],
)
def test_what_cannot_be_meant_is_refused(strategy, message):
    panel = panel_of(minutes(), ["1d"], timezone=NEW_YORK)
    with pytest.raises(StrategyError, match=message):
        Engine(Job.parse({"strategy": {"use": "x"}}), panel, strategy()).run()


@pytest.mark.parametrize("text", ["7m", "2d", "1x", "", "0h", "24h", "1 h"])
def test_lengths_that_are_none_are_refused(text):
    with pytest.raises(JobError, match="part of a day"):
        Job.parse({"data": {"timeframes": [text]}, "strategy": {"use": "x"}})


@pytest.mark.parametrize(("text", "interval"), [("1h", DAY_NS), ("1d", DAY_NS), ("1h", HOUR), ("90m", HOUR)])
def test_bars_that_cannot_be_made_of_the_market_s_are_refused(text, interval):
    panel = panel_from_frame(frame_of(pd.date_range("2020-01-01", periods=50, freq="D"), 1))
    layout = Layout(panel.symbols, len(panel), 0, interval)
    with pytest.raises(JobError, match=text):
        framed(Panel(layout, panel.block), [text])


def test_on_the_wire_they_are_columns_of_their_own():
    panel = panel_of(minutes(), ["1d", "1h"], timezone=NEW_YORK)
    event = Event(Kind.NEW_DATA, "data", 0, len(panel), 6 * len(panel), panel.block)
    decoded = codec.decode(codec.encode(event, "run", 1))[1]
    assert decoded is not None
    assert list(decoded.payload.frames) == ["1d", "1h"]
    for text, ends in panel.block.frames.items():
        assert decoded.payload.frames[text].tolist() == ends.tolist()
    assert Layout.of(panel.layout.facts()) == panel.layout
    admit(decoded, panel.layout)
    with pytest.raises(ProtocolError, match="timeframes"):
        admit(decoded, Layout(panel.symbols, len(panel), 0, panel.layout.interval_ns))


def test_a_simulated_market_has_them_too():
    asset = {"symbol": "A", "path": {"model": "gbm", "drift": 0.1, "volatility": 0.2}}
    simulator = {"rows": 500, "interval": "1h", "calendar": "XNYS", "assets": [asset]}
    job = Job.parse({"simulator": simulator, "data": {"timeframes": "1d"}, "strategy": {"use": "x"}})
    panel = whole(open_inputs(job).source)
    found, _ = longer_bars(panel, "1d", 64)
    days = pd.Series(panel.block.close[:, 0]).groupby(panel.block.session).last()
    assert len(found) >= 80
    # A session that hours do not fill ends at its close all the same, which the next row is the first to know.
    assert found["close"].tolist() == days.tolist()[: len(found)]


def test_settings_of_the_range_go_with_them():
    job = Job.parse({"data": {"timeframes": ["1w"], "start": "2020-02-01"}, "strategy": {"use": "x"}})
    panel = open_inputs(job, frame_of(pd.date_range("2020-01-01", periods=100, freq="D"), 1)).panel
    assert panel.layout.timeframes == ("1w",)
    assert panel.layout.warmup > 20
    assert DataSettings(timeframes="1w").timeframes == ("1w",)


def test_a_block_is_let_go_of_as_soon_as_its_signals_are_made():
    """Streams know their bars and bars their streams: until Python looks for such circles, memory would grow."""
    panel = panel_of(minutes(12), ["1d", "1h"], timezone=NEW_YORK)
    runner = StrategyRunner(Trend(), panel.layout)
    gc.collect()
    gc.disable()
    try:
        for block in (panel.block.rows(0, 100), panel.block.rows(100, 300)):
            close = block.close.copy()
            close.flags.writeable = False
            there = weakref.ref(close)
            runner.on_block(replace(block, close=close))
            del close
            assert there() is None
    finally:
        gc.enable()
