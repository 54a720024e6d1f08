"""Slippage and commission that depend on the market, the month and the order: every figure worked out by hand."""

from __future__ import annotations

import itertools
import math
import statistics
from datetime import date, timedelta
from typing import Any, get_args

import pytest

from backbus.errors import JobError
from backbus.job.costs import Commission, Slippage
from backbus.job.job import Job
from backbus.trading.commission import month_of
from tests.unit.order_market import HOLE, QUIET, bars, flat, job_of, play

FREE = {"commission": {"model": "none"}}
SLIPPAGES: list[dict[str, Any]] = [
    {"model": "bps", "bps": 50.0},
    {"model": "half_spread", "spread": 1.0},
    {"model": "volume_share"},
    {"model": "square_root"},
]
COMMISSIONS: list[dict[str, Any]] = [
    {"model": "per_share", "fee": 0.01},
    {"model": "per_order", "fee": 1.0},
    {"model": "bps", "bps": 10.0},
    {"model": "maker_taker", "maker": 1.0, "taker": 10.0},
    {"model": "preset", "name": "ibkr_fixed"},
]
"""A setting of each model but "none" and a user's own."""


def test_each_model_is_among_those_that_are_tried() -> None:
    for models, settings in ((Slippage, SLIPPAGES), (Commission, COMMISSIONS)):
        union, _ = get_args(models)
        names = [get_args(model.model_fields["model"].annotation)[0] for model in get_args(union)]
        assert sorted(each["model"] for each in settings) == sorted(set(names) - {"none", "own"})


WAVES = bars(*[flat(price) for price in (100.0, 103.0, 101.0, 104.0, 100.0, 100.0, 100.0)])


@pytest.mark.parametrize("slippage", SLIPPAGES, ids=lambda one: one["model"])
def test_each_model_of_slippage_makes_both_sides_worse(slippage: dict[str, Any]) -> None:
    told = play(WAVES, {4: asks((20, {})), 5: asks((-20, {}))}, slippage=slippage)
    (bought, sold) = [fill[4] for fill in told.fills]
    assert bought > 100.0 > sold


@pytest.mark.parametrize("commission", COMMISSIONS, ids=lambda one: one["model"])
def test_each_model_of_commission_costs_something(commission: dict[str, Any]) -> None:
    told = play(WAVES, {4: asks((20, {})), 5: asks((-20, {}))}, commission=commission)
    assert len(told.fees) == 2
    assert min(told.fees) > 0.0


def asks(*orders: tuple[float, dict[str, Any]]) -> Any:
    def ask(strategy: Any, bar: Any, book: Any) -> None:
        for quantity, terms in orders:
            strategy.order(quantity, **terms)

    return ask


def test_a_share_of_the_volume_moves_the_price_by_its_square() -> None:
    # 20 of 1000 is a share of 0.02: 100 × 0.1 × 0.0004 = 0.004. 30 would be more than the limit of 2.5 %: 25, then 5.
    slippage = {"model": "volume_share"}
    told = play(bars(*[QUIET] * 4), {0: asks((20, {})), 1: asks((-30, {}))}, slippage=slippage)
    assert told.fills == [
        (1, "OPEN_MATCH", "A", 20.0, 100.0 + 100.0 * 0.1 * 0.02 * 0.02),
        (2, "OPEN_MATCH", "A", -25.0, 100.0 - 100.0 * 0.1 * 0.025 * 0.025),
        (3, "OPEN_MATCH", "A", -5.0, 100.0 - 100.0 * 0.1 * 0.005 * 0.005),
    ]


def test_the_square_root_of_the_share_of_the_mean_volume_moves_the_price() -> None:
    closes, volumes = [100.0, 102.0, 99.0, 101.0], [1000, 3000, 2000, 4000]
    rows = [(c, c + 3, c - 3, c, v) for c, v in zip(closes, volumes, strict=True)] + [(100.0, 101, 99, 100, 1000)]
    slippage = {"model": "square_root", "impact": 0.8, "lookback": 3}
    told = play(bars(*rows), {3: asks((50, {}))}, slippage=slippage)
    returns = [b / a - 1 for a, b in itertools.pairwise(closes)]
    moved = 0.8 * statistics.stdev(returns) * math.sqrt(50 / 3000)
    assert told.fills[0][4] == pytest.approx(100.0 * (1 + moved), rel=1e-14)


