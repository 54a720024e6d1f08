"""When orders are decided, cut, refused and filled: tiny markets, every number worked out by hand.

Unless said otherwise an account has 1000 in cash, buys ten shares per entry and pays no costs.
"""

from __future__ import annotations

import numpy as np
import pytest

from backbus.execution.handler import ExecutionHandler
from backbus.strategy.builtins import BuyAndHold
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from backbus.trading.codes import Action
from backbus.trading.numbers import rules_of
from backbus.trading.records import order_id
from tests.unit.order_market import NAN, open_close, play, scripted, small
from tests.unit.records_of_runs import said_by_engine

FIRST = (0, 0, 0)
"""The order decided in row 0 for asset 0."""
CASHLESS, REPLACED, SMALL = "not enough buying power", "replaced by a newer signal", "less than one lot"
SIZED = {"model": "percent_of_equity", "percent": 100.0}


def test_a_market_order_fills_whole_at_the_next_open() -> None:
    #        row   open  close   cash   shares  worth  equity
    #         0     10     10    1000      0       0    1000    long: 10 shares
    #         1     11     12     890     10     120    1010    bought at 11
    #         2     13     14     890     10     140    1030
    run = play(open_close([10, 11, 13], [10, 12, 14]), [(0, 0, 1.0)], small())
    assert run.decisions == [(0, "CLOSE_DECIDE", FIRST, "place", 10.0, 10.0, "")]
    assert run.filled == [(1, "OPEN_MATCH", FIRST, 10.0, 11.0, 0.0)]
    assert run.cash == [1000.0, 890.0, 890.0]
    assert run.gross == [0.0, 120.0, 140.0]
    assert run.equity == [1000.0, 1010.0, 1030.0]


def test_a_fill_says_whether_it_was_the_open_or_the_close_that_filled_it() -> None:
    market = open_close([10, 11, 13], [10, 12, 14])
    assert play(market, [(0, 0, 1.0)], small()).rules == ["market order at the open"]
    assert play(market, [(0, 0, 1.0)], small(execution={"fill": "close"})).rules == ["market order at the close"]


def test_going_flat_sells_the_whole_position_at_the_next_open() -> None:
    run = play(open_close([10, 11, 13], [10, 12, 14]), [(0, 0, 1.0), (1, 0, 0.0)], small())
    assert run.decisions[1] == (1, "CLOSE_DECIDE", (1, 0, 0), "place", -10.0, -10.0, "")
    assert run.filled[1] == (2, "OPEN_MATCH", (1, 0, 0), -10.0, 13.0, 0.0)
    assert run.equity == [1000.0, 1010.0, 1020.0]
    assert run.trades["pnl"].tolist() == [20.0]


def test_an_order_may_fill_at_the_close_that_decided_it() -> None:
    #         1     11     12     880     10     120    1000    bought at 12, in the row of the signal
    #         2     13     14     880     10     140    1020
    run = play(open_close([10, 11, 13], [10, 12, 14]), [(1, 0, 1.0)], small(execution={"fill": "close"}))
    assert run.decisions == [(1, "CLOSE_DECIDE", (1, 0, 0), "place", 10.0, 10.0, "")]
    assert run.filled == [(1, "CLOSE_MATCH", (1, 0, 0), 10.0, 12.0, 0.0)]
    assert run.cash == [1000.0, 880.0, 880.0]
    assert run.equity == [1000.0, 1000.0, 1020.0]


def test_an_open_that_gapped_up_cuts_the_order_to_what_cash_pays() -> None:
    # All of 1000 at a close of 10 is 100 shares; at an open of 12.50 cash pays 80, and not a cent is left.
    run = play(open_close([10, 12.5], [10, 12.5]), [(0, 0, 1.0)], small(sizing=SIZED))
    assert run.decisions == [
        (0, "CLOSE_DECIDE", FIRST, "place", 100.0, 100.0, ""),
        (1, "OPEN_DECIDE", FIRST, "resize", 80.0, 100.0, CASHLESS),
    ]
    assert run.filled == [(1, "OPEN_MATCH", FIRST, 80.0, 12.5, 0.0)]
    assert run.cash == [1000.0, 0.0]


