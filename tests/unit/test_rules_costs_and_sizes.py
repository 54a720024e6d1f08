"""What trading costs and how much is bought: every model with numbers worked out by hand.

Unless said otherwise an account has 1000 in cash, buys ten shares per entry and pays no costs.
"""

from __future__ import annotations

from typing import Any

import numba
import pytest

from backbus.market.panel import Layout
from backbus.market.timeframes import DAY_NS
from backbus.strategy import Strategy
from backbus.trading.ledger import POSITION, apply_fill, open_account
from backbus.trading.numbers import rules_of
from backbus.trading.records import FILL, Records, empty
from tests.unit.order_market import NAN, asks, bars, job_of, open_close, play, scripted, small
from tests.unit.records_of_runs import said_by_engine

NO_VOLATILITY = "too few bars to know its volatility"


def bought_and_sold(**execution: Any) -> Any:
    """Ten shares bought at an open of 11 and sold at one of 13."""
    return play(open_close([10, 11, 13], [10, 12, 14]), [(0, 0, 1.0), (1, 0, 0.0)], small(execution=execution))


@pytest.mark.parametrize(
    ("slippage", "bought_at", "sold_at"),
    [
        ({"model": "none"}, 11.0, 13.0),
        ({"model": "bps", "bps": 100.0}, 11.0 * 1.01, 13.0 * 0.99),  # 11.11 and 12.87
        ({"model": "half_spread", "spread": 0.5}, 11.25, 12.75),
    ],
    ids=lambda value: value["model"] if isinstance(value, dict) else "",
)
def test_slippage_makes_both_sides_worse(slippage: dict[str, Any], bought_at: float, sold_at: float) -> None:
    run = bought_and_sold(slippage=slippage)
    assert [fill[4] for fill in run.filled] == [bought_at, sold_at]
    assert run.cash[-1] == 1000.0 - 10 * bought_at + 10 * sold_at


def test_a_half_spread_never_makes_a_price_negative() -> None:
    run = play(
        open_close([1, 1, 0.25], [1, 1, 0.25]),
        [(0, 0, 1.0), (1, 0, 0.0)],
        small(execution={"slippage": {"model": "half_spread", "spread": 1.0}}),
    )
    assert [fill[4] for fill in run.filled] == [1.5, 0.0]


@pytest.mark.parametrize(
    ("commission", "fees"),
    [
        ({"model": "none"}, [0.0, 0.0]),
        ({"model": "per_share", "fee": 0.05}, [0.5, 0.5]),
        ({"model": "per_share", "fee": 0.05, "minimum": 1.0}, [1.0, 1.0]),
        ({"model": "per_share", "fee": 0.05, "maximum": 0.25}, [0.25, 0.25]),
        ({"model": "per_order", "fee": 2.5}, [2.5, 2.5]),
        ({"model": "bps", "bps": 100.0}, [110.0 * 0.01, 130.0 * 0.01]),
    ],
    ids=str,
)
def test_each_commission_is_paid_on_both_fills(commission: dict[str, Any], fees: list[float]) -> None:
    run = bought_and_sold(commission=commission)
    assert [fill[5] for fill in run.filled] == fees
    assert run.cash == [1000.0, 1000.0 - 110.0 - fees[0], 1000.0 - 110.0 - fees[0] + 130.0 - fees[1]]


def test_a_commission_in_basis_points_is_of_the_price_after_slippage() -> None:
    run = bought_and_sold(commission={"model": "bps", "bps": 100.0}, slippage={"model": "half_spread", "spread": 2.0})
    assert [fill[5] for fill in run.filled] == [10 * 12.0 * 0.01, 10 * 12.0 * 0.01]


def sizing(model: str, **settings: float) -> dict[str, Any]:
    return {"sizing": {"model": model, **settings}}


@pytest.mark.parametrize(
    ("account", "strength", "quantity"),
    [
        (sizing("fixed_quantity", quantity=7), 1.0, 7.0),
        (sizing("fixed_quantity", quantity=7), 0.5, 3.0),  # 3.5, in whole lots
        (sizing("fixed_quantity", quantity=7) | {"lot": 0.0}, 0.5, 3.5),
        (sizing("fixed_quantity", quantity=70) | {"lot": 25.0}, 1.0, 50.0),
        (sizing("fixed_cash", cash=333), 1.0, 33.0),  # 33.3 shares at 10
        (sizing("fixed_cash", cash=333) | {"lot": 0.0}, 1.0, 33.3),
        (sizing("percent_of_equity", percent=50), 1.0, 50.0),
        (sizing("percent_of_equity", percent=50), 0.5, 25.0),
        (sizing("percent_of_equity", percent=200) | {"leverage": 2.0}, 1.0, 200.0),
        (sizing("target_weight", weight=0.25), 1.0, 25.0),
        (sizing("equal_weight"), 1.0, 50.0),  # one of two assets
        (sizing("percent_of_equity", percent=50) | {"shorts": True}, -1.0, -50.0),
    ],
    ids=str,
)
def test_each_sizing_of_an_account_of_1000_at_a_price_of_10(
    account: dict[str, Any], strength: float, quantity: float
) -> None:
    prices = [[10, 99], [10, 99]]
    run = play(open_close(prices), [(0, 0, strength)], small(**account))
    assert run.decisions == [(0, "CLOSE_DECIDE", (0, 0, 0), "place", quantity, quantity, "")]


