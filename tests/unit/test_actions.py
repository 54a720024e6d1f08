"""Splits, dividends and delistings in a run, by hand; and prices as strategies see them beside these."""

from __future__ import annotations

import itertools
import math
import statistics
from typing import Any, ClassVar

import numpy as np
import pytest

from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.strategy import Strategy, StrategyRunner
from tests.unit.order_market import Told, asks, bars, flat, job_of, play

NONE: dict[int, float] = {}


def split(prices: list[float], ratios: dict[int, float], script: Any, job: Job | None = None) -> Told:
    return play(bars(*map(flat, prices), split=ratios, dividend=NONE), script, job)


def test_a_split_changes_the_number_of_shares_and_not_what_they_are_worth() -> None:
    told = split([100, 100, 25, 30, 30], {2: 4.0}, {0: asks(100.0), 3: asks(-400.0)})
    assert told.equity == [100_000.0, 100_000.0, 100_000.0, 102_000.0, 102_000.0]
    assert told.bookings == [(2, "A", "split", 0.0)]
    assert told.fills[-1] == (4, "OPEN_MATCH", "A", -400.0, 30.0)
    assert told.report.metrics.trades == 1
    assert told.report.metrics.average_win == 2000.0


def test_fractions_of_a_lot_are_paid_out_at_the_last_price() -> None:
    told = split([100, 100, 1000, 1000], {2: 0.1}, {0: asks(105.0)})
    # 10.5 shares: ten stay, half a share of 1000 is paid out
    assert told.bookings == [(2, "A", "split", 500.0)]
    assert told.equity == [100_000.0] * 4
    assert told.cash[-1] == 100_000.0 - 10_500.0 + 500.0


def test_a_position_of_less_than_one_lot_after_a_split_is_paid_out_whole() -> None:
    told = split([100, 100, 1000, 1100], {2: 0.1}, {0: asks(5.0)})
    assert told.cash[-1] == 100_000.0
    assert told.report.metrics.trades == 1
    assert told.report.metrics.open_trades == 0


def test_average_cost_is_divided_by_a_split() -> None:
    seen = []
    script = {0: asks(100.0), 3: lambda s, bar, book: seen.append((book.position(), book.average_cost()))}
    split([100, 100, 25, 30], {2: 4.0}, script)
    assert set(seen) == {(400.0, 25.0)}


def test_working_orders_are_what_they_would_be_had_they_been_asked_for_after_the_split() -> None:
    script = {0: asks(100.0, stop_loss=80.0, take_profit=130.0), 1: asks(7.0, limit=90.0)}
    rows = [flat(100), flat(100), flat(50), (50, 50, 44, 50), (50, 66, 50, 66)]
    told = play(bars(*rows, split={2: 2.0}, dividend=NONE), script)
    assert told.fills[1:] == [(3, "INTRABAR_MATCH", "A", 14.0, 45.0), (4, "INTRABAR_MATCH", "A", -200.0, 65.0)]


def test_a_trailing_stop_goes_on_from_the_price_after_the_split() -> None:
    rows = [flat(100), flat(100), (115, 120, 115, 120), flat(60), (60, 60, 54, 54)]
    told = play(bars(*rows, split={3: 2.0}, dividend=NONE), {0: asks(10.0, trailing_loss=10.0)})
    assert told.fills[-1] == (4, "INTRABAR_MATCH", "A", -20.0, 55.0)


def test_an_order_of_which_no_lot_is_left_ends() -> None:
    told = split([100, 100, 1000, 900], {2: 0.1}, {0: asks(5.0, limit=90.0)})
    assert told.ends == [(2, "A", "less than one lot was left of it after a split")]
    assert told.fills == []


def test_parts_that_filled_before_a_split_count_for_its_minimum_fee() -> None:
    fee = {"model": "per_share", "fee": 0.0, "minimum": 5.0}
    job = job_of(execution={"commission": fee, "volume_cap": 0.5})
    rows = [(*flat(100), 100), (*flat(100), 100), (*flat(50), 400)]
    told = play(bars(*rows, split={2: 2.0}, dividend=NONE), {0: asks(80.0)}, job)
    assert [(fill[0], fill[3]) for fill in told.fills] == [(1, 50.0), (2, 60.0)]
    assert told.fees == [5.0, 0.0]


