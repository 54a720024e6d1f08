"""Orders where both sides of the market are quoted: who buys meets what is asked, who sells what is bid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backbus.errors import JobError
from backbus.job.job import Job
from backbus.market.columns import QUOTES
from backbus.market.panel import Panel
from backbus.trading.rules import PATHS
from tests.simulation.fine_paths import ENTRIES, START, bracket
from tests.unit.order_market import BAR, CLOSE, HOLE, OPEN, Bar, asks, bars, job_of, play
from tests.unit.panels import panel_of

Sided = tuple[Bar, Bar | None, Bar | None]
"""A bar, what is bid and what is asked in it."""


def quoted(*rows: Sided, **more: Any) -> Panel:
    """A market of one asset whose sides are quoted."""
    columns: dict[str, dict[int, float]] = {name: {} for name in QUOTES}
    for row, (_, *sides) in enumerate(rows):
        for side, prices in zip(("bid", "ask"), sides, strict=True):
            for name, price in zip(("open", "high", "low", "close"), prices or (), strict=False):
                columns[f"{side}_{name}"][row] = price
    return bars(*(bar for bar, *_ in rows), **columns, **more)


def around(middle: float, spread: float = 2.0, reach: float = 1.0) -> Sided:
    """A bar at one price, its sides so far apart, each reaching so far up and down."""
    low, high = middle - spread / 2.0, middle + spread / 2.0
    return (
        (middle, middle + reach, middle - reach, middle),
        (low, low + reach, low - reach, low),
        (high, high + reach, high - reach, high),
    )


def job(execution: dict[str, Any] | None = None, **portfolio: Any) -> Job:
    return job_of(portfolio, execution, data={"quotes": True})


def test_a_market_order_buys_at_the_ask_and_sells_at_the_bid() -> None:
    market = quoted(around(100.0), around(110.0), around(120.0, 6.0), around(130.0))
    told = play(market, {0: asks(10), 1: asks(-10)}, job())
    assert told.fills == [(1, OPEN, "A", 10.0, 111.0), (2, OPEN, "A", -10.0, 117.0)]
    assert told.equity == [100_000.0, 100_000.0 - 10.0, 100_060.0, 100_060.0]  # marked at the bar's own close


def test_at_the_close_it_is_the_closing_quote() -> None:
    market = quoted(around(100.0), around(110.0, 4.0), around(120.0))
    told = play(market, {0: asks(10), 1: asks(-10)}, job({"fill": "close"}))
    assert told.fills == [(0, CLOSE, "A", 10.0, 101.0), (1, CLOSE, "A", -10.0, 108.0)]


def test_slippage_and_steps_count_from_the_side() -> None:
    market = quoted(around(100.0), around(110.0), around(110.0))
    told = play(market, {0: asks(10)}, job({"slippage": {"model": "bps", "bps": 100.0}}))
    assert told.fills == [(1, OPEN, "A", 10.0, pytest.approx(111.0 * 1.01))]


def test_what_is_bought_is_what_the_ask_lets_be_paid() -> None:
    market = quoted(around(100.0, 20.0), around(100.0, 20.0))
    whole = {"sizing": {"model": "percent_of_equity", "percent": 100.0}, "cash": 1000.0, "shorts": False}
    for fill, row in (("open", 1), ("close", 0)):
        told = play(market, [(0, 0, 1.0)], job({"fill": fill}, **whole))
        assert [(at, quantity, price) for at, _, _, quantity, price in told.fills] == [(row, 9.0, 110.0)]
        assert min(told.cash) >= 0.0


def test_a_bar_without_quotes_is_its_own_market() -> None:
    market = quoted(around(100.0), ((100.0, 101.0, 99.0, 100.0), None, None), around(100.0))
    told = play(market, {0: asks(10), 1: asks(-10)}, job())
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (2, OPEN, "A", -10.0, 99.0)]


def test_a_hole_has_no_quotes_either() -> None:
    market = quoted(around(100.0), (HOLE, None, None), around(110.0))
    assert play(market, {0: asks(10)}, job()).fills == [(2, OPEN, "A", 10.0, 111.0)]


def test_a_limit_waits_for_its_own_side() -> None:
    # Trades come down to 98, the ask to 99.5 only; a bar later it comes to 98.5.
    one: Sided = ((100.0, 100.0, 98.0, 99.0), (98.0, 98.0, 97.0, 97.0), (101.0, 101.0, 99.5, 100.0))
    two: Sided = ((99.0, 99.0, 98.5, 98.6), (97.0, 97.0, 96.0, 96.0), (100.0, 100.0, 98.5, 99.0))
    market = quoted(around(100.0), one, two, around(98.0))
    for path in PATHS:
        told = play(market, {0: asks(10, limit=99.0)}, job({"path": path}))
        assert told.fills == [(2, BAR, "A", 10.0, 99.0)]


def test_a_stop_is_met_by_its_own_side() -> None:
    # Trades stay above 95; the bid does not.
    dip: Sided = ((100.0, 100.0, 96.0, 99.0), (98.0, 98.0, 93.0, 97.0), (101.0, 101.0, 98.0, 100.0))
    market = quoted(around(100.0), around(100.0), dip, around(100.0))
    for path in PATHS:
        told = play(market, {0: asks(10, stop_loss=95.0)}, job({"path": path}))
        assert told.fills == [(1, OPEN, "A", 10.0, 101.0), (2, BAR, "A", -10.0, 95.0)]


def test_a_gap_is_the_sides_own() -> None:
    lower: Sided = ((96.0, 97.0, 95.0, 96.0), (94.0, 95.0, 93.0, 94.0), (98.0, 99.0, 97.0, 98.0))
    market = quoted(around(100.0), around(100.0), lower)
    told = play(market, {0: asks(10, stop_loss=95.0)}, job())
    assert told.fills[1] == (2, OPEN, "A", -10.0, 94.0)  # the bid opens beyond the stop, the trade does not


def test_a_stop_within_the_spread_is_met_where_the_entry_fills() -> None:
    # Who buys at 101 and is stopped at 100.5 stands at a bid of 99 at once.
    market = quoted(around(103.0), around(103.0, reach=3.0), around(103.0))
    for path in PATHS:
        told = play(market, {0: asks(10, limit=101.0, stop_loss=100.5)}, job({"path": path}))
        assert told.fills == [(1, BAR, "A", 10.0, 101.0), (1, BAR, "A", -10.0, 99.0)]


def test_legs_are_walked_by_both_sides_at_once() -> None:
    # A fall of the whole market: the sale at 98 comes before the purchase at 97, though both are on the same leg.
    fall: Sided = ((100.0, 100.0, 94.0, 95.0), (99.0, 99.0, 93.0, 94.0), (101.0, 101.0, 95.0, 96.0))
    market = quoted(around(100.0), around(100.0), fall)
    says = {0: asks(10), 1: lambda s, bar, book: (s.order(-10, stop=98.0), s.order(5, limit=97.0))}
    told = play(market, says, job({"path": "open-low-high-close"}))
    assert told.fills[1:] == [(2, BAR, "A", -10.0, 98.0), (2, BAR, "A", 5.0, 97.0)]


@pytest.mark.parametrize("path", PATHS)
def test_sides_that_are_the_bar_change_nothing(path: str) -> None:
    random = np.random.default_rng(7)
    for _ in range(40):
        closes = START + np.cumsum(random.integers(-6, 7, 12))
        rows: list[Bar] = []
        for close in closes.tolist():
            opened = close + float(random.integers(-4, 5))
            top, bottom = max(opened, close), min(opened, close)
            rows.append((opened, top + random.integers(0, 5), bottom - random.integers(0, 5), close))
        order = bracket(random, 6.0, str(random.choice(ENTRIES)))
        says = {0: asks(order.quantity, **order.terms)}
        alone = play(bars(*rows), says, job_of({"cash": 1e6}, {"path": path}))
        sided = play(quoted(*((row, row, row) for row in rows)), says, job({"path": path}, cash=1e6))
        assert sided.filled == alone.filled and sided.ends == alone.ends


def test_signals_that_target_weights_are_sized_by_the_bar_and_paid_by_the_side() -> None:
    market = quoted(around(100.0), around(100.0), around(100.0))
    told = play(market, [(0, 0, 0.5, "weight")], job(cash=10_000.0))
    assert told.fills == [(1, OPEN, "A", 50.0, 101.0)]


def test_half_a_spread_on_top_is_refused() -> None:
    with pytest.raises(JobError, match="paid twice"):
        job({"slippage": {"model": "half_spread", "spread": 1.0}})


def test_the_quotes_of_each_asset_are_its_own() -> None:
    columns = [np.full((3, 2), price) for price in (100.0, 101.0, 99.0, 100.0, 1000.0)]
    sides = {name: np.full((3, 2), np.nan) for name in QUOTES}
    for name in QUOTES:
        sides[name][:, 1] = 100.0 + (5.0 if name.startswith("ask") else -5.0)
    market = panel_of(*columns, extra=sides)
    told = play(market, {0: lambda s, bar, book: (s.order(1, "A"), s.order(1, "B"))}, job())
    assert sorted(told.fills) == [(1, OPEN, "A", 1.0, 100.0), (1, OPEN, "B", 1.0, 105.0)]


def test_a_split_makes_quotes_new() -> None:
    market = quoted(around(100.0), around(100.0), around(50.0), around(50.0), split={2: 2.0})
    told = play(market, {0: asks(10), 2: asks(-20)}, replace_events(job()))
    assert told.fills == [(1, OPEN, "A", 10.0, 101.0), (3, OPEN, "A", -20.0, 49.0)]


def replace_events(plain: Job) -> Job:
    return plain.model_copy(update={"data": plain.data.model_copy(update={"adjust": "events"})})


def test_columns_alone_are_no_quotes() -> None:
    market = quoted(around(100.0), around(110.0), around(120.0))
    assert play(market, {0: asks(10)}, job_of()).fills == [(1, OPEN, "A", 10.0, 110.0)]