def test_leverage_is_the_gross_exposure_that_an_order_may_bring_about() -> None:
    # Twice 1000 at 10 would be 250 % of equity; 200 % is allowed.
    account = sizing("percent_of_equity", percent=250) | {"leverage": 2.0}
    run = play(open_close([10, 10], [10, 10]), [(0, 0, 1.0)], small(**account))
    assert run.decisions == [(0, "CLOSE_DECIDE", (0, 0, 0), "place", 200.0, 250.0, "not enough buying power")]
    assert run.cash == [1000.0, -1000.0]
    assert run.equity == [1000.0, 1000.0]


def test_volatility_target_waits_for_its_bars_and_then_weighs_by_the_deviation() -> None:
    # Returns of 100, 110, 99 are +0.1 and -0.1: mean 0, sample deviation sqrt(0.02 / 1) = 0.141421, yearly (4 bars)
    # 0.282843. A target of 0.1 is a weight of 0.353553: 3535.53 of 10 000, at 99 that is 35.7 shares.
    account = sizing("volatility_target", target=0.1, lookback=2, bars_per_year=4) | {"cash": 10_000.0}
    prices = [100, 110, 99, 99]
    run = play(open_close(prices), [(1, 0, 1.0), (2, 0, 1.0)], small(**account))
    assert run.decisions == [
        (1, "CLOSE_DECIDE", (1, 0, 0), "refuse", 0.0, 0.0, NO_VOLATILITY),
        (2, "CLOSE_DECIDE", (2, 0, 0), "place", 35.0, 35.0, ""),
    ]
    said = said_by_engine(small(**account), open_close(prices), scripted([(1, 0, 1.0), (2, 0, 1.0)]))
    assert said.orders["flags"].tolist() == [0, 0]


def test_volatility_target_holds_no_more_than_its_largest_weight() -> None:
    account = sizing("volatility_target", target=0.1, lookback=2, bars_per_year=4, max_weight=0.2)
    prices = [100, 110, 99, 99]
    run = play(open_close(prices), [(2, 0, 1.0)], small(**account, cash=10_000.0))
    assert [fill[3] for fill in run.filled] == [20.0]  # 2000 / 99 = 20.2


def test_volatility_takes_in_warm_up_rows_and_leaves_out_holes() -> None:
    account = sizing("volatility_target", target=0.1, lookback=2, bars_per_year=4) | {"cash": 10_000.0}
    prices = [100, NAN, 110, 99, 99]
    run = play(open_close(prices, warmup=3), [(3, 0, 1.0)], small(**account))
    assert [fill[3] for fill in run.filled] == [35.0]


def test_target_weights_trade_each_time_they_are_said() -> None:
    #   row  price  equity  half of it   holds  trades at the next open
    #    0     10    1000        50         0     +50
    #    1     20    1500        37        50     -13
    #    2     20    1500        37        37       0
    #    3     10    1130        56        37     +19
    prices = [10, 20, 20, 10, 10]
    opens = [10, 10, 20, 20, 10]
    run = play(open_close(opens, prices), [(row, 0, 0.5, "weight") for row in range(4)], small())
    assert [fill[3:5] for fill in run.filled] == [(50.0, 10.0), (-13.0, 20.0), (19.0, 10.0)]
    assert run.equity == [1000.0, 1500.0, 1500.0, 1130.0, 1130.0]


def test_the_sizing_target_weight_makes_directions_trade_each_time_too() -> None:
    run = play(
        open_close([10, 10, 20], [10, 20, 20]), [(0, 0, 1.0), (1, 0, 1.0)], small(**sizing("target_weight", weight=0.5))
    )
    assert [fill[3:5] for fill in run.filled] == [(50.0, 10.0), (-13.0, 20.0)]


@pytest.mark.parametrize(("opens_at", "quantity"), [(8.0, 125.0), (12.5, 80.0), (10.0, 100.0)])
def test_a_size_decided_at_the_open_is_told_as_a_resize(opens_at: float, quantity: float) -> None:
    account = sizing("percent_of_equity", percent=100) | {"size_at": "open"}
    run = play(open_close([10, opens_at], [10, opens_at]), [(0, 0, 1.0)], small(**account))
    assert run.decisions == [
        (0, "CLOSE_DECIDE", (0, 0, 0), "place", 100.0, 100.0, ""),
        (1, "OPEN_DECIDE", (0, 0, 0), "resize", quantity, quantity, ""),
    ]
    assert run.filled == [(1, "OPEN_MATCH", (0, 0, 0), quantity, opens_at, 0.0)]
    assert run.cash[-1] == 0.0


@numba.njit
def _book(totals: Records, positions: Records, instruments: Records, fills: Records) -> None:
    apply_fill(totals[0], positions[0], instruments[0], fills[0])