def test_the_cut_leaves_room_for_slippage_and_fee() -> None:
    # At the open of 12 plus half a spread of 0.50 a share costs 12.50; 1000 less a fee of 5 pays 79.6 of them.
    costs = {"slippage": {"model": "half_spread", "spread": 1.0}, "commission": {"model": "per_order", "fee": 5.0}}
    run = play(open_close([10, 12], [10, 12]), [(0, 0, 1.0)], small(costs, sizing=SIZED))
    # At the close: 1000 less 5 pays 94.8 shares at 10.50.
    assert run.decisions == [
        (0, "CLOSE_DECIDE", FIRST, "place", 94.0, 100.0, CASHLESS),
        (1, "OPEN_DECIDE", FIRST, "resize", 79.0, 100.0, CASHLESS),
    ]
    assert run.filled == [(1, "OPEN_MATCH", FIRST, 79.0, 12.5, 5.0)]
    assert run.cash == [1000.0, 1000.0 - 79 * 12.5 - 5.0]


def test_an_open_at_which_nothing_can_be_paid_takes_the_order_back() -> None:
    run = play(open_close([10, 1200], [10, 1200]), [(0, 0, 1.0)], small(sizing=SIZED))
    assert run.decisions[1] == (1, "OPEN_DECIDE", FIRST, "cancel", 0.0, 100.0, CASHLESS)
    assert run.filled == []


def test_an_order_without_cash_is_refused() -> None:
    run = play(open_close([10, 10], [10, 10]), [(0, 0, 1.0)], small(cash=5.0))
    assert run.decisions == [(0, "CLOSE_DECIDE", FIRST, "refuse", 0.0, 10.0, CASHLESS)]
    assert run.filled == []


def test_a_wish_for_less_than_one_lot_is_refused() -> None:
    run = play(open_close([10, 10], [10, 10]), [(0, 0, 1.0)], small(cash=5.0, sizing=SIZED))
    assert run.decisions == [(0, "CLOSE_DECIDE", FIRST, "refuse", 0.0, 0.0, SMALL)]


def test_sells_come_before_buys_at_one_open_and_pay_for_them() -> None:
    # Cash 100 is all in asset 1. Row 1 sells it and buys asset 0 with what that brings, though 0 comes first by number.
    flat = [[10, 10]] * 3
    run = play(open_close(flat), [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0)], small(cash=100.0))
    assert run.decisions[1:] == [
        (1, "CLOSE_DECIDE", (1, 1, 0), "place", -10.0, -10.0, ""),
        (1, "CLOSE_DECIDE", (1, 0, 0), "place", 10.0, 10.0, ""),
    ]
    assert run.filled[1:] == [
        (2, "OPEN_MATCH", (1, 1, 0), -10.0, 10.0, 0.0),
        (2, "OPEN_MATCH", (1, 0, 0), 10.0, 10.0, 0.0),
    ]
    assert run.cash == [100.0, 0.0, 0.0]


def test_the_opposite_direction_is_one_order_through_zero_where_shorts_are_allowed() -> None:
    #        row  price   cash   shares  equity
    #         1     10     900      10    1000
    #         2     12    1140     -10    1020    sold 20 at 12
    #         3     11    1030       0    1030    bought 10 at 11
    prices = [10, 10, 12, 11]
    run = play(open_close(prices), [(0, 0, 1.0), (1, 0, -1.0), (2, 0, 0.0)], small(shorts=True))
    assert [fill[3:] for fill in run.filled] == [(10.0, 10.0, 0.0), (-20.0, 12.0, 0.0), (10.0, 11.0, 0.0)]
    assert run.decisions[1] == (1, "CLOSE_DECIDE", (1, 0, 0), "place", -20.0, -20.0, "")
    assert run.cash == [1000.0, 900.0, 1140.0, 1030.0]
    assert run.gross == [0.0, 100.0, 120.0, 0.0]
    assert run.equity == [1000.0, 1000.0, 1020.0, 1030.0]
    assert run.trades["pnl"].tolist() == [20.0, 10.0]


def test_the_opposite_direction_only_closes_where_shorts_are_not_allowed() -> None:
    prices = [10, 10, 12, 11]
    run = play(open_close(prices), [(0, 0, 1.0), (1, 0, -1.0), (2, 0, -1.0)], small())
    assert run.decisions[1:] == [
        (1, "CLOSE_DECIDE", (1, 0, 0), "place", -10.0, -10.0, ""),
        (2, "CLOSE_DECIDE", (2, 0, 0), "refuse", 0.0, 0.0, "short positions are not allowed"),
    ]
    assert run.cash[-1] == 1020.0


def test_a_direction_equal_to_the_position_does_nothing() -> None:
    prices = [10, 11, 12, 13]
    run = play(open_close(prices), [(0, 0, 1.0), (1, 0, 1.0), (2, 0, 0.5)], small())
    assert len(run.decisions) == len(run.filled) == 1
    assert run.report.counts.signals == 3