def test_the_mean_volume_that_moves_a_price_is_of_shares_after_the_split_of_its_row() -> None:
    closes, slippage = [100.0, 102.0, 99.0], {"model": "square_root", "impact": 0.8, "lookback": 2}
    rows = [(*flat(close), volume) for close, volume in zip(closes, [1000, 3000, 2000], strict=True)]
    script = {2: asks(50.0)}
    told = play(bars(*rows, flat(25.0), split={3: 4.0}, dividend=NONE), script, slippage=slippage)
    deviation = statistics.stdev(b / a - 1.0 for a, b in itertools.pairwise(closes))
    moved = 0.8 * deviation * math.sqrt(200.0 / (4.0 * 2500.0))
    assert told.fills == [(3, "OPEN_MATCH", "A", 200.0, pytest.approx(25.0 * (1.0 + moved), rel=1e-14))]


def test_returns_that_move_a_price_are_those_of_prices_after_the_split() -> None:
    closes, slippage = [100.0, 102.0, 99.0], {"model": "square_root", "impact": 0.8, "lookback": 3}
    rows = [(*flat(close), 1000) for close in closes] + [(*flat(25.0), 4000), flat(25.0)]
    told = play(bars(*rows, split={3: 4.0}, dividend=NONE), {3: asks(50.0)}, slippage=slippage)
    deviation = statistics.stdev(b / a - 1.0 for a, b in itertools.pairwise([*(c / 4.0 for c in closes), 25.0]))
    moved = 0.8 * deviation * math.sqrt(50.0 / 4000.0)
    assert told.fills == [(4, "OPEN_MATCH", "A", 50.0, pytest.approx(25.0 * (1.0 + moved), rel=1e-14))]


def test_a_dividend_of_nothing_is_none() -> None:
    told = play(bars(*map(flat, [100, 100, 100]), split=NONE, dividend={2: 0.0}), {0: asks(10.0)})
    assert told.bookings == []


def test_dividends_are_paid_on_their_ex_date_to_longs_and_by_shorts() -> None:
    for side in (1.0, -1.0):
        rows = [flat(100), flat(100), flat(99), flat(99)]
        told = play(bars(*rows, split=NONE, dividend={1: 7.0, 2: 1.5}), {0: asks(100.0 * side), 2: asks(-100.0 * side)})
        assert told.bookings == [(2, "A", "dividend", 150.0 * side)]
        assert told.cash[2] == 100_000.0 - side * 10_000.0 + side * 150.0
        assert told.equity[-1] == 100_000.0 + side * 50.0
        assert told.report.booked == {"dividend": 150.0 * side}
        assert (told.report.metrics.average_win or told.report.metrics.average_loss) == 50.0 * side


def test_a_dividend_is_for_each_share_that_there_is_after_the_split_of_its_row() -> None:
    told = play(bars(*map(flat, [100, 100, 48]), split={2: 2.0}, dividend={2: 2.0}), {0: asks(100.0)})
    assert told.equity[-1] == 100_000.0
    assert told.bookings == [(2, "A", "split", 0.0), (2, "A", "dividend", 400.0)]


def test_a_dividend_abroad_is_paid_at_the_last_rate() -> None:
    job = job_of({"rates": {"EUR": "B"}}, instruments=[{"symbols": "A", "currency": "EUR"}])
    rows = [[flat(100), flat(1.5)]] * 3
    told = play(bars(*rows, split=NONE, dividend={2: 1.0}), {0: asks(10.0)}, job)
    assert told.bookings == [(2, "A", "dividend", 15.0)]


