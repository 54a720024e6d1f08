"""Lots, price steps, multipliers and margins of single assets, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.errors import JobError
from backbus.job.job import Job
from tests.unit.order_market import QUIET, asks, bars, job_of, play

FUTURE = {"symbols": "A", "kind": "future", "multiplier": 50, "margin": 1000}


def job_with(*instruments: dict[str, Any], **more: Any) -> Job:
    portfolio = more.pop("portfolio", None)
    return job_of(portfolio, more.pop("execution", None), instruments=list(instruments))


def test_a_future_locks_margin_and_settles_at_each_close() -> None:
    #  row  close  2 contracts of 50: gain     cash and equity (100 000 at first)
    #   1    102    bought at 101: 100         100 100
    #   2     99    -300                        99 800
    #   3    sold at 103: +400                 100 200
    rows = [QUIET, (101, 103, 100, 102), (102, 103, 98, 99), (103, 104, 102, 103)]
    told = play(bars(*rows), {0: asks(2), 2: asks(-2)}, job_with(FUTURE))
    assert told.cash == told.equity == [100_000.0, 100_100.0, 99_800.0, 100_200.0]
    assert told.report.metrics.trades == 1
    assert told.report.metrics.average_win == 200.0


def test_margin_is_what_cash_has_to_pay_for_a_future() -> None:
    account = {"cash": 5500.0, "shorts": False}
    told = play(bars(QUIET, QUIET), {0: asks(8)}, job_with(FUTURE, portfolio=account))
    assert told.fills == [(1, "OPEN_MATCH", "A", 5.0, 100.0)]
    assert told.orders[0][-1] == "not enough buying power"


def test_a_multiplier_makes_values_sizes_and_fees() -> None:
    ten = {"symbols": "A", "multiplier": 10}
    costs = {"commission": {"model": "bps", "bps": 10}}
    job = job_with(ten, portfolio={"sizing": {"model": "percent_of_equity", "percent": 50}}, execution=costs)
    told = play(bars(QUIET, QUIET, (110, 111, 109, 110)), {0: lambda s, bar, book: s.go_long()}, job)
    # 50 000 / (100 × 10) = 50 units, 50 000 of value, a fee of 50
    assert told.fills == [(1, "OPEN_MATCH", "A", 50.0, 100.0)]
    assert told.fees == [50.0]
    assert told.cash[1] == 100_000.0 - 50_000.0 - 50.0
    assert told.equity[2] == told.cash[1] + 50 * 110 * 10


def test_prices_of_orders_lie_on_the_grid_and_ask_for_no_more_than_was_said() -> None:
    grid = {"symbols": "A", "tick": 0.25}
    rows = [QUIET, (100, 102, 98, 100), QUIET]
    script = {
        0: lambda s, bar, book: [
            s.order(q, **t) for q, t in ((1, {"limit": 99.2}), (2, {"stop": 101.1}), (-3, {"limit": 101.6}))
        ]
    }
    told = play(bars(*rows), script, job_with(grid))
    assert sorted(fill[3:] for fill in told.fills) == [(-3.0, 101.75), (1.0, 99.0), (2.0, 101.25)]


def test_slippage_ends_on_the_grid_away_from_the_trader() -> None:
    job = job_with({"symbols": "A", "tick": 0.05}, execution={"slippage": {"model": "bps", "bps": 1}})
    told = play(bars(*[QUIET] * 3), {0: asks(1), 1: asks(-1)}, job)
    assert [fill[4] for fill in told.fills] == [100.05, 99.95]


def test_lots_are_an_instruments_own() -> None:
    instruments = [{"symbols": "A", "lot": 100}, {"symbols": "B", "kind": "crypto"}, {"symbols": "C", "kind": "fx"}]
    row = [QUIET] * 3

    def ask(strategy: Any, bar: Any, book: Any) -> None:
        for symbol in "ABC":
            strategy.buy(150.125, symbol)

    told = play(bars(row, row), {0: ask}, job_with(*instruments))
    assert [fill[3] for fill in told.fills] == [100.0, 150.125, 150.0]


def test_costs_may_be_an_instruments_own_and_later_lines_win() -> None:
    instruments = [
        {"symbols": ["*"], "commission": {"model": "per_order", "fee": 3}},
        {"symbols": "B", "commission": {"model": "per_order", "fee": 1}, "slippage": {"model": "bps", "bps": 100}},
    ]
    row = [QUIET] * 2

    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy.buy(1, "A")
        strategy.buy(1, "B")

    told = play(bars(row, row), {0: ask}, job_with(*instruments))
    assert told.fees == [3.0, 1.0]
    assert [fill[4] for fill in told.fills] == [100.0, 101.0]


@pytest.mark.parametrize(
    ("instrument", "message"),
    [
        ({"symbols": "A", "lot": -1}, "instruments.0.lot"),
        ({"symbols": "A", "tick": 0}, "instruments.0.tick"),
        ({"symbols": "A", "multiplier": -5}, "instruments.0.multiplier"),
        ({"symbols": "A", "kind": "future"}, "a future needs its margin"),
        ({"symbols": "A", "margin": 5}, "margin is for futures"),
        ({"symbols": []}, "symbols names at least one asset"),
        ({"symbols": "A", "kind": "option"}, "instruments.0.kind"),
        ({"symbols": "A", "commission": {"model": "bps", "bps": 20_000}}, "bps"),
    ],
)
def test_what_cannot_be_an_instrument_is_refused_before_anything_runs(instrument: dict[str, Any], message: str) -> None:
    with pytest.raises(JobError) as raised:
        job_with(instrument)
    assert message in str(raised.value)


def test_an_instrument_of_no_asset_is_a_mistake() -> None:
    with pytest.raises(JobError, match=r"the data has no symbol 'Z\*'; it has A"):
        play(bars(QUIET, QUIET), {}, job_with({"symbols": "Z*"}))
