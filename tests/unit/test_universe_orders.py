"""What a universe does to orders and positions: nothing is opened in who is out, and who leaves is closed or kept."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.strategy import Strategy
from backbus.trading.records import Records
from tests.unit.order_market import HOLE, QUIET, Does, Told, asks, bars, brackets, job_of, play
from tests.unit.universes import chosen

LEFT, NOT_IN = "the asset left the universe", "the asset is not in the universe"


def quiet(rows: int) -> Any:
    """So many rows of one asset whose price stays where it is."""
    return bars(*[QUIET] * rows)


def of_one(says: dict[int, Does], members: str, leaving: str = "close", *, market: Any = None, **job: Any) -> Told:
    """A script on one asset; ``members`` has a 1 or a 0 for each row."""
    market = market or quiet(len(members))
    return play(chosen(market, [[int(one)] for one in members], leaving), says, job_of(**job))


def test_who_leaves_is_closed_at_the_close_of_its_first_row_outside() -> None:
    told = of_one({0: asks(10)}, "11100")
    assert told.fills == [(1, "OPEN_MATCH", "A", 10.0, 100.0), (4, "OPEN_MATCH", "A", -10.0, 100.0)]
    assert told.orders[-1] == (3, "A", "place", "market", -10.0, LEFT)
    assert told.report.counts.forced == {LEFT: 1}


def test_with_fills_at_the_close_it_is_closed_at_that_close() -> None:
    told = of_one({0: asks(10, at="open")}, "11100", execution={"fill": "close"})
    assert told.fills[-1][:4] == (3, "CLOSE_MATCH", "A", -10.0)


def test_who_may_be_kept_stays_until_the_strategy_sells_it() -> None:
    told = of_one({0: asks(10), 4: asks(-10), 5: asks(5)}, "1110000", "keep")
    assert told.fills == [(1, "OPEN_MATCH", "A", 10.0, 100.0), (5, "OPEN_MATCH", "A", -10.0, 100.0)]
    assert told.orders[-1] == (5, "A", "refuse", "market", 0.0, NOT_IN)
    assert any("not in the universe" in note for note in told.report.notes)


def test_an_asset_that_was_never_in_is_not_asked_about() -> None:
    heard: list[int] = []

    class Listens(Strategy):
        def on_bar(self, bar: Any) -> None:
            heard.append(bar.row)
            assert bar.member

    play(chosen(quiet(6), [[0], [0], [1], [1], [0], [0]]), Listens())
    assert sorted(set(heard)) == [2, 3]
    heard.clear()

    class Keeps(Strategy):
        def on_bar(self, bar: Any) -> None:
            heard.append(bar.row)
            assert bar.member == (bar.row in (2, 3))

    play(chosen(quiet(6), [[0], [0], [1], [1], [0], [0]], "keep"), Keeps())
    assert sorted(set(heard)) == [2, 3, 4, 5]


def test_a_history_reaches_back_to_bars_from_before_it_was_in() -> None:
    seen: dict[int, list[float]] = {}

    class Looks(Strategy):
        lookback = 3

        def on_bar(self, bar: Any) -> None:
            seen[bar.row] = bar.closes(3).tolist()

    market = bars(*[(float(p), p + 1.0, p - 1.0, float(p)) for p in range(10, 16)])
    play(chosen(market, [[0], [0], [1], [0], [0], [1]]), Looks())
    assert seen == {2: [10.0, 11.0, 12.0], 5: [13.0, 14.0, 15.0]}


def test_a_market_order_does_not_fill_on_the_day_on_which_its_asset_is_out() -> None:
    told = of_one({1: asks(10)}, "1100")
    assert told.fills == []
    assert told.decisions[-1][:4] == (2, "OPEN_DECIDE", (1, 0, 4), "cancel")
    assert told.orders[-1][-1] == LEFT


@pytest.mark.parametrize("leaving", ["close", "keep"])
@pytest.mark.parametrize("terms", [{"limit": 99.0}, {"stop": 101.0}, {"at": "close"}, {"limit": 99.5, "stop": 100.5}])
def test_an_order_that_waits_is_taken_back(terms: dict[str, Any], leaving: str) -> None:
    still = bars(*[(100.0, 100.1, 99.9, 100.0)] * 3, *[QUIET] * 2, (100.0, 105.0, 95.0, 100.0))
    when = 2 if terms == {"at": "close"} else 0
    told = of_one({when: asks(10, **terms)}, "111000", leaving, market=still)
    assert told.fills == []
    assert [(row, kind, why) for row, _, kind, _, _, why in told.orders if kind == "cancel"] == [(3, "cancel", LEFT)]


def test_exits_of_a_bracket_work_until_the_position_is_closed() -> None:
    fall = bars(*[QUIET] * 4, (100.0, 101.0, 80.0, 100.0), QUIET)
    told = of_one({0: brackets(stop_loss=90.0, take_profit=150.0)}, "111100", market=fall)
    assert told.fills[-1][:4] == (4, "INTRABAR_MATCH", "A", -10.0)
    assert told.fills[-1][4] == 90.0


def test_a_closing_order_ends_the_exits() -> None:
    told = of_one({0: brackets(stop_loss=90.0, take_profit=150.0)}, "11110000")
    assert told.fills[-1] == (5, "OPEN_MATCH", "A", -10.0, 100.0)
    assert [why for _, _, why in told.ends] == ["its position was closed"] * 2
    kept = of_one({0: brackets(stop_loss=90.0, take_profit=150.0)}, "11110000", "keep")
    assert len(kept.fills) == 1
    assert kept.report.metrics.open_trades == 1


def test_who_leaves_in_a_hole_is_closed_after_its_next_bar() -> None:
    market = bars(QUIET, QUIET, QUIET, HOLE, HOLE, QUIET, QUIET)
    told = of_one({0: asks(10)}, "1110000", market=market)
    assert told.fills[-1] == (6, "OPEN_MATCH", "A", -10.0, 100.0)
    assert told.orders[-1][0] == 5


def test_a_close_that_volume_holds_back_goes_on_until_it_is_done() -> None:
    thin = bars(*[(100.0, 101.0, 99.0, 100.0, 100.0)] * 3, *[(100.0, 101.0, 99.0, 100.0, 8.0)] * 5)
    told = of_one({0: asks(10)}, "11100000", market=thin, execution={"volume_cap": 0.5})
    sold = [quantity for row, _, _, quantity, _ in told.fills if row > 3]
    assert sold == [-4.0, -4.0, -2.0]
    assert [one for one in told.orders if one[2] == "place" and one[-1] == LEFT] == [
        (3, "A", "place", "market", -10.0, LEFT)
    ]


def test_who_is_short_is_bought_back() -> None:
    told = of_one({0: asks(-10)}, "11100")
    assert told.fills[-1] == (4, "OPEN_MATCH", "A", 10.0, 100.0)


def test_a_signal_for_the_other_side_of_one_that_is_kept_only_closes_it() -> None:
    market = bars(*[[QUIET, QUIET]] * 6)
    members = [[1, 1]] * 3 + [[0, 1]] * 3
    ten = {"sizing": {"model": "fixed_quantity", "quantity": 10.0}}
    told = play(chosen(market, members, "keep"), [(0, 0, 1.0), (3, 0, -1.0), (3, 1, -1.0)], job_of(ten))
    assert [(row, asset, quantity) for row, _, asset, quantity, _ in told.fills] == [
        (1, "A", 10.0),
        (4, "A", -10.0),
        (4, "B", -10.0),
    ]


def test_a_delisting_pays_off_who_left_before_it_could_be_sold() -> None:
    market = bars(QUIET, QUIET, QUIET, HOLE, HOLE, delisting={2: 60.0})
    told = of_one({0: asks(10)}, "11100", market=market)
    assert told.bookings == [(3, "A", "delisting", 600.0)]
    assert len(told.fills) == 1


def test_equal_weights_are_shares_of_the_members_alone() -> None:
    market = bars(*[[QUIET, QUIET, QUIET, QUIET]] * 4)
    job = job_of({"sizing": {"model": "equal_weight"}, "lot": 1})
    told = play(chosen(market, [[1, 1, 0, 0]] * 4), [(0, 0, 1.0), (0, 2, 1.0)], job)
    assert told.fills == [(1, "OPEN_MATCH", "A", 500.0, 100.0)]
    assert told.report.counts.refused_because == {NOT_IN: 1}


def test_a_run_that_ends_flat_closes_once() -> None:
    told = of_one({0: asks(10)}, "1110", portfolio={"at_end": "close"})
    assert [one for one in told.orders if one[2] == "place"][1:] == [
        (3, "A", "place", "market", -10.0, "closing at the end")
    ]
    assert told.fills[-1][:4] == (3, "CLOSE_MATCH", "A", -10.0)


# --- holding rules --------------------------------------------------------------------------------------------------


def holding(rule: str) -> Strategy:
    """A strategy that always wants to be long, said by each rule."""

    class Wants(Strategy):
        def signals(self, bars: Any) -> Records:
            wanted = bars.close > 0.0
            match rule:
                case "hold_long":
                    return self.hold_long(wanted)
                case "hold":
                    return self.hold(wanted.values * 0.5)
                case "enter_exit":
                    return self.enter_exit(wanted, bars.close < 0.0)
            return self.hold_short(wanted)

    return Wants()


@pytest.mark.parametrize("rule", ["hold_long", "hold", "enter_exit", "hold_short"])
def test_a_rule_enters_with_the_asset_and_again_when_it_comes_back(rule: str) -> None:
    market = chosen(quiet(12), [[int(one)] for one in "001110001111"])
    ten = {"sizing": {"model": "fixed_quantity", "quantity": 10.0}}
    told = play(market, holding(rule), job_of(ten))
    side = -1.0 if rule == "hold_short" else 0.5 if rule == "hold" else 1.0
    assert [(row, quantity) for row, _, _, quantity, _ in told.fills] == [
        (3, 10.0 * side),
        (6, -10.0 * side),
        (9, 10.0 * side),
    ]
    assert [row for row, _, kind, _, _, why in told.orders if why == LEFT] == [5]
    assert told.report.counts.refused == 0


@pytest.mark.parametrize("rule", ["hold_long", "hold", "enter_exit", "hold_short"])
def test_a_rule_that_keeps_stays_in_and_enters_nothing_else(rule: str) -> None:
    market = chosen(
        bars(*[[QUIET, QUIET]] * 8), [[0, 0], [0, 1], [1, 1], [1, 1], [0, 0], [0, 0], [1, 0], [1, 0]], "keep"
    )
    told = play(market, holding(rule), job_of({"sizing": {"model": "fixed_quantity", "quantity": 10.0}}))
    assert [(row, asset) for row, _, asset, _, _ in told.fills] == [(2, "B"), (3, "A")]


def test_weights_of_who_is_out_are_not_said() -> None:
    class Weighs(Strategy):
        def signals(self, bars: Any) -> Records:
            return self.target_weights((bars.close * 0.0 + 0.1).values)

    market = chosen(bars(*[[QUIET, QUIET]] * 6), [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])
    told = play(market, Weighs())
    assert [(row, asset, quantity) for row, _, asset, quantity, _ in told.fills] == [
        (1, "A", 100.0),
        (4, "A", -100.0),
        (4, "B", 100.0),
    ]
    assert told.report.counts.refused == 0