def test_a_delisted_asset_is_paid_off_after_its_last_bar_and_cannot_be_bought_any_more() -> None:
    hole = (np.nan,) * 5
    rows = [[flat(100), flat(5)], [flat(100), flat(5)], [flat(60), flat(5)], [hole, flat(5)], [hole, flat(5)]]
    script = {
        0: lambda s, bar, book: (s.order(100.0, "A", stop_loss=20.0), s.order(1.0, "B")),
    }
    market = bars(*rows, split=NONE, dividend=NONE, delisting={2: 55.0})

    class Later(Strategy):
        def on_bar(self, bar: Any, book: Any) -> None:
            if bar.row == 0 and bar.asset == 0:
                script[0](self, bar, book)
            if bar.row == 3:
                self.order(5.0, "A")

    told = play(market, Later())
    assert told.bookings == [(3, "A", "delisting", 5500.0)]
    assert told.cash[-1] == told.equity[-1] - 5.0 == 100_000.0 - 10_000.0 + 5_500.0 - 5.0
    assert told.ends[0] == (3, "A", "its asset was delisted")
    assert told.orders[-1][-1] == "the asset was delisted"
    assert told.report.metrics.trades == 1
    assert told.report.metrics.average_loss == -4500.0


def test_what_was_delisted_for_nothing_is_lost() -> None:
    market = bars(*map(flat, [100, 100, 1, 1]), split=NONE, dividend=NONE, delisting={2: 0.0})
    told = play(market, {0: asks(100.0)})
    assert told.equity[-1] == 90_000.0
    assert told.report.metrics.trades == 1


def test_orders_of_a_delisted_asset_keep_nothing_back_at_the_open_that_pays_it_off() -> None:
    hole = (np.nan,) * 5
    rows = [[flat(100), flat(100)], [flat(100), flat(100)], [hole, flat(200)]]
    script = {0: asks(1000.0, "A", limit=50.0), 1: asks(500.0, "B")}
    told = play(bars(*rows, split=NONE, dividend=NONE, delisting={1: 100.0}), script, job_of({"shorts": False}))
    assert told.ends == [(2, "A", "its asset was delisted")]
    assert told.fills == [(2, "OPEN_MATCH", "B", 500.0, 200.0)]


def test_a_signal_that_waits_for_a_bar_is_refused_once_the_asset_is_delisted() -> None:
    hole = (np.nan,) * 5
    market = bars(flat(100), flat(100), hole, hole, split=NONE, dividend=NONE, delisting={1: 100.0})
    told = play(market, {0: lambda s, bar, book: s.go_long()})
    assert told.bookings == [(2, "A", "delisting", pytest.approx(100_000.0))]


# --- what strategies see ---------------------------------------------------------------------------------------------


def shown(market: Panel, block: int = 100) -> tuple[Any, Any]:
    """Closes as an array-style strategy sees them, and histories as an event-style one does."""
    arrays, histories = [], []

    class Arrays(Strategy):
        def signals(self, bars: Any) -> Any:
            arrays.append(bars.close.values[:, 0])
            arrays.append(bars.volume.values[:, 0])
            return self.hold_long(bars.close > bars.sma(2))

    class Events(Strategy):
        lookback: ClassVar[int] = 3

        def on_bar(self, bar: Any) -> None:
            histories.append((bar.close, bar.closes(3).tolist(), bar.history("volume", 2).tolist()))

    for style in (Arrays(), Events()):
        runner = StrategyRunner(style, market.layout)
        for part in market.blocks(block):
            runner.on_block(part)
    return (np.concatenate(arrays[::2]).tolist(), np.concatenate(arrays[1::2]).tolist()), histories


@pytest.mark.parametrize("block", [1, 2, 100])
def test_strategies_see_prices_go_on_over_a_split_and_a_dividend(block: int) -> None:
    # a split of 2 in row 2; a dividend of a tenth of the close before in row 3
    prices = [100.0, 110.0, 55.0, 45.0]
    market = bars(*((*flat(p), v) for p, v in zip(prices, [10, 10, 20, 20], strict=True)),
                  split={2: 2.0}, dividend={3: 5.5})  # fmt: skip
    (closes, volumes), histories = shown(market, block)
    assert closes == [100.0, 110.0, 110.0, pytest.approx(100.0)]
    assert volumes == [10.0, 10.0, 10.0, 10.0]
    assert histories[1] == (110.0, [100.0, 110.0], [10.0, 10.0])
    assert histories[2] == (55.0, [50.0, 55.0, 55.0], [20.0, 20.0])
    assert histories[3] == (45.0, [pytest.approx(49.5), pytest.approx(49.5), 45.0], [20.0, 20.0])