def test_an_order_waits_through_a_hole_and_its_position_keeps_the_last_price() -> None:
    run = play(open_close([10, NAN, 12, NAN], [10, NAN, 13, NAN]), [(0, 0, 1.0)], small())
    assert run.filled == [(2, "OPEN_MATCH", FIRST, 10.0, 12.0, 0.0)]
    assert run.equity == [1000.0, 1000.0, 1010.0, 1010.0]


def test_a_signal_of_a_hole_is_decided_at_the_next_close() -> None:
    run = play(open_close([10, NAN, 12, 13], [10, NAN, 12, 13]), [(1, 0, 1.0)], small())
    assert run.decisions == [(2, "CLOSE_DECIDE", (2, 0, 0), "place", 10.0, 10.0, "")]
    assert run.filled == [(3, "OPEN_MATCH", (2, 0, 0), 10.0, 13.0, 0.0)]


def test_the_newest_of_several_waiting_signals_counts() -> None:
    run = play(open_close([10, NAN, NAN, 12, 13], [10, NAN, NAN, 12, 13]), [(1, 0, 1.0), (2, 0, 0.0)], small())
    assert run.decisions == []


def test_a_new_signal_replaces_an_order_that_did_not_fill() -> None:
    # Row 1 has no open, so the order of row 0 is still there when the close of row 1 decides anew.
    run = play(open_close([10, NAN, 12], [10, 11, 12]), [(0, 0, 1.0), (1, 0, 1.0)], small())
    assert run.decisions == [
        (0, "CLOSE_DECIDE", FIRST, "place", 10.0, 10.0, ""),
        (1, "CLOSE_DECIDE", FIRST, "cancel", 0.0, 10.0, REPLACED),
        (1, "CLOSE_DECIDE", (1, 0, 0), "place", 10.0, 10.0, ""),
    ]
    assert run.filled == [(2, "OPEN_MATCH", (1, 0, 0), 10.0, 12.0, 0.0)]


def test_an_asset_that_has_never_traded_is_not_bought() -> None:
    opens = [[10, NAN], [10, NAN], [10, 20]]
    run = play(open_close(opens), [(0, 1, 1.0)], small())
    assert run.decisions == [(0, "CLOSE_DECIDE", (0, 1, 0), "refuse", 0.0, 0.0, "no bar of this asset yet")]


def test_orders_of_the_last_row_expire() -> None:
    run = play(open_close([10, 11], [10, 11]), [(1, 0, 1.0)], small())
    assert run.decisions == [(1, "CLOSE_DECIDE", (1, 0, 0), "place", 10.0, 10.0, "")]
    assert run.filled == []
    assert run.report.counts.expired == 1


@pytest.mark.parametrize("warmup", [0, 1, 3])
def test_warm_up_rows_neither_trade_nor_report(warmup: int) -> None:
    prices = [10, 11, 12, 13, 14]
    run = play(open_close(prices, warmup=warmup), BuyAndHold(), small())
    assert run.rows == list(range(warmup, 5))
    assert run.decisions == [(warmup, "CLOSE_DECIDE", (warmup, 0, 0), "place", 10.0, 10.0, "")]
    assert run.filled == [(warmup + 1, "OPEN_MATCH", (warmup, 0, 0), 10.0, 11.0 + warmup, 0.0)]
    assert run.equity[0] == 1000.0


def test_what_stays_over_a_warm_up_is_only_the_last_price() -> None:
    # Asset 1 traded in the warm-up and has a hole in the first traded row: it is listed, so its signal waits.
    prices = [[10, 20], [10, NAN], [10, 21], [10, 22]]
    run = play(open_close(prices, warmup=1), [(1, 1, 1.0)], small())
    assert run.decisions == [(2, "CLOSE_DECIDE", (2, 1, 0), "place", 10.0, 10.0, "")]


def test_the_market_takes_back_the_order_that_is_named_and_no_other() -> None:
    market, job = open_close([10, 11, 13], [10, 12, 14]), small()
    (placed,) = said_by_engine(job, market, scripted([(0, 0, 1.0)])).orders
    orders = np.array([placed, placed])
    orders[1]["kind"], orders[1]["order"] = Action.CANCEL, order_id(0, 0, 1)
    handler = ExecutionHandler(rules_of(job, market.layout), market.layout, progress_rows=3)
    handler.start()
    filled: list[float] = []
    for event in (
        Event(Kind.NEW_DATA, "data", 0, 3, 18, market.block),
        Event(Kind.ORDER, "portfolio", 0, 2, 18, orders),
    ):
        filled += [one.payload["quantity"].tolist() for one in handler.receive(event) if one.payload is not None]
    assert filled == [[10.0]]