def test_average_cost_is_kept_while_selling_and_starts_anew_through_zero() -> None:
    #  bought 10 at 10, 30 at 14: (100 + 420) / 40 = 13;  sold 20 at 15: 13 stays, gained 20 × 2 = 40
    #  sold 30 at 16: gained 20 × 3 = 60, 10 short at 16;  bought 10 at 12: gained 10 × 4 = 40
    rules = rules_of(small(), Layout(("A",), 1, 0, DAY_NS))
    account = open_account(rules)
    line, fills = account.positions[0], empty(FILL, 1)
    fill = fills[0]
    seen = []
    for quantity, price in ((10.0, 10.0), (30.0, 14.0), (-20.0, 15.0), (-30.0, 16.0), (10.0, 12.0)):
        fill["quantity"], fill["price"], fill["unit"], fill["fee"] = quantity, price, 1.0, 0.5
        _book(account.totals, account.positions, rules.instruments, fills)
        seen.append((float(line["position"]), float(line["average_cost"])))
    assert seen == [(10.0, 10.0), (40.0, 13.0), (20.0, 13.0), (-10.0, 16.0), (0.0, 0.0)]
    assert account.totals["cash"] == 1000.0 + 140.0 - 5 * 0.5
    assert account.totals["fees"] == 2.5
    assert account.positions.dtype == POSITION


class Diary(Strategy):
    """Buys in row 0, adds in row 1, and writes down what the book shows at each close."""

    def on_bar(self, bar: Any, book: Any) -> None:
        diary.append((book.position(), book.average_cost(), book.cash, book.equity))
        self.target_weight({0: 0.1, 1: 0.4}.get(bar.row, 0.0))


diary: list[tuple[float, ...]] = []


def test_a_strategy_reads_the_book_at_the_close_before_its_own_signals() -> None:
    #   row  open  close   holds  average  cash    equity
    #    0    10     10       0      0     1000     1000    10 % of 1000 at 10 is 10 shares
    #    1    10     20      10     10      900     1100    40 % of 1100 at 20 is 22: 12 more
    #    2    21     25      22     16      648     1198    (10 × 10 + 12 × 21) / 22 = 16
    diary.clear()
    play(open_close([10, 10, 21], [10, 20, 25]), Diary(), small())
    mine = [(0.0, 0.0, 1000.0, 1000.0), (10.0, 10.0, 900.0, 1100.0), (22.0, 16.0, 648.0, 1198.0)]
    assert diary == mine * 7, "four times in the engine, three times in the handlers"


@pytest.mark.parametrize(
    ("commission", "fees"),
    [
        ({"model": "per_share", "fee": 0.1, "order": 2.0}, [2.0 + 0.4, 0.4, 0.2]),
        ({"model": "per_share", "fee": 0.1, "order": 2.0, "maximum": 2.5}, [2.4, 0.1, 0.0]),
        ({"model": "bps", "bps": 10, "order": 2.0}, [2.0 + 0.4, 0.4, 0.2]),
        ({"model": "bps", "bps": 10, "order": 2.0, "tiers": [{"volume": 1e9, "bps": 5}]}, [2.0 + 0.4, 0.4, 0.2]),
        ({"model": "per_share", "fee": 0.1, "order": 2.0, "tiers": [{"volume": 1e9, "fee": 0.05}]}, [2.4, 0.4, 0.2]),
    ],
)
def test_a_fee_per_order_is_paid_once_in_however_many_parts(commission: dict[str, Any], fees: list[float]) -> None:
    thin = (100.0, 100.0, 100.0, 100.0, 40.0)
    job = job_of(execution={"commission": commission, "volume_cap": 0.1})
    told = play(bars(thin, thin, thin, thin), {0: asks(10)}, job)
    assert told.fees == pytest.approx(fees)


@pytest.mark.parametrize(("fee", "bought"), [(0.0, 10.0), (1.0, 9.0), (100.0, 9.0), (101.0, 8.0), (1000.0, 0.0)])
def test_a_size_may_pay_for_its_fee_as_well(fee: float, bought: float) -> None:
    # Half of 2000 at a price of 100: ten shares, and with a fee of up to 100 nine of them.
    costs = {"commission": {"model": "per_order", "fee": fee}}
    weight = {"model": "target_weight", "weight": 0.5}
    job = small(execution=costs, cash=2000.0, sizing=weight, fees_in_size=True)
    told = play(open_close([100, 100, 100]), [(0, 0, 1.0)], job)
    assert [fill[3] for fill in told.fills] == ([bought] if bought else [])


def test_any_fraction_pays_for_its_fee() -> None:
    costs = {"commission": {"model": "bps", "bps": 100}}
    job = small(execution=costs, sizing={"model": "target_weight", "weight": 0.5}, fees_in_size=True, lot=0)
    told = play(open_close([100, 100, 100]), [(0, 0, 1.0)], job)
    ((_, _, _, size, _),) = told.fills
    assert size * 101.0 == pytest.approx(500.0, rel=1e-6) and size * 101.0 <= 500.0