def test_what_is_shown_of_a_row_depends_on_nothing_after_it() -> None:
    rows = [flat(p) for p in (100.0, 110.0, 55.0, 45.0)]
    whole = bars(*rows, split={2: 2.0}, dividend={3: 5.5})
    cut = bars(*rows[:2], split=NONE, dividend=NONE)
    (closes, _), histories = shown(whole)
    (closes_cut, _), histories_cut = shown(cut)
    assert closes[:2] == closes_cut
    assert histories[:2] == histories_cut


@pytest.mark.slow
def test_a_cross_trades_the_same_whether_prices_were_adjusted_before_or_as_it_went() -> None:
    draw = np.random.default_rng(5)
    true = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 0.02, 300)))
    ratio = np.ones(300)
    ratio[120], ratio[200] = 4.0, 0.5
    raw = true * 4.0 * 0.5 / np.cumprod(ratio)
    job = job_of({"lot": 0.0, "sizing": {"model": "percent_of_equity", "percent": 50.0}})

    class Cross(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.hold_long(bars.sma(5) > bars.sma(20))

    events = play(bars(*map(flat, raw), split={120: 4.0, 200: 0.5}, dividend=NONE), Cross(), job)
    before = play(bars(*map(flat, true)), Cross(), job)
    assert [fill[:3] for fill in events.fills] == [fill[:3] for fill in before.fills]
    np.testing.assert_allclose(events.equity, before.equity, rtol=1e-10)


class Moves(Strategy):
    """Without a book: asks for an order, and moves its target once the asset has split."""

    _order: Any = None

    def on_bar(self, bar: Any) -> None:
        if bar.row == 0:
            self._order = self.buy(10.0, limit=90.0, stop_loss=80.0)
        if bar.row == 3:
            assert (self._order.quantity, self._order.terms) == (20.0, {"limit": 45.0, "stop_loss": 40.0})
            self._order = self.replace(self._order, take_profit=55.0)


def test_an_order_that_is_replaced_without_a_book_is_what_the_split_has_made_of_it() -> None:
    prices = [100, 100, 50, 50, 50, 45, 40]
    told = play(bars(*map(flat, prices), split={2: 2.0}, dividend=NONE), Moves())
    assert [(row, quantity, price) for row, _, _, quantity, price in told.fills] == [(5, 20.0, 45.0), (6, -20.0, 40.0)]


class MovesOne(Strategy):
    """Without a book: moves an order for one share, of which a split backwards has left nothing."""

    _order: Any = None

    def on_bar(self, bar: Any) -> None:
        if bar.row == 0:
            self._order = self.buy(1.0, limit=90.0)
        if bar.row == 3:
            self.replace(self._order, limit=300.0)


def test_replacing_an_order_that_a_split_has_ended_is_refused_and_no_error() -> None:
    told = play(bars(*map(flat, [100, 100, 250, 250, 250, 250]), split={2: 0.4}, dividend=NONE), MovesOne())
    assert told.fills == []
    assert [kind for _, _, kind, *_ in told.orders] == ["place", "refuse"]


class Waits(Strategy):
    """Says something of an asset that has no bar now, and splits before its next one."""

    terms: dict[str, float] = {}  # noqa: RUF012  (pydantic copies it for each instance)

    def on_bar(self, bar: Any) -> None:
        if bar.symbol == "B" and bar.row == 1:
            self.go_long(symbol="A", **self.terms)


@pytest.mark.parametrize(
    ("terms", "price"),
    [({"limit": 90.0}, 45.0), ({"trail": 10.0, "trail_then": 4.0, "trail_from": 90.0}, 46.0), ({"stop": 110.0}, 55.0)],
)
def test_a_signal_that_waits_over_a_split_has_the_prices_that_it_has_made(
    terms: dict[str, float], price: float
) -> None:
    ones = [100.0, math.nan, 50.0, 50.0, 45.0, 44.0, 46.0, 55.0]
    market = bars(*[[flat(one), flat(9.0)] for one in ones], split={2: 2.0}, dividend=NONE)
    assert play(market, Waits(terms=terms)).fills[0][4] == price
