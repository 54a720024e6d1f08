"""Orders of every kind through everything that holds them up: a volume that is shared or none, a hole, the end of a
session, a cancel, another in their place, a split, a delisting. And what is left when sizes are added up: nothing.

The walk checks what must hold whatever happens; the cases below it are worked out by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from backbus.market.panel import Panel
from tests.unit.order_market import BAR, CLOSE, HOLE, OPEN, QUIET, Told, asks, bars, brackets, flat, job_of, play

KINDS: Mapping[str, dict[str, Any]] = {
    "market": {},
    "limit": {"limit": 97.0},
    "stop": {"stop": 103.0},
    "stop_limit": {"stop": 103.0, "limit": 104.0},
    "stop_limit_back": {"stop": 103.0, "limit": 102.0},
    "trail": {"trail": 4.0},
    "trail_fraction": {"trail_fraction": 0.04},
    "at_close": {"at": "close"},
    "limit_at_close": {"at": "close", "limit": 101.0},
    "at_open": {"at": "open"},
    "bracket": {"take_profit": 108.0, "stop_loss": 95.0},
    "trailing": {"limit": 99.0, "trailing_loss": 3.0},
    "trail_from": {"trail": 2.0, "trail_from": 99.0},
    "trail_then": {"trail": 9.0, "trail_from": 97.0, "trail_then": 1.0},
    "trailing_from": {"limit": 99.0, "trailing_loss": 3.0, "trailing_from": 103.0},
    "trailing_then": {
        "trailing_loss_fraction": 0.05,
        "trailing_from_fraction": 0.02,
        "trailing_then_fraction": 0.01,
    },
}
SWINGS = [(100, 104, 96, 102), (102, 106, 95, 97), (97, 101, 92, 100), (100, 109, 99, 108), (108, 108, 90, 91)]
FEW, NONE = 4.0, 0.0


def market(volumes: list[float], *, hole: int | None = None, **events: Any) -> Panel:
    rows: list[Any] = [(*QUIET, 1000.0)]
    rows += [(*bar, volume) for bar, volume in zip(SWINGS, volumes, strict=True)]
    if hole is not None:
        rows[hole] = HOLE
    return bars(*rows, **events)


def take_back(strategy: Any, bar: Any, book: Any) -> None:
    for order in book.orders:
        strategy.cancel(order)


def put_another(strategy: Any, bar: Any, book: Any) -> None:
    for order in book.orders:
        if order.id == strategy._kept:
            strategy._kept = strategy.replace(order, quantity=5).id


PLENTY = [1000.0] * 5
HOLD_UPS: Mapping[str, tuple[Panel, dict[int, Any], dict[str, Any]]] = {
    "nothing": (market(PLENTY), {}, {}),
    "cap": (market([40.0] * 5), {}, {"volume_cap": 0.1}),
    "no volume": (market([NONE, 1000.0, NONE, 1000.0, NONE]), {}, {"no_volume": "wait"}),
    "hole": (market(PLENTY, hole=2), {}, {}),
    "cap and hole": (market([40.0] * 5, hole=2), {}, {"volume_cap": 0.1}),
    "cancel": (market([40.0] * 5), {2: take_back}, {"volume_cap": 0.1}),
    "replace": (market([40.0] * 5), {1: put_another, 2: put_another}, {"volume_cap": 0.1}),
    "split": (market([40.0] * 5, split={3: 2.0}, dividend={}), {}, {"volume_cap": 0.1}),
    "delisting": (market([40.0] * 5, split={}, dividend={}, delisting={3: 50.0}), {}, {"volume_cap": 0.1}),
}
TERMS = {"gtc": {}, "day": {"time_in_force": "day"}, "until": {"until": "1970-01-04"}}


def walked(kind: str, hold_up: str, force: str, side: float, path: str) -> Told:
    panel, later, execution = HOLD_UPS[hold_up]
    terms = dict(KINDS[kind])
    if side < 0.0:  # mirrored: what lies above lies below
        terms = {name: 200.0 - at if name in MIRRORED else at for name, at in terms.items()}
    if "at" not in terms:
        terms |= TERMS[force]

    def ask(strategy: Any, bar: Any, book: Any) -> None:
        strategy._kept = strategy.order(10.0 * side, **terms).id

    return play(panel, {0: ask, **later}, path=path, **execution)


MIRRORED = ("limit", "stop", "take_profit", "stop_loss", "trail_from", "trailing_from")


@pytest.mark.parametrize(("kind", "hold_up"), list(product(KINDS, HOLD_UPS)))
def test_every_kind_through_every_hold_up(kind: str, hold_up: str) -> None:
    for force, side, path in product(TERMS, (1.0, -1.0), ("worst", "open-high-low-close")):
        told = walked(kind, hold_up, force, side, path)
        held = 0.0
        for row, _, _, quantity, _ in told.fills:
            ratio = 2.0 if hold_up == "split" and row >= 3 else 1.0
            held += quantity / ratio
            most = 15.0 if hold_up == "replace" else 10.0
            assert abs(held) <= most and held * side >= 0.0  # never more than was asked for, never the other way
        placed = {order for _, _, order, kind_, *_ in told.decisions if kind_ == "place"}
        gone = {order for _, _, order, kind_, *_ in told.decisions if kind_ == "cancel"}
        assert {order for _, _, order, *_ in told.filled} <= placed
        # Each order fills whole, is taken back, or ends with a reason: none is forgotten.
        assert len(gone) + len(told.ends) + fully_filled(told) >= len(placed)


def fully_filled(told: Told) -> int:
    return len({order for _, _, order, *_ in told.filled})


# --- a stop that was met ----------------------------------------------------------------------------------------------


def held_up(*rows: Any, path: str = "worst", **execution: Any) -> Told:
    return play(bars(QUIET, *rows), {0: asks(30, stop_loss=95.0)}, path=path, **execution)


@pytest.mark.parametrize("path", ["worst", "open-low-high-close", "open-high-low-close", "nearest-first"])
def test_a_stop_that_was_met_is_a_market_order_whatever_held_it_back(path: str) -> None:
    falls, above = (99, 99, 94, 96), (97, 99, 96, 98)
    told = held_up(QUIET, (*falls, 100), above, QUIET, path=path, volume_cap=0.1)
    assert told.fills[1:] == [(2, BAR, "A", -10.0, 95.0), (3, OPEN, "A", -20.0, 97.0)]
    assert told.rules[1:] == ["stop order: the price came to its stop", "stop order: its stop was met before"]
    told = held_up(QUIET, (*falls, 0), (*above, 0), above, QUIET, path=path, no_volume="wait")
    assert told.fills[1:] == [(4, OPEN, "A", -30.0, 97.0)]
    told = held_up(QUIET, (*falls, 0), HOLE, above, path=path, no_volume="wait")
    assert told.fills[1:] == [(4, OPEN, "A", -30.0, 97.0)]
    told = held_up(QUIET, (94, 99, 94, 98, 0), above, path=path, no_volume="wait")  # the open has gapped through it
    assert told.fills[1:] == [(3, OPEN, "A", -30.0, 97.0)]


def test_so_is_a_trailing_stop_and_an_entry() -> None:
    falls = (99, 99, 94, 96, 100)
    told = play(bars(QUIET, QUIET, falls, QUIET), {0: asks(30, trailing_loss=5.0)}, volume_cap=0.1)
    assert told.fills[1:] == [(2, BAR, "A", -10.0, 96.0), (3, OPEN, "A", -20.0, 100.0)]
    rises = (100, 106, 100, 104, 100)
    told = play(bars(QUIET, rises, (101, 102, 100, 101), QUIET), {0: asks(30, stop=105.0)}, volume_cap=0.1)
    assert told.fills == [(1, BAR, "A", 10.0, 105.0), (2, OPEN, "A", 20.0, 101.0)]


def test_an_entry_whose_stop_was_met_is_cut_at_the_open_to_what_can_be_paid() -> None:
    rises = (100, 106, 100, 104, 0)
    job = job_of({"cash": 1000.0, "shorts": False}, {"no_volume": "wait"})
    told = play(bars(QUIET, rises, flat(125.0)), {0: asks(9, stop=105.0)}, job)
    assert told.fills == [(2, OPEN, "A", 8.0, 125.0)]


def test_a_stop_limit_is_no_market_order() -> None:
    thin = (100, 104, 100, 104, 0)
    told = play(bars(QUIET, thin, flat(110.0), flat(103.0)), {0: asks(10, stop=103.0, limit=105.0)}, no_volume="wait")
    assert told.fills == [(3, OPEN, "A", 10.0, 103.0)]


def test_a_stop_that_was_met_is_not_replaced_by_the_exits_of_a_newer_signal() -> None:
    def again(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.2, stop_loss=50.0)

    def enter(strategy: Any, bar: Any, book: Any) -> None:
        strategy.target_weight(0.1, stop_loss=95.0)

    rows = [QUIET, QUIET, (99, 99, 94, 96, 100), (97, 99, 96, 98, 1000), QUIET]
    told = play(bars(QUIET, *rows), {0: enter, 3: again}, volume_cap=0.1)
    assert [fill[3] for fill in told.fills if fill[3] < 0.0][:2] == [-10.0, -90.0]


# --- an entry and its exits -------------------------------------------------------------------------------------------


def test_an_entry_ends_with_the_exit_that_was_met() -> None:
    thin = (98, 101, 97, 101, 100)
    rows = [(98, 99, 97, 98), thin, (99, 99, 94, 94, 100), (94, 101, 93, 100.5, 100), (99, 101, 98.5, 99), QUIET]
    told = play(bars(*rows), {0: asks(30, stop=100.0, stop_loss=95.0, take_profit=110.0)}, volume_cap=0.1)
    assert told.fills == [
        (1, BAR, "A", 10.0, 100.0),
        (2, OPEN, "A", 10.0, 99.0),  # met before: a market order, which takes all that the bar lets fill
        (3, OPEN, "A", -10.0, 94.0),
        (4, OPEN, "A", -10.0, 99.0),
    ]
    assert (2, "A", "an exit of it was reached before it had filled whole") in told.ends
    assert told.report.metrics.open_trades == 0


def test_a_target_that_fills_ends_what_is_left_of_its_entry() -> None:
    thin = (100, 101, 99, 100, 100)
    told = play(
        bars(QUIET, thin, (104, 106, 104, 105), QUIET), {0: asks(30, limit=100.0, take_profit=105.0)}, volume_cap=0.1
    )
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (2, BAR, "A", -10.0, 105.0)]
    assert told.ends == [(2, "A", "an exit of it was reached before it had filled whole")]


def test_an_exit_of_an_entry_within_the_bar_follows_the_path() -> None:
    exits = {"worst": 95.0, "open-low-high-close": 104.0, "open-high-low-close": 104.0, "nearest-first": 104.0}
    for path, price in exits.items():
        told = play(
            bars(QUIET, (101, 105, 94, 95)),
            {0: brackets({"stop": 102.0}, take_profit=104.0, stop_loss=95.0)},
            path=path,
        )
        assert told.fills == [(1, BAR, "A", 10.0, 102.0), (1, BAR, "A", -10.0, price)]


def test_a_target_fills_in_the_bar_of_its_limit_entry_only_where_that_is_certain() -> None:
    unsure, sure = (100, 106, 97, 100), (100, 106, 97, 105.5)
    told = play(bars(QUIET, unsure), {0: brackets({"limit": 98.0}, take_profit=105.0)})
    assert told.fills == [(1, BAR, "A", 10.0, 98.0)]
    told = play(bars(QUIET, sure), {0: brackets({"limit": 98.0}, take_profit=105.0)})
    assert told.fills[1:] == [(1, BAR, "A", -10.0, 105.0)]
    told = play(bars(QUIET, unsure), {0: brackets({"limit": 98.0}, take_profit=105.0)}, path="open-low-high-close")
    assert told.fills[1:] == [(1, BAR, "A", -10.0, 105.0)]


def test_a_trailing_stop_near_the_high_is_met_at_worst_at_the_low() -> None:
    told = play(bars(flat(100.0), (100, 110, 99.95, 101), flat(101.0)), {0: asks(10, trailing_loss_fraction=0.001)})
    assert told.fills == [(1, OPEN, "A", 10.0, 100.0), (1, BAR, "A", -10.0, 99.95)]


def test_what_a_bar_hides_of_a_trailing_stop_is_told_as_slippage() -> None:
    # Bought at 98 on the way down. If the high came after, the stop was met at 97.5; if it came before, it stands at
    # 98.2 − 2 at the end, and may be met there in the next bar.
    told = play(bars(QUIET, (100, 101, 97.5, 98.2), QUIET), {0: asks(10, limit=98.0, trailing_loss=2.0)})
    assert told.fills == [(1, BAR, "A", 10.0, 98.0), (1, BAR, "A", -10.0, pytest.approx(96.2))]
    assert told.report.metrics.slippage == pytest.approx(13.0)


# --- an order's own terms before the job's ----------------------------------------------------------------------------


def test_what_an_order_says_of_when_it_fills_goes_before_what_the_job_says() -> None:
    rows = [flat(100.0), (100, 101, 99, 100), (102, 103, 101, 102.5), flat(103.0)]
    for ask, fills in (
        (asks(10), (1, CLOSE, 100.0)),
        (asks(10, at="open"), (2, OPEN, 102.0)),
        (asks(10, at="close"), (2, CLOSE, 102.5)),
        (lambda strategy, bar, book: strategy.go_long(at="open"), (2, OPEN, 102.0)),
        (lambda strategy, bar, book: strategy.go_long(at="close"), (2, CLOSE, 102.5)),
        (lambda strategy, bar, book: strategy.go_long(), (1, CLOSE, 100.0)),
    ):
        ((row, phase, _, _, price),) = play(bars(*rows), {1: ask}, fill="close").fills
        assert (row, phase, price) == fills


# --- dust -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lot", [0.1, 0.0, 1e-8])
def test_sums_of_parts_leave_nothing(lot: float) -> None:
    def buy(size: float) -> Any:
        return asks(size)

    seen = []

    def look(strategy: Any, bar: Any, book: Any) -> None:
        seen.append((book.position(), len(book.orders)))
        strategy.buy(0.3)

    script = {0: buy(0.1), 1: buy(0.2), 2: buy(-0.1), 3: buy(-0.1), 4: buy(-0.1), 6: look}
    told = play(bars(*[QUIET] * 9), script, job_of({"lot": lot}))
    assert set(seen) == {(0.0, 0)}
    assert told.gross[5] == 0.0
    assert told.report.metrics.trades == 1 and told.report.metrics.open_trades == 1


def test_parts_of_an_order_leave_nothing() -> None:
    thin = (100, 101, 99, 100, 1.0)
    told = play(bars(QUIET, thin, thin, thin, QUIET, QUIET), {0: asks(0.3)}, job_of({"lot": 0.1}, {"volume_cap": 0.1}))
    assert [round(fill[3], 9) for fill in told.fills] == [0.1, 0.1, 0.1]
    assert told.ends == []


def test_one_and_a_half_coins_are_sold_to_the_last_part() -> None:
    told = play(bars(*[QUIET] * 4), {0: asks(1.5), 1: asks(-1.5)}, job_of({"lot": 1e-8}))
    assert told.report.metrics.open_trades == 0


# --- splits as the strategy sees them ---------------------------------------------------------------------------------


def test_a_strategy_sees_its_orders_as_the_market_has_them_after_a_split() -> None:
    seen: list[Any] = []

    def look(strategy: Any, bar: Any, book: Any) -> None:
        order = book.orders[0]
        seen.append((order.quantity, dict(order.terms)))
        strategy.replace(order, time_in_force="day")

    rows = [*map(flat, [100, 100, 50, 50]), (50, 50, 44, 46), flat(46)]
    told = play(bars(*rows, split={2: 2.0}, dividend={}), {0: asks(100, limit=90.0, stop_loss=80.01), 3: look})
    assert seen[0] == (200.0, {"limit": 45.0, "stop_loss": 40.005})
    assert told.fills == [(4, BAR, "A", 200.0, 45.0)]


def test_so_does_one_with_a_grid_and_parts() -> None:
    seen = []

    def look(strategy: Any, bar: Any, book: Any) -> None:
        seen.append([(order.quantity, order.filled, order.terms["limit"]) for order in book.orders])

    thin = (99.5, 100, 99, 100, 40.0)
    rows = [flat(100), thin, flat(100 / 3), flat(100 / 3)]
    job = job_of(execution={"volume_cap": 0.1}, instruments=[{"symbols": "A", "tick": 0.05, "lot": 1.0}])
    play(bars(*rows, split={2: 3.0}, dividend={}), {0: asks(10, limit=99.5), 1: look, 3: look}, job)
    assert seen[:2] == [[(10.0, 4.0, 99.5)], [(30.0, 12.0, pytest.approx(33.15))]]