def test_what_is_known_of_an_asset_goes_on_where_another_has_a_hole() -> None:
    closes, volumes = [100.0, 102.0, 99.0, 101.0], [1000, 3000, 2000, 4000]
    rows: list[Any] = [[QUIET, (c, c + 3, c - 3, c, v)] for c, v in zip(closes, volumes, strict=True)]
    rows[2][0] = HOLE
    script = {3: lambda strategy, bar, book: strategy.order(50, "B")}
    told = play(bars(*rows, [QUIET, QUIET]), script, slippage={"model": "square_root", "impact": 0.8, "lookback": 3})
    returns = [b / a - 1 for a, b in itertools.pairwise(closes)]
    moved = 0.8 * statistics.stdev(returns) * math.sqrt(50 / 3000)
    assert told.fills == [(4, "OPEN_MATCH", "B", 50.0, pytest.approx(100.0 * (1 + moved), rel=1e-14))]


def test_before_there_are_two_returns_nothing_is_known_of_the_market() -> None:
    told = play(bars(*[QUIET] * 3), {0: asks((50, {}))}, slippage={"model": "square_root"})
    assert told.fills[0][4] == 100.0


def test_limits_are_never_made_worse_by_slippage() -> None:
    rows = [QUIET, (99.5, 100, 97, 98), QUIET]
    told = play(
        bars(*rows), {0: asks((10, {"limit": 98.0}), (10, {"limit": 99.6}))}, slippage={"model": "bps", "bps": 50}
    )
    # Resting at 98; marketable at the open of 99.5, where half a percent would be 99.9975: no more than 99.6.
    assert [fill[3:] for fill in told.fills] == [(10.0, 99.6), (10.0, 98.0)]


def test_makers_and_takers_pay_different_rates() -> None:
    commission = {"model": "maker_taker", "maker": -1.0, "taker": 10.0}
    script = {0: asks((10, {}), (10, {"limit": 99.0}), (10, {"limit": 101.0}), (-10, {"stop": 99.5}))}
    told = play(bars(QUIET, QUIET, QUIET), script, commission=commission)
    paid = {(fill[1], fill[4]): fee for fill, fee in zip(told.fills, told.fees, strict=True)}
    assert paid == {
        ("OPEN_MATCH", 100.0): 1.0,  # market, and a limit that the open was better than
        ("INTRABAR_MATCH", 99.5): 0.995,
        ("INTRABAR_MATCH", 99.0): pytest.approx(-0.099),
    }


def test_a_fee_per_share_has_a_floor_and_a_ceiling_in_percent() -> None:
    fixed = {"model": "preset", "name": "ibkr_fixed"}
    script = {0: asks((300, {}), (10, {}), (1, {"limit": 99.0}))}
    told = play(bars(QUIET, QUIET), script, commission=fixed)
    # 300 × 0.005 = 1.50; at least 1.00; 1 % of 99 is less than that
    assert told.fees == [1.5, 1.0, 0.99]


def test_a_fee_per_share_without_tiers_is_that_of_all_parts_to_the_last_bit() -> None:
    told = play(
        bars(*[QUIET] * 9), {0: asks((700, {}))}, volume_cap=0.1, commission={"model": "per_share", "fee": 0.0035}
    )
    charged, fees = 0.0, []
    for shares in range(100, 800, 100):
        fees.append(0.0035 * shares - charged)
        charged += fees[-1]
    assert told.fees == fees


def test_rates_fall_with_the_volume_of_the_month_and_begin_anew_with_the_next() -> None:
    # The first rows are days of January 1970; row 31 is the first of February.
    tiers = [{"volume": 100, "fee": 0.02}, {"volume": 250, "fee": 0.01}]
    commission = {"model": "per_share", "fee": 0.05, "tiers": tiers}
    script = {row: asks((100, {})) for row in (0, 1, 2, 3, 30)}
    told = play(bars(*[QUIET] * 34), script, commission=commission)
    assert told.fees == [5.0, 2.0, 1.5, 1.0, 5.0]  # half of the third lies in the last tier


def test_tiers_of_basis_points_count_money() -> None:
    commission = {"model": "bps", "bps": 10.0, "tiers": [{"volume": 15_000, "bps": 5.0}]}
    told = play(bars(*[QUIET] * 34), {row: asks((100, {})) for row in (0, 1, 2, 30)}, commission=commission)
    # half of the second lies in the second tier, and with February the first begins anew
    assert told.fees == pytest.approx([10.0, 7.5, 5.0, 10.0])


