"""Orders between strategies and the market, by hand: what signals bring with them, what is refused, who hears what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backbus.errors import StrategyError
from backbus.strategy import Strategy
from backbus.trading.codes import ORDER_TYPES, Action
from backbus.trading.records import NO_ORDER
from tests.unit.order_market import BAR, OPEN, QUIET, Script, asks, bars, job_of, play, scripted
from tests.unit.records_of_runs import said_by_engine


def test_a_job_may_give_every_entry_its_exits() -> None:
    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.go_long()

    sizing = {"model": "fixed_quantity", "quantity": 10}
    job = job_of({"sizing": sizing, "exits": {"take_profit": 0.1, "stop_loss": 0.05}})
    told = play(bars(QUIET, QUIET, (100, 111, 99, 110), QUIET, (100, 101, 94, 95), QUIET), {0: enter, 2: enter}, job)
    assert told.fills == [
        (1, OPEN, "A", 10.0, 100.0),
        (2, BAR, "A", -10.0, 110.00000000000001),
        (3, OPEN, "A", 10.0, 100.0),
        (4, BAR, "A", -10.0, 95.0),
    ]


def test_a_signal_that_brings_one_exit_has_the_jobs_others() -> None:
    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.go_long(stop_loss=80.0)

    sizing = {"model": "fixed_quantity", "quantity": 10}
    job = job_of({"sizing": sizing, "exits": {"take_profit": 0.1, "stop_loss": 0.05}})
    told = play(bars(QUIET, QUIET, (100, 105, 94, 100), (100, 112, 100, 111)), {0: enter}, job)
    assert told.fills[1:] == [(3, BAR, "A", -10.0, pytest.approx(110.0))]  # its own stop, and the job's target
    told = play(bars(QUIET, QUIET, (100, 105, 79, 85)), {0: enter}, job)
    assert told.fills[1:] == [(2, BAR, "A", -10.0, 80.0)]


def test_a_signal_that_closes_ends_the_exits_of_its_entry() -> None:
    sizing = {"model": "fixed_quantity", "quantity": 10}
    job = job_of({"sizing": sizing, "exits": {"stop_loss": 0.05}})
    script = {0: lambda s, bar, book: s.go_long(), 1: lambda s, bar, book: s.go_flat()}
    told = play(bars(QUIET, QUIET, QUIET, (90, 91, 89, 90)), script, job)
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (2, OPEN, "A", -10.0, 100.0)]
    assert told.ends == [(2, "A", "its position was closed")]


def test_a_signal_may_enter_by_a_limit_with_exits_of_its_own() -> None:
    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.go_short(limit=102.0, take_profit=95.0, stop_loss_fraction=0.1)

    job = job_of({"sizing": {"model": "fixed_quantity", "quantity": 10}})
    told = play(bars(QUIET, (101, 103, 100, 101), (99, 100, 94, 96)), {0: enter}, job)
    assert told.fills == [(1, BAR, "A", -10.0, 102.0), (2, BAR, "A", 10.0, 95.0)]


def test_a_strategy_hears_of_fills_and_orders_in_the_row_in_which_they_happen() -> None:
    heard: list[Any] = []

    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy._kept["order"] = strategy.buy(150, limit=99.0, time_in_force="day")
        strategy._kept["refused"] = strategy.buy(0.4)

    def look(strategy: Any, bar: Any, book: Any) -> None:
        order, refused = strategy._kept["order"], strategy._kept["refused"]
        heard.append((order.state, order.filled, order.reason, [f.quantity for f in book.fills], len(book.orders)))
        heard.append((refused.state, refused.reason))

    told = play(bars(QUIET, QUIET, QUIET), {0: ask, 1: look}, volume_cap=0.1)
    assert told.fills == [(1, BAR, "A", 100.0, 99.0)]
    assert heard[0] == ("ended", 100.0, "expired with its session", [100.0], 0)
    assert heard[1] == ("refused", "less than one lot")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"limit": -1.0}, "limit must be a number above 0"),
        ({"limit": float("nan")}, "limit must be a number above 0"),
        ({"limit": None}, "limit has no price"),
        ({"stop_loss": 105.0}, "stop_loss 105.0 is on the wrong side"),
        ({"take_profit": 95.0}, "take_profit 95.0 is on the wrong side"),
        ({"limit": 90.0, "stop_loss": 95.0}, "takes one below its limit, 90.0"),
        ({"stop": 110.0, "take_profit": 105.0}, "takes one above its stop, 110.0"),
        ({"trail": 2.0, "limit": 99.0}, "limit and trail do not go together"),
        ({"trail_fraction": 5}, "0.05 for 5 %"),
        ({"take_profit": 110.0, "take_profit_fraction": 0.1}, "give take_profit or take_profit_fraction, not both"),
        ({"time_in_force": "forever"}, "time_in_force is one of"),
        ({"time_in_force": "fok", "stop": 110.0}, "a market or a limit order"),
        ({"at": "close", "stop": 110.0}, "leave out stop"),
        ({"until": "tomorrow"}, "until is a date"),
        ({"until": "2020-01-01T10:00:00"}, "has no zone"),
        ({"trail_share": 0.05}, "trail_share is called trail_fraction now"),
        ({"stop_loss_share": 0.05}, "stop_loss_share is called stop_loss_fraction now"),
        ({"limits": 99.0}, "an order has no 'limits'; it has limit"),
        ({"group": 7}, "group is an order that was asked for before, not 7"),
    ],
)
def test_what_cannot_be_an_order_is_told_where_it_is_asked_for(terms: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError) as raised:
        play(bars(QUIET, QUIET), {0: asks(10, **terms)})
    assert message in str(raised.value)
    assert "row 0" in str(raised.value)


def test_an_order_of_a_warm_up_row_is_refused_and_not_left_working() -> None:
    from dataclasses import replace

    market = bars(*[QUIET] * 4)
    market = replace(market, layout=replace(market.layout, warmup=2))
    heard: list[Any] = []

    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy._kept["order"] = strategy.buy(10)

    def look(strategy: Any, bar: Any, book: Any) -> None:
        order = strategy._kept["order"]
        heard.append((order.state, order.reason, book.orders))

    assert play(market, {0: ask, 2: look}).orders == []
    assert heard[0] == ("refused", "asked for in a warm-up row", [])


def test_what_fills_at_the_close_that_decided_it_is_heard_of_in_the_next_row() -> None:
    heard: list[Any] = []

    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.buy(50)

    def look(strategy: Any, bar: Any, book: Any) -> None:
        heard.append(([fill.quantity for fill in book.fills], [order.state for order in book.news]))

    job = job_of(execution={"fill": "close", "volume_cap": 0.1})
    rows = [(*QUIET, 100), (*QUIET, 100), (*QUIET, 100)]
    play(bars(*rows), {0: enter, 1: look}, job)
    assert heard[0] == ([10.0], ["working"])


def test_who_is_told_of_fills_is_event_style() -> None:
    with pytest.raises(StrategyError, match="defines on_fill without on_bar"):

        class Mixed(Strategy):
            def signals(self, bars: Any) -> Any:
                return self.hold_long(bars.close > 0)

            def on_fill(self, fill: Any) -> None: ...


def test_a_holding_rule_brings_exits_with_each_entry_as_event_style_does() -> None:
    rows = [(100, 101, 99, 100), (100, 103, 99, 102), (102, 103, 94, 96), (96, 97, 95, 96), (97, 99, 96, 98)]

    class Rule(Strategy):
        def signals(self, bars: Any) -> Any:
            wanted = np.array([1.0, 1.0, 1.0, 0.0, -1.0])[bars.first_row : bars.first_row + len(bars)]
            return self.hold(wanted[:, None], stop_loss_fraction=0.05, take_profit_fraction=0.5)

    told = play(bars(*rows), Rule())
    assert told.fills[:2] == [(1, "OPEN_MATCH", "A", 1000.0, 100.0), (2, "INTRABAR_MATCH", "A", -1000.0, 95.0)]
    assert [order[3] for order in told.orders if order[2] == "place"] == ["market", "limit", "stop"] * 2
    script = {
        0: lambda s, bar, book: s.go_long(stop_loss_fraction=0.05, take_profit_fraction=0.5),
        3: lambda s, bar, book: s.go_flat(),
        4: lambda s, bar, book: s.go_short(stop_loss_fraction=0.05, take_profit_fraction=0.5),
    }
    assert play(bars(*rows), script).report.fingerprint == told.report.fingerprint


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        ({"stop_loss": 95.0}, "a holding rule has no 'stop_loss'; its exits are take_profit_fraction"),
        ({"stop_loss_fraction": 1.5}, "0.05 for 5 %"),
        ({"trail": 0.1}, "a holding rule has no 'trail'"),
        ({"stop_loss_share": 0.05}, "stop_loss_share is called stop_loss_fraction now"),
    ],
)
def test_a_holding_rule_refuses_what_is_no_exit(exits: dict[str, float], message: str) -> None:
    class Rule(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.hold_long(bars.close > 0.0, **exits)

    with pytest.raises(StrategyError, match=message):
        play(bars((100, 101, 99, 100), (100, 101, 99, 100)), Rule())


def test_the_order_of_a_signal_can_be_taken_back_and_can_lead_a_group() -> None:
    enters = {0: lambda strategy, bar, book: strategy.go_long(limit=95.0)}
    dip = (100, 101, 94, 100)
    told = play(bars(QUIET, QUIET, dip), enters | {1: lambda strategy, bar, book: strategy.cancel(book.orders[0])})
    assert (told.orders[-1][2], told.orders[-1][5], told.fills) == ("cancel", "the strategy took it back", [])

    def other(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(-7, limit=103.0, group=book.orders[0])

    told = play(bars(QUIET, QUIET, dip, (100, 104, 99, 100)), enters | {1: other})
    assert [fill[4] for fill in told.fills] == [95.0]
    assert ("the other order of its group filled") in [why for _, _, why in told.ends]


def test_an_order_carries_its_own_terms_and_none_of_the_one_before_it() -> None:
    def says(strategy: Any, bar: Any, book: Any) -> None:
        strategy.order(1, stop=105.0)
        strategy.order(1, limit=95.0)
        strategy.order(1, trail=3.0)
        strategy.order(1, limit=94.0, take_profit=120.0, stop_loss_fraction=0.1)
        strategy.order(1, limit=93.0, take_profit_fraction=0.2, stop_loss=80.0)

    orders = said_by_engine(job_of(), bars(*[QUIET] * 2), scripted({0: says})).orders
    placed = [
        (ORDER_TYPES[one["type"]], *(name for name in ("limit", "stop", "trail") if one[name] == one[name]))
        for one in orders
        if one["kind"] == Action.PLACE
    ]
    assert placed == [
        ("stop", "stop"),
        ("limit", "limit"),
        ("trail", "stop", "trail"),
        ("limit", "limit"),
        ("limit", "limit"),
        ("stop", "trail"),
        ("limit", "limit"),
        ("limit", "trail"),
        ("stop", "stop"),
    ]


@pytest.mark.parametrize("says", [[(0, 0, 1.0)], {0: lambda strategy, bar, book: strategy.go_long()}])
def test_the_order_of_a_plain_signal_carries_no_terms(says: Script) -> None:
    (order,) = said_by_engine(job_of(), bars(*[QUIET] * 2), scripted(says)).orders
    assert ORDER_TYPES[order["type"]] == "market"
    assert (order["in_force"], order["until"], order["group"], order["parent"]) == (0, 0, 0, NO_ORDER)
    assert all(np.isnan(order[name]) for name in ("limit", "stop", "trail"))
