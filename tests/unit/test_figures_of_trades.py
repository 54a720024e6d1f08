"""Prices, orders, indicators, excursions and exits in figures, beside what was asked for, by hand and by pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from backbus import Strategy, param, run
from backbus.api.result import Result
from backbus.errors import StrategyError, UsageError
from backbus.figures.excursions import excursions_of
from backbus.figures.registry import NothingToShow, figures
from backbus.figures.trade_exits import exits_of
from backbus.figures.trades import entry_hours, entry_sessions
from backbus.figures.working import polyline, working_orders
from backbus.runs.overlays import overlays_of
from backbus.strategy.builtins import CLASSES, DonchianBreakout, RsiReversion, SmaCross
from tests.unit.made_bars import days, minutes
from tests.unit.order_market import bars, flat

SMA = {"strategy": {"use": "SmaCross", "fast": 3, "slow": 9}}


class Asks(Strategy):
    """A market order in the first row, with exits, and a limit that never fills."""

    stop: float = param(0.05)

    def on_bar(self, bar: Any) -> None:
        if bar.row == 0:
            self.buy(10, take_profit_fraction=0.1, stop_loss_fraction=self.stop)
            self.buy(1, limit=50.0)


def bar(open_: float, high: float, low: float, close: float) -> tuple[float, float, float, float]:
    return open_, high, low, close


# --- prices -----------------------------------------------------------------------------------------------------------


def by_name(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_a_price_figure_has_the_bars_the_fills_and_both_averages() -> None:
    market = days(120)
    found = by_name(figures()["price"].draw(run(SMA, market)))
    result = run(SMA, market)
    close = market["A"]["close"]
    np.testing.assert_array_equal(found["bars"].close, close)
    for n in (3, 9):
        np.testing.assert_allclose(found[f"sma {n}"].y, close.rolling(n).mean())
    fills = result.frame("fills")
    for name, which in (("buys", fills["quantity"] > 0), ("sells", fills["quantity"] < 0)):
        np.testing.assert_array_equal(found[name].y, fills["price"][which])
        assert [str(when)[:10] for when in found[name].x] == [
            str(market["A"].index[row].date()) for row in fills["row"][which]
        ]


def test_an_asset_is_chosen_and_one_that_is_not_there_refused() -> None:
    result = run(SMA, days(60, ("A", "B")))
    assert result.figures.draw("price", asset="B").layout.title.text == "B: prices and fills"
    with pytest.raises(UsageError, match="no asset 'C' in this run; choose one of A, B"):
        result.figures.draw("price", asset="C")


def test_a_level_of_its_own_is_drawn_below_the_prices() -> None:
    market = days(120)
    found = figures()["price"].draw(run({"strategy": {"use": "RsiReversion", "period": 5}}, market))
    rsi = by_name(found)["rsi 5"]
    assert rsi.yaxis == "y2" and found.layout.yaxis2.title.text == "RSI"
    change = market["A"]["close"].diff()
    gain = change.clip(lower=0.0).iloc[1:].ewm(alpha=1 / 5, adjust=False)
    assert np.isnan(rsi.y[:5]).all() and ((rsi.y[5:] > 0.0) & (rsi.y[5:] < 100.0)).all() and gain is not None
    assert by_name(found)["low"].y[0] == 30.0

    class Far(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.hold_long(bars.close > 0.0)

        def indicators(self, bars: Any) -> dict[str, Any]:
            return {"volume": bars.volume, "twice": bars.close * 1.5}

    far = by_name(figures()["price"].draw(run({}, market, strategy=Far)))
    assert far["volume"].yaxis == "y2" and far["twice"].yaxis == "y"


def test_a_strategy_s_indicators_change_no_result_and_one_that_fails_leaves_the_prices() -> None:
    class Wrong(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.hold_long(bars.close > bars.sma(3))

        def indicators(self, bars: Any) -> dict[str, Any]:
            return {"short": np.zeros(3)}

    class Without(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.hold_long(bars.close > bars.sma(3))

    market = days(60)
    with_hook, without = (run({}, market, strategy=one) for one in (Wrong, Without))
    assert with_hook.fingerprint == without.fingerprint
    found = figures()["price"].draw(with_hook)
    assert "its indicators cannot be drawn: short is of shape (3,)" in found.layout.title.text
    assert "bars" in by_name(found) and "bars" in by_name(figures()["price"].draw(without))
    assert with_hook.market is not None
    with pytest.raises(StrategyError, match="returns streams by name, not list"):
        overlays_of(type("Listed", (Without,), {"indicators": lambda self, bars: []})(), with_hook.market())


def test_built_in_strategies_show_what_they_compare() -> None:
    market = run(SMA, days(60, ("A", "B"))).market
    assert market is not None
    panel = market()
    close = pd.DataFrame(panel.block.close)
    over = overlays_of(SmaCross(fast=2, slow=5), panel).over_prices
    np.testing.assert_allclose(over["sma 5"], close.rolling(5).mean())
    bands = overlays_of(DonchianBreakout(entry=6, exit=4), panel).over_prices
    np.testing.assert_allclose(bands["highest of 6 before"], pd.DataFrame(panel.block.high).rolling(6).max().shift(1))
    np.testing.assert_allclose(bands["lowest of 4 before"], pd.DataFrame(panel.block.low).rolling(4).min().shift(1))
    assert len(overlays_of(DonchianBreakout(entry=6, exit=4, short=True), panel).over_prices) == 4
    assert list(overlays_of(RsiReversion(), panel).below["RSI"]) == ["rsi 14", "low", "high"]
    for strategy in CLASSES:
        for values in overlays_of(strategy(), panel).over_prices.values():
            assert values.shape == panel.block.close.shape


def test_averages_follow_quoted_prices_through_a_split() -> None:
    rows = [flat(100.0)] * 6 + [flat(50.0)] * 6
    panel = bars(*rows, split={6: 2.0})
    over = overlays_of(SmaCross(fast=2, slow=3), panel).over_prices["sma 3"][:, 0]
    np.testing.assert_allclose(over[2:], [100.0] * 4 + [50.0] * 6)


# --- orders -----------------------------------------------------------------------------------------------------------


def asked(*rows: tuple[float, float, float, float], **params: float) -> Result:
    """Rows after the first, in which everything is asked for; it fills at the open of the next."""
    return run({"portfolio": {"cash": 10_000}}, bars(flat(100.0), *rows), strategy=Asks(**params))


def test_orders_worked_from_their_begin_to_their_end_at_their_price() -> None:
    result = asked(bar(100, 101, 99, 100), bar(100, 102, 98, 101), bar(101, 111, 100, 110), flat(110.0))
    told = [one[1:] for one in working_orders(result, result.summary.symbols[0])]
    first = result.column("fills", "price")[0]
    assert told == [
        ("take profit", 1, 3, pytest.approx(1.1 * first), pytest.approx(1.1 * first)),
        ("stop loss", 1, 3, pytest.approx(0.95 * first), pytest.approx(0.95 * first)),
        ("limit", 0, 4, 50.0, 50.0),
    ]
    ended = result.frame("order_ends").set_index("reason")["level"]
    assert told[1][3] == ended["the other order of its group filled"]


def test_a_trailing_loss_leads_from_where_it_began_to_where_it_was_met() -> None:
    class Trails(Strategy):
        def on_bar(self, bar: Any) -> None:
            if bar.row == 0:
                self.buy(1, trailing_loss_fraction=0.05)
                self.buy(1, trailing_loss_fraction=0.05, trailing_from_fraction=0.5)

    rows = [flat(100.0), bar(100, 101, 99, 100), bar(116, 120, 116, 119), bar(118, 118, 100, 101), flat(101.0)]
    result = run({"portfolio": {"cash": 10_000}}, bars(*rows), strategy=Trails)
    first, second = working_orders(result, result.summary.symbols[0])
    assert first[1:] == ("trailing loss", 1, 3, pytest.approx(95.0), pytest.approx(0.95 * 120.0))
    assert np.isnan(second.level) and polyline([second], 0, {}) == ([], [])  # it sleeps: nothing tells its level


def test_lines_are_broken_between_orders_and_step_at_splits() -> None:
    result = asked(*[bar(100, 101, 99, 100)] * 4)
    (only,) = [one for one in working_orders(result, result.summary.symbols[0]) if one.what == "limit"]
    assert polyline([only], 0, {}) == ([0, 4, None], [50.0, 50.0, pytest.approx(float("nan"), nan_ok=True)])
    rows, prices = polyline([only], 0, {2: 2.0})
    assert rows == [0, 1, 2, 4, None] and prices[:4] == [50.0, 50.0, 25.0, 25.0]


# --- trades -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "against", "along"),
    [
        # In at the open, 100, and out within the third bar at 110: of that bar its open counts, not its low.
        ([bar(100, 104, 97, 103), bar(103, 106, 102, 105), bar(105, 112, 96, 111), flat(111.0)], -0.03, 0.10),
        # Out at the stop, 95, within the bar: its high came before or after, so it does not count.
        ([bar(100, 101, 99, 100), bar(102, 107, 94, 95), flat(95.0)], -0.05, 0.02),
        # In and out within one bar: nothing but its open is known.
        ([bar(100, 108, 94, 95), flat(95.0)], -0.05, 0.0),
        # Still open: to the last bar.
        ([bar(100, 104, 97, 103), bar(103, 108, 96, 104)], -0.04, 0.08),
        # Out at an open beyond the stop: nothing of that bar but its price.
        ([bar(100, 101, 99, 100), bar(90, 108, 89, 107), flat(107.0)], -0.10, 0.01),
    ],
)
def test_excursions_count_what_certainly_lies_between_entry_and_exit(
    rows: list[tuple[float, float, float, float]], against: float, along: float
) -> None:
    result = asked(*rows)
    assert result.market is not None
    low, high = excursions_of(result, result.market())
    assert low[0] == pytest.approx(against) and high[0] == pytest.approx(along)
    dots = figures()["excursions"].draw(result).data
    shown = np.concatenate([np.asarray(trace.x) for trace in dots if trace.mode == "markers"])
    assert sorted(np.round(shown, 9)) == sorted(np.round([-against, along], 9))


def test_excursions_of_shorts_and_through_a_split_are_in_the_entry_s_units() -> None:
    class Short(Strategy):
        def on_bar(self, bar: Any) -> None:
            if bar.row == 0:
                self.sell(10)

    rows = [flat(100.0), bar(100, 102, 99, 100), bar(50, 53, 45, 50), flat(50.0)]
    job = {"portfolio": {"cash": 10_000, "shorts": True}, "data": {"adjust": "events"}}
    result = run(job, bars(*rows, split={2: 2.0}), strategy=Short)
    assert result.market is not None
    (against,), (along,) = excursions_of(result, result.market())
    assert against == pytest.approx(-0.06) and along == pytest.approx(0.10)  # 53 and 45 are 106 and 90 before the split


def test_excursions_hold_every_price_that_a_trade_saw_on_days_and_minutes() -> None:
    for market in (days(200), minutes(8)):
        result = run(SMA, market)
        assert result.market is not None
        against, along = excursions_of(result, result.market())
        trades, one = result.frame("trades"), market["A"]
        for trade, low, high in zip(trades.itertuples(), against, along, strict=True):
            last = len(one) - 1 if np.isnan(trade.exit_row) else int(trade.exit_row)
            stop = last + 1 if np.isnan(trade.exit_row) else last  # out at the open: nothing of that bar
            seen = one.iloc[int(trade.entry_row) : stop]  # in at the open: all of its bar
            assert low == pytest.approx(
                min(seen["low"].min(), trade.exit_price, trade.entry_price) / trade.entry_price - 1
            )
            assert high == pytest.approx(max(seen["high"].max(), trade.exit_price) / trade.entry_price - 1)


def test_trades_are_told_by_what_closed_them() -> None:
    profit = asked(bar(100, 101, 99, 100), bar(100, 111, 99, 110), flat(110.0))
    loss = asked(bar(100, 101, 99, 100), bar(100, 101, 94, 95), flat(95.0))
    still = asked(bar(100, 101, 99, 100))
    assert [exits_of(one) for one in (profit, loss, still)] == [["take profit"], ["stop loss"], ["still open"]]
    held = run({"strategy": {"use": "BuyAndHold"}, "portfolio": {"at_end": "close"}}, days(40))
    assert exits_of(held) == ["closing at the end"]
    crossed = run(SMA, days(200))
    told = exits_of(crossed)
    assert set(told) <= {"signal: market order", "still open"}
    bars_ = figures()["trades_by_exit"].draw(crossed).data
    trades = crossed.frame("trades").assign(told=told)
    by = trades.groupby("told")["pnl"].agg(["count", "sum"]).loc[list(bars_[0].y)]
    np.testing.assert_array_equal(bars_[0].x, by["count"])
    np.testing.assert_allclose(bars_[1].x, by["sum"])


def test_each_trade_has_the_fills_that_its_rows_say() -> None:
    result = run(
        {**SMA, "strategy": {**SMA["strategy"], "short": True}, "portfolio": {"shorts": True}}, days(300, "AB")
    )
    fills, trades, found = result.frame("fills"), result.frame("trades"), result.trade_fills
    np.testing.assert_array_equal(fills["row"].to_numpy()[found.entry], trades["entry_row"])
    np.testing.assert_array_equal(fills["symbol"].to_numpy()[found.entry], trades["symbol"])
    closed = trades["exit_row"].notna().to_numpy()
    np.testing.assert_array_equal(fills["row"].to_numpy()[found.exit[closed]], trades["exit_row"][closed])
    assert (found.exit[~closed] == -1).all() and len(trades) > 20


def test_a_friday_s_trade_is_friday_s_and_an_hour_is_by_the_exchange_s_clock() -> None:
    result = run(SMA, days(120))
    fridays = pd.DatetimeIndex(entry_sessions(result)).day_of_week
    assert set(fridays) <= set(range(5))
    market = minutes(8)
    zoned = run({**SMA, "data": {"timezone": "America/New_York"}}, market)
    plain = run(SMA, market)
    hours, zone = entry_hours(plain)
    assert zone == "UTC" and set(hours) <= set(range(14, 22))
    times = pd.DatetimeIndex(plain.column("trades", "entry_time"))
    np.testing.assert_array_equal(hours, times.hour)  # all of them fill at opens
    bars_ = figures()["trades_by_hour"].draw(plain).data[0]
    by = plain.frame("trades")["pnl"].groupby(times.hour).sum()
    assert [int(name[:2]) for name in bars_.x] == list(by.index)
    np.testing.assert_allclose(bars_.y, by)
    assert entry_hours(zoned)[1] == "America/New_York"
    with pytest.raises(NothingToShow, match="nothing tells the hour"):
        figures()["trades_by_hour"].draw(result)


def test_refusals_are_the_report_s_counts() -> None:
    class Shorts(Strategy):
        def on_bar(self, bar: Any) -> None:
            if bar.row < 3:
                self.sell(1)

    result = run({}, days(10), strategy=Shorts)
    drawn = figures()["refusals"].draw(result).data[0]
    assert dict(zip(drawn.y, drawn.x, strict=True)) == result.summary.counts.refused_because
    assert sum(drawn.x) == result.summary.counts.refused == 3
    with pytest.raises(NothingToShow, match="nothing was refused"):
        figures()["refusals"].draw(run(SMA, days(40)))


def test_fractions_of_units_make_trades_that_end() -> None:
    class Thirds(Strategy):
        def on_bar(self, bar: Any) -> None:
            if bar.row % 7 in (0, 1, 2):
                self.buy(0.1)
            if bar.row % 7 == 4:
                self.sell(0.3)

    result = run({"portfolio": {"lot": 0.0}}, days(60), strategy=Thirds)
    found, trades = result.trade_fills, result.frame("trades")
    assert len(trades) >= 8 and (found.entry >= 0).all()
    np.testing.assert_array_equal(result.frame("fills")["row"].to_numpy()[found.entry], trades["entry_row"])
    texts = [text for trace in figures()["price"].draw(result).data if trace.name == "buys" for text in trace.text]
    assert texts[0].startswith("+0.1, ")