@pytest.mark.parametrize("parts", [False, True])
def test_what_lies_in_a_tier_is_charged_at_its_rate_in_one_fill_or_in_parts(parts: bool) -> None:
    """The broker's own example: of 1500 contracts in a month, 1000 cost the first rate and 500 the second."""
    cap = {"volume_cap": 0.5 if parts else None}
    row = [(100.0, 100.0, 100.0, 100.0, 800.0)] * 6
    tiers = {"model": "per_share", "fee": 0.60, "tiers": [{"volume": 1000, "fee": 0.45}]}
    told = play(bars(*row), {0: asks((1500, {}))}, job_of({"cash": 1e9}, {"commission": tiers, **cap}))
    assert len(told.fills) == (4 if parts else 1)
    assert sum(told.fees) == pytest.approx(1000 * 0.60 + 500 * 0.45, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "quantity", "fee"),
    [
        ("ibkr_fixed", 1000, 5.0),
        ("ibkr_tiered", 100, 0.35),
        ("ibkr_tiered", 400_000, 300_000 * 0.0035 + 100_000 * 0.002),
        ("ibkr_futures_fixed", 10, 8.5),
        ("ibkr_futures_tiered", 25_000, 1000 * 0.85 + 9000 * 0.65 + 10_000 * 0.45 + 5000 * 0.25),
        ("binance_spot", 10, 1.0),
    ],
)
def test_schedules_charge_what_is_published(name: str, quantity: float, fee: float) -> None:
    job = job_of({"cash": 1e9}, {"commission": {"model": "preset", "name": name}})
    told = play(bars(QUIET, QUIET), {0: asks((quantity, {}))}, job)
    assert told.fees == [pytest.approx(fee, rel=1e-12)]


def test_months_are_those_of_the_calendar() -> None:
    function = getattr(month_of, "py_func", month_of)
    months = {}
    for first, days in ((date(1969, 1, 1), range(0, 80 * 365, 3)), (date(1899, 12, 1), range(3 * 365))):
        for day in days:
            when = first + timedelta(days=day)
            number = function((when - date(1970, 1, 1)).days)
            assert months.setdefault(number, (when.year, when.month)) == (when.year, when.month)
    assert len(set(months.values())) == len(months)


def test_orders_in_parts_of_a_percentage_fee_add_up() -> None:
    told = play(bars(*[QUIET] * 5), {0: asks((250, {}))}, volume_cap=0.1, commission={"model": "bps", "bps": 10.0})
    assert told.fees == pytest.approx([10.0, 10.0, 5.0])


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        ({"commission": {"model": "bps", "bps": 10_001}}, "execution.commission.bps"),
        ({"commission": {"model": "bps", "bps": -1}}, "execution.commission.bps"),
        (
            {"commission": {"model": "maker_taker", "maker": 1, "taker": 20_000}},
            "execution.commission.taker: must be less than 10000, not 20000",
        ),
        ({"commission": {"model": "per_share", "fee": -0.1}}, "execution.commission.fee"),
        ({"commission": {"model": "preset", "name": "nobody"}}, "ibkr_fixed"),
        ({"commission": {"model": "per_share", "fee": 1, "tiers": [{"volume": 1, "bps": 2}]}}, "volume and fee"),
        (
            {"commission": {"model": "bps", "bps": 1, "tiers": [{"volume": 2, "bps": 2}, {"volume": 1, "bps": 1}]}},
            "volumes of tiers rise",
        ),
        ({"slippage": {"model": "half_spread"}}, "give spread, in price units, or the column"),
        ({"slippage": {"model": "half_spread", "column": "spread"}}, "add it to data.columns"),
        ({"slippage": {"model": "volume_share", "limit": 0}}, "execution.slippage.limit"),
        ({"volume_cap": 1.5}, "execution.volume_cap"),
        ({"path": "best"}, "execution.path"),
    ],
)
def test_what_cannot_be_a_cost_is_refused_before_anything_runs(execution: dict[str, Any], message: str) -> None:
    with pytest.raises(JobError) as raised:
        job_of(execution=execution)
    assert message in str(raised.value)


def test_spreads_of_the_data_are_those_last_seen_before_the_bar() -> None:
    from dataclasses import replace

    import numpy as np

    market = bars(*[QUIET] * 4)
    spread = np.array([[0.2], [0.6], [np.nan], [5.0]])
    spread.flags.writeable = False
    market = replace(
        market,
        layout=replace(market.layout, columns=("spread",)),
        block=replace(market.block, extra={"spread": spread}),
    )
    job = Job.parse(
        {
            "strategy": {"use": "None"},
            "data": {"columns": ["spread"]},
            "portfolio": {"shorts": True},
            "execution": {"slippage": {"model": "half_spread", "column": "spread"}},
        }
    )
    told = play(market, {0: asks((10, {})), 1: asks((-10, {})), 2: asks((10, {}))}, job)
    assert [fill[4] for fill in told.fills] == [100.1, 99.7, 100.3]
