"""``execution.path = "worst"`` is a bound: no entry with its exits comes off better on bars than on the path of prices
that made them, whatever that was.

Paths move by 1 a step and orders stand on whole numbers, so a path without gaps meets each price exactly and nothing is
allowed for. With gaps a path may pass an order's price by one of them where it enters, and by one where it leaves.
Exits in fractions of the price paid are played where bars and path pay the same, and lie between two prices of the
path: there a step is allowed for.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulation.fine_paths import (
    ENTRIES,
    GAP,
    START,
    Order,
    Paths,
    bars_of,
    bracket,
    panel,
    play,
    that_begin,
    walk,
)

PER_MINUTE = 6
BARS, COUNT, SEEDS = 20, 150, 2


def in_fractions(order: Order) -> Order:
    """The same with exits that are fractions of the price paid, which lie between two prices of the path."""
    near = {"take_profit": START, "stop_loss": START, "trailing_loss": 0.0}
    terms = {
        f"{name}_fraction" if name in near else name: abs(level - near[name]) / START if name in near else level
        for name, level in order.terms.items()
    }
    return Order(order.quantity, {name: level for name, level in terms.items() if level > 0.0})


FAIR, UP, DOWN = Paths(PER_MINUTE), Paths(PER_MINUTE, drift=0.05), Paths(PER_MINUTE, drift=-0.05)
GAPS = Paths(PER_MINUTE, gaps=0.03)


@pytest.mark.parametrize("minutes", [1, 5, 60])
@pytest.mark.parametrize(
    ("paths", "fractions"),
    [(FAIR, False), (UP, False), (DOWN, False), (GAPS, False), (FAIR, True), (UP, True), (DOWN, True)],
)
def test_no_entry_is_better_than_on_its_path(paths: Paths, minutes: int, fractions: bool) -> None:
    paths = paths._replace(steps=PER_MINUTE * minutes)
    for seed in range(SEEDS):
        check(np.random.default_rng([seed, minutes, round(100 * paths.drift) + 100]), paths, fractions)


@pytest.mark.parametrize("minutes", [1, 5, 60])
@pytest.mark.parametrize("paths", [FAIR, UP, DOWN, GAPS])
def test_nor_with_trailing_stops_that_begin_at_a_profit(paths: Paths, minutes: int) -> None:
    paths = paths._replace(steps=PER_MINUTE * minutes)
    for seed in range(SEEDS):
        check(np.random.default_rng([seed, minutes, round(100 * paths.drift) + 100]), paths, False, begins=True)


def check(random: np.random.Generator, paths: Paths, fractions: bool, *, begins: bool = False) -> None:
    prices = walk(random, paths, BARS, COUNT)
    prices -= prices[paths.steps - 1] - START
    scale = max(4.0, float(np.mean(np.ptp(prices.reshape(BARS, paths.steps, COUNT), axis=1))))
    left_out = ("stop_limit", "stop_limit_back") if paths.gaps else (("trail",) if fractions else ())
    entries = [entry for entry in ENTRIES if entry not in left_out]
    orders = [bracket(random, scale, entries[at % len(entries)]) for at in range(COUNT)]
    if begins:
        orders = [that_begin(random, order, scale) for order in orders]
    asked = [in_fractions(order) for order in orders] if fractions else orders
    bars = play(bars_of(prices, paths.steps), asked, 0)
    fine = play(panel(*[prices.copy() for _ in range(4)]), asked, paths.steps - 1)
    better = bars.profit - np.where(fine.entered, fine.profit, 0.0)
    allowed = (2.0 * GAP if paths.gaps else 0.0) + (1.0 if fractions else 0.0)
    worse = [(asked[at], bars.profit[at], fine.profit[at]) for at in np.flatnonzero(bars.entered & (better > allowed))]
    assert worse == []
    assert np.count_nonzero(bars.entered) > COUNT // 3
    for at in np.flatnonzero(bars.entered != fine.entered):
        assert {"limit", "stop"} <= set(asked[at].terms) or "trail" in asked[at].terms
