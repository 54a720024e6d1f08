"""Trades: flat to flat, first in first out, worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.errors import ProtocolError
from backbus.performance.trades import NO_TIME, TradeBook
from backbus.trading.records import FILL, Records


def fills(*rows: tuple[int, int, float, float, float]) -> Records:
    """(row, asset, quantity, price, fee); each is an order of its own, filled at the open without slippage."""
    records = np.zeros(len(rows), dtype=FILL)
    for index, (row, asset, quantity, price, fee) in enumerate(rows):
        records[index] = (6 * row + 1, index, asset, 0, 0, quantity, price, price, fee, 1.0, 0.0)
    return records


def test_a_round_trip_earns_the_difference_less_both_fees() -> None:
    book = TradeBook(1)
    times = np.array([111, 222])
    (trade,) = book.add(fills((2, 0, 10.0, 100.0, 1.0), (5, 0, -10.0, 110.0, 2.0)), times)
    assert (trade["asset"], trade["side"], trade["entry_tick"], trade["exit_tick"], trade["bars"]) == (0, 1, 13, 31, 3)
    assert (trade["entry_time"], trade["exit_time"]) == (111, 222)
    assert (trade["quantity"], trade["entry_price"], trade["exit_price"]) == (10.0, 100.0, 110.0)
    assert (trade["fees"], trade["pnl"], trade["return"]) == (3.0, 97.0, 0.097)
    assert book.open_trades == 0


def test_a_short_round_trip_earns_what_the_price_lost() -> None:
    (trade,) = TradeBook(1).add(fills((0, 0, -4.0, 50.0, 0.5), (1, 0, 4.0, 45.0, 0.5)))
    assert (trade["side"], trade["pnl"], trade["return"]) == (-1, 19.0, 19.0 / 200.0)


def test_scaling_in_and_out_is_one_trade_at_average_prices() -> None:
    (trade,) = TradeBook(1).add(
        fills(
            (0, 0, 10.0, 100.0, 1.0),
            (1, 0, 20.0, 115.0, 1.0),
            (2, 0, -5.0, 120.0, 1.0),
            (3, 0, 5.0, 110.0, 1.0),
            (7, 0, -30.0, 130.0, 1.0),
        )
    )
    # in: 1000 + 2300 + 550 for 35; out: 600 + 3900 for 35
    assert trade["quantity"] == 30.0
    assert trade["entry_price"] == 3850.0 / 35.0
    assert trade["exit_price"] == 4500.0 / 35.0
    assert (trade["fees"], trade["pnl"], trade["return"]) == (5.0, 645.0, 645.0 / 3850.0)
    assert trade["bars"] == 7


def test_a_fill_through_zero_ends_one_trade_and_begins_another_with_its_share_of_the_fee() -> None:
    book = TradeBook(1)
    first, second = book.add(fills((0, 0, 10.0, 100.0, 1.0), (3, 0, -40.0, 90.0, 8.0), (4, 0, 30.0, 80.0, 3.0)))
    assert (first["side"], first["fees"], first["pnl"], first["exit_tick"]) == (1, 3.0, -103.0, 19)
    assert (second["side"], second["quantity"], second["fees"], second["pnl"]) == (-1, 30.0, 9.0, 291.0)
    assert (second["entry_tick"], second["bars"]) == (19, 1)
    totals = book.totals[0]
    assert (totals["closed"], totals["won"], totals["lost"]) == (2, 1, 1)
    assert (totals["gross_profit"], totals["gross_loss"], totals["fees"]) == (291.0, -103.0, 12.0)


def test_open_trades_are_valued_at_the_last_close_and_counted_apart() -> None:
    book = TradeBook(3)
    assert not len(book.add(fills((0, 1, 10.0, 100.0, 1.0), (1, 2, -5.0, 20.0, 1.0), (2, 1, -4.0, 105.0, 1.0))))
    assert book.open_trades == 2
    assert book.totals["closed"][0] == 0
    long, short = book.valued(np.array([np.nan, 110.0, 22.0]), row=9)
    assert (long["asset"], long["side"], long["quantity"], long["exit_tick"], long["bars"]) == (1, 1, 10.0, -1, 9)
    assert long["pnl"] == (4 * 105.0 - 1000.0) + 6 * 110.0 - 2.0
    assert long["exit_time"] == NO_TIME
    assert (short["side"], short["pnl"]) == (-1, (20.0 - 22.0) * 5 - 1.0)


def test_costs_are_summed_over_all_fills() -> None:
    records = fills((0, 0, 10.0, 101.0, 1.5), (1, 0, -10.0, 99.0, 1.5))
    records["reference"] = 100.0
    book = TradeBook(1)
    book.add(records)
    totals = book.totals[0]
    assert (totals["slippage"], totals["fees"], totals["traded_value"]) == (20.0, 3.0, 2000.0)


def test_a_trade_without_result_is_neither_won_nor_lost() -> None:
    book = TradeBook(1)
    book.add(fills((0, 0, 1.0, 10.0, 0.0), (1, 0, -1.0, 10.0, 0.0)))
    totals = book.totals[0]
    assert (totals["closed"], totals["won"], totals["lost"]) == (1, 0, 0)


def test_a_trade_that_cost_nothing_has_no_return() -> None:
    (trade,) = TradeBook(1).add(fills((2, 0, 10.0, 0.0, 0.0), (5, 0, -10.0, 1.0, 0.0)))
    assert trade["pnl"] == 10.0
    assert np.isnan(trade["return"])


def test_an_order_that_fills_in_parts_is_one_order() -> None:
    records = fills((0, 0, 1.0, 10.0, 0.0), (1, 0, 1.0, 10.0, 0.0), (2, 0, -2.0, 10.0, 0.0))
    records["order"] = [7, 7, 8]
    book = TradeBook(1)
    book.add(records)
    assert (book.totals["fills"][0], book.totals["orders_filled"][0]) == (3, 2)


@pytest.mark.parametrize("asset", [-1, 2])
def test_a_fill_of_an_asset_that_the_run_does_not_have_is_refused(asset: int) -> None:
    with pytest.raises(ProtocolError, match="outside the run's 2"):
        TradeBook(2).add(fills((0, asset, 1.0, 10.0, 0.0)))


@given(
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 5), st.floats(1.0, 100.0)), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=5),
)
def test_how_fills_are_cut_changes_nothing(steps: list[tuple[int, int, float]], cuts: list[int]) -> None:
    records = fills(*((row, a, float(q), price, 0.1) for row, (a, q, price) in enumerate(steps)))
    times = np.arange(len(records))
    whole = TradeBook(3)
    expected = whole.add(records, times)
    parts = TradeBook(3)
    edges = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    found = [parts.add(records[a:b], times[a:b]) for a, b in itertools.pairwise(edges)]
    assert b"".join(part.tobytes() for part in found) == expected.tobytes()
    assert parts.totals.tobytes() == whole.totals.tobytes()
    closes = np.array([3.0, 5.0, 7.0])
    assert parts.valued(closes, 99).tobytes() == whole.valued(closes, 99).tobytes()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 5), st.integers(1, 50)), max_size=60))
def test_trades_share_out_exactly_what_the_cash_account_earned(steps: list[tuple[int, int, int]]) -> None:
    """Whole numbers, so that sums are exact: closed and open results add up to cash flows plus positions."""
    records = fills(*((row, a, float(q), float(price), 2.0) for row, (a, q, price) in enumerate(steps) if q))
    closes = np.array([3.0, 5.0, 7.0])
    book = TradeBook(3)
    closed = book.add(records)
    still_open = book.valued(closes, 99)
    position = np.zeros(3)
    np.add.at(position, records["asset"], records["quantity"])
    earned = -(records["quantity"] * records["price"]).sum() - records["fee"].sum() + (position * closes).sum()
    assert closed["pnl"].sum() + still_open["pnl"].sum() == pytest.approx(earned, abs=1e-9)
    assert closed["fees"].sum() + still_open["fees"].sum() == pytest.approx(records["fee"].sum())
    assert book.open_trades == np.count_nonzero(position)
