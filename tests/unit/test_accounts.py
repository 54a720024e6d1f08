"""What an account costs and may do, by hand: interest, margin calls, limits of risk, currencies, buffers and bands."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.errors import JobError
from backbus.job.job import Job
from backbus.trading.numbers import rules_of
from tests.unit.order_market import CLOSE, HOLE, OPEN, Told, asks, bars, flat, job_of, play

QUIET = flat(100.0)


# --- what time costs -------------------------------------------------------------------------------------------------


def test_cash_earns_interest_for_the_days_between_sessions() -> None:
    job = job_of({"interest": {"cash": 0.036}})
    told = play(bars(QUIET, QUIET, QUIET), {}, job)
    # 100 000 × 3.6 % / 360 = 10 a day; the second day earns on the first day's as well
    assert told.bookings == [(1, "", "interest", 10.0), (2, "", "interest", pytest.approx(10.001, rel=1e-12))]
    assert told.cash[:2] == [100_000.0, 100_010.0]
    assert told.report.booked == {"interest": pytest.approx(20.001, rel=1e-12)}


def test_rows_of_one_session_are_charged_once() -> None:
    told = play(bars(*[QUIET] * 6, per_session=3), {}, job_of({"interest": {"cash": 0.0365, "days": 365}}))
    assert told.bookings == [(3, "", "interest", pytest.approx(10.0, rel=1e-12))]


def test_what_is_owed_is_financed_and_what_is_sold_short_is_borrowed() -> None:
    interest = {"cash": 0.36, "debit": 0.72, "borrow": 0.18}
    job = job_of({"leverage": 2.0, "interest": interest})
    market = bars(*[[QUIET, QUIET]] * 4)
    told = play(market, {0: lambda s, bar, book: (s.order(1500.0, "A"), s.order(-200.0, "B"))}, job)
    # long 150 000 and short 20 000 on 100 000: the short's proceeds lie with its lender, 50 000 are owed
    assert told.bookings[0] == (1, "", "interest", pytest.approx(100.0))
    assert told.bookings[1] == (2, "B", "borrow", pytest.approx(-20_000 * 0.18 / 360))
    owed = 100_000.0 + 100.0 - 150_000.0
    assert told.bookings[2] == (2, "", "financing", pytest.approx(owed * 0.72 / 360))
    assert set(told.report.booked) == {"interest", "borrow", "financing"}


def test_one_instrument_may_be_dearer_to_borrow() -> None:
    job = job_of({"interest": {"borrow": 0.01}}, instruments=[{"symbols": "A", "borrow": 0.36}])
    told = play(bars(QUIET, QUIET, QUIET), {0: asks(-100.0)}, job)
    assert told.bookings == [(2, "A", "borrow", pytest.approx(-10.0))]


def test_what_costs_nothing_to_borrow_is_no_booking() -> None:
    job = job_of({"interest": {"borrow": 0.0}}, instruments=[{"symbols": "B", "borrow": 0.36}])
    told = play(bars(*[[flat(100.0), flat(100.0)]] * 3), {0: asks(-100.0, "A")}, job)
    assert told.bookings == []


def test_an_instruments_currency_may_be_the_accounts() -> None:
    job = job_of({"currency": "EUR"}, instruments=[{"symbols": "A", "currency": "EUR"}])
    assert play(bars(*[flat(100.0)] * 2), {0: asks(10.0)}, job).cash == [100_000.0, 99_000.0]


def test_what_borrowing_costs_is_no_part_of_a_trade_and_a_dividend_on_a_single_share_is() -> None:
    rows = [flat(100.0)] * 4
    told = play(bars(*rows), {0: asks(-100.0), 2: asks(100.0)}, job_of({"interest": {"borrow": 0.36}}))
    assert [kind for _, _, kind, _ in told.bookings] == ["borrow", "borrow"]
    assert told.trades["pnl"].tolist() == [0.0]
    told = play(bars(*rows, split={}, dividend={2: 1.5}), {0: asks(1.0), 2: asks(-1.0)})
    assert told.trades["pnl"].tolist() == [1.5]


# --- margin calls ----------------------------------------------------------------------------------------------------


def called(rule: str, *more: Any, script: dict[int, Any] | None = None) -> Told:
    """Two longs on twice the equity, and a fall that leaves less than a quarter of their worth."""
    job = job_of({"leverage": 2.0, "margin": {"maintenance": 0.25, "call": rule}})
    both = [flat(100.0), flat(100.0)]
    fallen = [flat(65.0), flat(64.0)]
    script = {0: lambda s, bar, book: (s.order(1200.0, "A"), s.order(800.0, "B"))} | (script or {})
    return play(bars(both, both, fallen, *more or (fallen, fallen)), script, job)


@pytest.mark.parametrize(
    ("rule", "sold"),
    [
        # equity 100 000 − 42 000 − 28 800 = 29 200 < ¼ of 129 200; the initial margin allows 58 400
        ("pro_rata", [("A", 1200.0 - 542.0), ("B", 800.0 - 361.0)]),
        # the initial margins are 39 000 and 25 600, 35 400 too much: A goes down to 3 600 of 39 000
        ("largest_first", [("A", 1200.0 - 110.0)]),
        ("all", [("A", 1200.0), ("B", 800.0)]),
    ],
)
def test_a_margin_call_sells_by_its_rule_what_restores_the_initial_margin(rule: str, sold: Any) -> None:
    told = called(rule)
    assert [(symbol, -quantity) for row, _, symbol, quantity, _ in told.fills if row == 3] == sold
    assert [order for order in told.orders if order[0] == 2 and order[2] == "place"] == [
        (2, symbol, "place", "market", -quantity, "margin call") for symbol, quantity in sold
    ]
    assert told.report.counts.forced == {"margin call": len(sold)}
    assert [order for order in told.orders if order[0] > 2] == []


def test_of_two_positions_of_one_size_a_margin_call_takes_the_first() -> None:
    job = job_of({"leverage": 2.0, "margin": {"maintenance": 0.25, "call": "largest_first"}})
    rows = [[flat(price)] * 2 for price in (100.0, 100.0, 65.0, 65.0)]
    told = play(bars(*rows), {0: lambda s, bar, book: (s.order(1000.0, "A"), s.order(1000.0, "B"))}, job)
    # the initial margins are 32 500 each, 35 000 too much: all of A, and 2 500 / 65 × 2 of B
    assert [(symbol, quantity) for row, _, symbol, quantity, _ in told.fills if row == 3] == [
        ("A", -1000.0),
        ("B", -77.0),
    ]


def test_a_margin_call_buys_back_what_was_sold_short_and_leaves_what_has_no_close_alone() -> None:
    job = job_of({"leverage": 2.0, "margin": {"maintenance": 0.25, "call": "pro_rata"}})
    told = play(bars(*map(flat, (100.0, 100.0, 165.0, 165.0))), {0: asks(-1000.0)}, job)
    # equity of 200 000 − 165 000 is less than ¼ of 165 000, and allows 35 / 82.5 of the position
    assert told.orders[1:] == [(2, "A", "place", "market", 1000.0 - 424.0, "margin call")]
    rows = [[flat(100.0)] * 2, [flat(100.0)] * 2, [HOLE, flat(25.0)], [flat(100.0), flat(25.0)]]
    both = {0: lambda s, bar, book: (s.order(200.0, "A"), s.order(1200.0, "B"))}
    told = play(bars(*rows), both, job)
    # equity of 10 000 is more than ¼ of 50 000 × ¾, and less than ¼ of all
    assert [order[:3] for order in told.orders if order[0] == 2] == [(2, "B", "place")]


def test_exits_go_on_beside_a_margin_call() -> None:
    job = job_of({"leverage": 2.0, "margin": {"maintenance": 0.25, "call": "pro_rata"}})
    told = play(bars(*map(flat, (100.0, 100.0, 65.0, 65.0, 50.0))), {0: asks(2000.0, stop_loss=60.0)}, job)
    assert not [order for order in told.orders if order[2] == "cancel"]
    assert told.fills[-1][:3] == (4, OPEN, "A")


def test_what_lessens_a_position_is_not_refused_after_a_drawdown_stop() -> None:
    job = job_of({"limits": {"drawdown": 0.1}})
    told = play(bars(*map(flat, (100.0, 100.0, 80.0, 80.0))), {0: asks(900.0), 2: asks(-5.0)}, job)
    assert [(order[2], order[4]) for order in told.orders if order[0] == 2] == [("place", -900.0), ("place", -5.0)]


def test_cash_is_known_beside_a_future_that_has_no_price_yet() -> None:
    job = job_of({"cash": 10_000.0}, instruments=[{"symbols": "A", "kind": "future", "multiplier": 10, "margin": 500}])
    told = play(bars([HOLE, flat(100.0)], [HOLE, flat(100.0)], [flat(100.0)] * 2), {}, job)
    assert told.cash == told.equity == [10_000.0] * 3


def test_a_split_of_a_future_multiplies_contracts_and_pays_nothing_out() -> None:
    job = job_of({"cash": 10_000.0}, instruments=[{"symbols": "A", "kind": "future", "multiplier": 10, "margin": 500}])
    market = bars(*map(flat, (100.0, 100.0, 25.0, 26.0, 26.0)), split={2: 4.0}, dividend={})
    told = play(market, {0: asks(3.0), 3: asks(-12.0)}, job)
    assert told.fills == [(1, OPEN, "A", 3.0, 100.0), (4, OPEN, "A", -12.0, 26.0)]
    assert told.equity == [10_000.0, 10_000.0, 10_000.0, 10_120.0, 10_120.0]


def test_where_orders_fill_at_the_close_those_of_a_margin_call_do() -> None:
    job = job_of({"leverage": 2.0, "margin": {"maintenance": 0.25, "call": "all"}}, {"fill": "close"})
    told = play(bars(flat(100.0), flat(100.0), flat(60.0), (60, 62, 58, 61), flat(61.0)), {0: asks(2000.0)}, job)
    assert told.fills == [(0, CLOSE, "A", 2000.0, 100.0), (2, CLOSE, "A", -2000.0, 60.0)]


def test_nothing_is_opened_in_the_row_of_a_margin_call_and_orders_that_would_are_taken_back() -> None:
    script = {
        0: lambda s, bar, book: (s.order(10.0, "A", limit=20.0), s.order(1190.0, "A"), s.order(800.0, "B")),
        2: lambda s, bar, book: (s.go_short(1.0, "B"), s.order(10.0, "A")),
    }
    told = called("all", script=script)
    refused = [(o[1], o[-1]) for o in told.orders if o[2] == "refuse"]
    assert sorted(refused) == [("A", "margin call"), ("B", "margin call")]
    assert (2, "A", "cancel", "limit", 0.0, "margin call") in told.orders


def test_what_cannot_be_sold_in_a_hole_is_sold_after_it() -> None:
    hole = [HOLE, flat(64.0)]
    told = called("all", hole, [flat(60.0), flat(64.0)])
    assert [fill for fill in told.fills if fill[0] > 2] == [
        (3, "OPEN_MATCH", "B", -800.0, 64.0),
        (4, "OPEN_MATCH", "A", -1200.0, 60.0),
    ]


def test_a_margin_that_holds_calls_nobody() -> None:
    job = job_of({"leverage": 2.0, "margin": {"maintenance": 0.25}})
    told = play(bars(QUIET, QUIET, flat(70.0), flat(70.0)), {0: asks(2000.0)}, job)
    assert told.report.counts.forced == {}  # 40 000 of 140 000 is more than a quarter
    told = play(bars(QUIET, QUIET, flat(66.0), flat(66.0)), {0: asks(2000.0)}, job)
    assert told.report.counts.forced == {"margin call": 1}  # 32 000 of 132 000 is less


def test_a_future_is_called_at_its_own_maintenance() -> None:
    future = {"symbols": "A", "kind": "future", "multiplier": 10, "margin": 500, "maintenance": 400}
    job = job_of({"cash": 10_000.0, "margin": {"maintenance": 0.3}}, instruments=[future])
    told = play(bars(QUIET, QUIET, flat(90.0), flat(90.0), flat(90.0)), {0: asks(20.0)}, job)
    # 20 contracts lose 2 000: 8 000 is what 20 × 400 asks for
    assert told.report.counts.forced == {}
    told = play(bars(QUIET, QUIET, flat(89.0), flat(89.0), flat(89.0)), {0: asks(20.0)}, job)
    assert told.fills[-1] == (3, "OPEN_MATCH", "A", -5.0, 89.0)  # 7 800 / 500 = 15.6 contracts


# --- limits ----------------------------------------------------------------------------------------------------------


def limited(limits: dict[str, Any], says: Any, **portfolio: Any) -> Told:
    job = job_of({"limits": limits, "leverage": 3.0, **portfolio})
    return play(bars(*[[QUIET, QUIET, QUIET]] * 4), {0: says}, job)


@pytest.mark.parametrize(
    ("limits", "placed", "reason"),
    [
        ({"weight": 0.3}, [300.0, -300.0, 100.0], "limit of one asset's weight"),
        ({"gross": 1.0}, [600.0, -400.0], "gross exposure limit"),
        ({"net": 0.25}, [250.0, -500.0, 100.0], "net exposure limit"),
        ({"positions": 2}, [600.0, -500.0], "limit of the number of positions"),
        ({"turnover": 1.05}, [600.0, -450.0], "turnover limit"),
    ],
)
def test_a_limit_cuts_or_refuses_what_goes_beyond_it(limits: Any, placed: Any, reason: str) -> None:
    def says(s: Any, bar: Any, book: Any) -> None:
        s.order(600.0, "A")
        s.order(-500.0, "B")
        s.order(100.0, "C")

    told = limited(limits, says)
    assert [fill[3] for fill in told.fills] == placed
    assert reason in [order[-1] for order in told.orders]


def test_what_only_closes_passes_every_limit() -> None:
    job = job_of({"limits": {"turnover": 0.5, "gross": 0.5}})
    told = play(bars(*[QUIET] * 4), {0: asks(500.0), 1: asks(-500.0)}, job)
    assert [fill[3] for fill in told.fills] == [500.0, -500.0]


def test_turnover_counts_the_orders_of_a_session() -> None:
    job = job_of({"limits": {"turnover": 0.5}})
    buys = {row: asks(300.0) for row in range(4)}
    told = play(bars(*[QUIET] * 6, per_session=2), buys, job)
    assert [(fill[0], fill[3]) for fill in told.fills] == [(1, 300.0), (2, 200.0), (3, 300.0), (4, 200.0)]


def test_signals_keep_to_limits_too_sized_at_the_close_or_at_the_open() -> None:
    for when in ("close", "open"):
        job = job_of({"limits": {"weight": 0.2}, "size_at": when})
        told = play(bars(*[QUIET] * 3), {0: lambda s, bar, book: s.go_long()}, job)
        assert [fill[3] for fill in told.fills] == [200.0]


def test_a_working_order_counts_as_filled() -> None:
    job = job_of({"limits": {"gross": 0.5}})
    told = play(bars(*[QUIET] * 4), {0: asks(400.0, limit=90.0), 1: asks(400.0)}, job)
    assert told.fills == [(2, "OPEN_MATCH", "A", 100.0, 100.0)]


def test_the_drawdown_stop_closes_everything_for_good() -> None:
    job = job_of({"limits": {"drawdown": 0.1}})
    rows = [QUIET, QUIET, flat(120.0), flat(108.0), flat(107.0), flat(107.0), flat(107.0)]
    script = {0: asks(500.0), 3: asks(-10.0, stop=50.0), 5: lambda s, bar, book: s.go_long()}
    told = play(bars(*rows), script, job)
    # 110 000 at best, 103 500 at 107: less than 10 % below; at 97.9 it would be reached
    assert told.report.counts.forced == {}
    rows[4:] = [flat(97.0), flat(96.0), flat(96.0)]
    told = play(bars(*rows), script, job)
    assert told.report.counts.forced == {"drawdown stop": 1}
    assert told.fills[-1] == (5, "OPEN_MATCH", "A", -500.0, 96.0)
    assert told.orders[-1][-1] == "drawdown stop"
    assert told.orders[-1][2] == "refuse"


# --- currencies ------------------------------------------------------------------------------------------------------


def abroad(*rows: Any, script: Any, kind: str = "equity", quote: str = "B", **more: Any) -> Told:
    """A is priced in euros; the price of B is what a euro is worth, and nobody trades it."""
    lines = [{"symbols": "A", "currency": "EUR", "kind": kind, **more}, {"symbols": "B", "traded": False}]
    return play(bars(*rows), script, job_of({"rates": {"EUR": quote}}, instruments=lines))


def test_a_foreign_share_is_paid_and_valued_at_the_last_rate() -> None:
    rows = [[QUIET, flat(1.25)], [QUIET, flat(1.5)], [flat(110.0), flat(1.5)], [flat(120.0), flat(1.0)]]
    told = abroad(*rows, script={0: asks(100.0), 2: asks(-100.0)})
    # bought at 100 × 1.25, sold at the open of 120 with the last rate, 1.5
    assert told.cash == [100_000.0, 87_500.0, 87_500.0, 87_500.0 + 18_000.0]
    assert told.equity == [100_000.0, 102_500.0, 104_000.0, 105_500.0]
    assert told.report.metrics.average_win == 5500.0


def test_a_rate_may_be_quoted_the_other_way_round() -> None:
    rows = [[QUIET, flat(4.0)], [QUIET, flat(4.0)], [flat(120.0), flat(5.0)]]
    told = abroad(*rows, script={0: asks(100.0)}, quote="1/B")
    assert told.cash[1] == 100_000.0 - 100 * 100 / 4.0
    assert told.equity[2] == told.cash[1] + 100 * 120 / 5.0
    assert told.trades["pnl"].tolist() == [100 * 120 / 5.0 - 100 * 100 / 4.0]


def test_nothing_is_bought_before_there_is_a_rate_and_nothing_of_what_is_not_traded() -> None:
    rows = [[QUIET, HOLE], [QUIET, flat(1.25)], [QUIET, flat(1.25)]]
    told = abroad(*rows, script={0: asks(100.0), 1: asks(1.0, "B")})
    assert [order[-1] for order in told.orders] == ["no rate of its currency yet", "the asset is not for trading"]


def test_a_foreign_future_gains_and_loses_what_its_price_moves_at_the_rate_of_the_day() -> None:
    rows = [[QUIET, flat(2.0)], [flat(101.0), flat(2.0)], [flat(103.0), flat(3.0)], [flat(103.0), flat(3.0)]]
    told = abroad(*rows, script={0: asks(10.0), 2: asks(-10.0)}, kind="future", margin=50.0)
    assert told.cash == told.equity == [100_000.0, 100_000.0, 100_060.0, 100_060.0]


def test_a_delisted_share_abroad_is_paid_off_at_the_last_rate_and_its_trade_says_so() -> None:
    rows = [[QUIET, flat(rate)] for rate in (1.25, 1.25, 1.5, 1.5)]
    job = job_of({"rates": {"EUR": "B"}}, instruments=[{"symbols": "A", "currency": "EUR"}])
    told = play(bars(*rows, split={}, dividend={}, delisting={2: 90.0}), {0: asks(100.0)}, job)
    assert told.bookings == [(3, "A", "delisting", 100 * 90 * 1.5)]
    assert told.cash[-1] == 100_000.0 - 12_500.0 + 13_500.0
    assert told.report.metrics.average_win == 1000.0


def test_open_trades_abroad_are_valued_at_the_last_rate() -> None:
    rows = [[QUIET, flat(1.0)], [QUIET, flat(1.0)], [QUIET, flat(2.0)]]
    lines = [{"symbols": "A", "currency": "EUR"}]
    job = job_of({"rates": {"EUR": "B"}}, instruments=lines)
    told = play(bars(*rows), {0: asks(10.0)}, job)
    assert told.equity[-1] == 101_000.0


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"instruments": [{"symbols": "A", "currency": "CHF"}]}, "CHF"),
        ({"instruments": [{"symbols": "A", "currency": "EUR"}], "portfolio": {"rates": {"EUR": "EURUSD"}}}, "EURUSD"),
        ({"portfolio": {"rates": {"EUR": "1/EURUSD"}}}, "no symbol 'EURUSD'"),
        ({"portfolio": {"rates": {"USD": "A"}}}, "own currency"),
        ({"portfolio": {"margin": {"maintenance": 0.6}, "leverage": 2.0}}, "initial margin"),
        ({"portfolio": {"limits": {"weight": -1}}}, "weight"),
        ({"portfolio": {"limits": {"positions": 0}}}, "positions"),
        ({"portfolio": {"margin": {"call": "ask"}}}, "margin"),
        ({"portfolio": {"interest": {"days": 252}}}, "days"),
        ({"portfolio": {"interest": {"borrow": -0.1}}}, "borrow"),
        ({"portfolio": {"cash_buffer": 1.0}}, "cash_buffer"),
        ({"instruments": [{"symbols": "A", "maintenance": 5}]}, "maintenance"),
        ({"data": {"columns": ["split"]}}, "events"),
    ],
)
def test_accounts_that_cannot_be_are_refused(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(JobError, match=where):
        rules_of(Job.parse({"strategy": {"use": "None"}, **fields}), bars(QUIET).layout)


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_a_cash_buffer_is_left_out_of_every_size() -> None:
    job = job_of({"cash_buffer": 0.02, "sizing": {"model": "target_weight", "weight": 0.5}})
    told = play(bars(*[[QUIET, QUIET]] * 2), {0: lambda s, bar, book: (s.go_long(1.0, "A"), s.go_long(1.0, "B"))}, job)
    assert [fill[3] for fill in told.fills] == [490.0, 490.0]
    assert told.cash[1] == 2000.0


def test_a_band_leaves_what_is_sold_alone_only_within_it() -> None:
    job = job_of({"drift_band": 0.05})
    script = {row: lambda s, bar, book, w=w: s.target_weight(w) for row, w in enumerate((0.5, 0.46, 0.44))}
    told = play(bars(*[QUIET] * 4), script, job)
    assert [(fill[0], fill[3]) for fill in told.fills] == [(1, 500.0), (3, -60.0)]


def test_weights_within_the_band_are_left_alone() -> None:
    job = job_of({"drift_band": 0.01})
    script = {
        0: lambda s, bar, book: s.target_weight(0.5),
        1: lambda s, bar, book: s.target_weight(0.509),
        2: lambda s, bar, book: s.target_weight(0.511),
        3: lambda s, bar, book: s.target_weight(0.0),
    }
    told = play(bars(*[QUIET] * 5), script, job)
    assert [(fill[0], fill[3]) for fill in told.fills] == [(1, 500.0), (3, 11.0), (4, -511.0)]
