"""What scenarios do to a market is what was told of them, and history comes back as it was."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backbus.market.panel import FIELDS
from tests.unit.mixed_market import GBM, HISTORY
from tests.unit.simulated import market, near, returns


def beside(scenario, *paths, rows=300, **fields):
    """A market without a scenario, and with it."""
    paths = paths or (GBM,)
    scenarios = scenario if isinstance(scenario, list) else [scenario]
    return market(*paths, rows=rows, **fields), market(*paths, rows=rows, scenarios=scenarios, **fields)


def ratio(plain, told, field="close"):
    return (getattr(told.block, field) / getattr(plain.block, field))[:, 0]


def test_a_crash_falls_as_deep_and_comes_back_as_far_as_told():
    found = ratio(*beside({"scenario": "crash", "row": 50, "rows": 10, "depth": 0.4, "recovery": 30, "recovered": 0.5}))
    assert found[:50] == pytest.approx(1) and found[59] == pytest.approx(0.6) and found[89:] == pytest.approx(0.8)
    assert (np.diff(found[49:60]) < 0).all() and (np.diff(found[60:90]) > 0).all()


@pytest.mark.parametrize("rows", [1, 5])
def test_a_flash_crash_is_over_by_the_close_that_was_told(rows):
    plain, told = beside({"scenario": "flash_crash", "row": 50, "depth": 0.2, "rows": rows})
    found = ratio(plain, told)
    assert found[:50] == pytest.approx(1) and found[49 + rows :] == pytest.approx(1)
    assert ratio(plain, told, "low")[50] < 0.83
    assert rows == 1 or found[50] == pytest.approx(0.8)
    assert told.block.volume[50, 0] > plain.block.volume[50, 0]


def test_a_bubble_rises_ever_faster_and_bursts():
    found = ratio(*beside({"scenario": "bubble", "row": 50, "rows": 100, "height": 1.0, "burst": 20, "collapse": 0.75}))
    assert found[149] == pytest.approx(2.0) and found[169:] == pytest.approx(1.25)
    rises = np.diff(np.log(found[49:150]))
    assert rises[-1] / rises[0] == pytest.approx(math.exp(3 * 0.99), rel=1e-6)


def test_a_trend_adds_up_to_what_was_told():
    found = ratio(*beside({"scenario": "trend", "row": 50, "rows": 100, "change": -0.5}))
    assert found[149:] == pytest.approx(0.5) and np.diff(np.log(found[49:150])) == pytest.approx(math.log(0.5) / 100)


def test_a_range_lets_nothing_out():
    plain, told = beside({"scenario": "range", "row": 50, "rows": 200, "width": 0.05})
    begin = told.block.close[49, 0]
    inside = slice(50, 250)
    assert (told.block.high[inside, 0] <= begin * 1.05 * (1 + 1e-9)).all()
    assert (told.block.low[inside, 0] >= begin * 0.95 * (1 - 1e-9)).all()
    assert returns(told)[251:] == pytest.approx(returns(plain)[251:])
    assert np.ptp(told.block.close[inside, 0]) > 0.07 * begin


@pytest.mark.parametrize("fades", [False, True])
def test_a_shock_makes_moves_as_large_as_told(fades):
    plain, told = beside({"scenario": "volatility_shock", "row": 50, "rows": 100, "factor": 3.0, "fades": fades})
    found = (returns(told) / returns(plain))[:, 0]
    expected = np.ones(300)
    expected[50:150] = 1 + 2 * (np.arange(100, 0, -1) / 100 if fades else 1.0)
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_gap_is_one_between_two_bars():
    plain, told = beside({"scenario": "gap", "row": 50, "size": 0.1})
    assert told.block.open[50, 0] / told.block.close[49, 0] == pytest.approx(1.1)
    assert (told.block.low[50, 0] > told.block.close[49, 0] * 1.02).all()
    assert ratio(plain, told)[50:] == pytest.approx(1.1)


def test_a_drought_leaves_little_volume():
    plain, told = beside({"scenario": "drought", "row": 50, "rows": 20, "factor": 0.1, "impact": 2.0})
    assert (returns(told) / returns(plain))[50:70] == pytest.approx(2.0)
    assert ratio(plain, told, "volume")[50:70] == pytest.approx(0.2)  # moves twice as large bring twice the volume
    assert ratio(plain, told, "volume")[70:] == pytest.approx(1.0)


def test_a_halt_is_a_hole_that_prices_jump_over():
    plain, told = beside({"scenario": "halt", "row": 50, "rows": 10})
    for name in FIELDS:
        assert np.flatnonzero(np.isnan(getattr(told.block, name)[:, 0])).tolist() == list(range(50, 60))
    assert told.block.open[60, 0] == pytest.approx(plain.block.open[60, 0])
    assert told.block.close[60:] == pytest.approx(plain.block.close[60:])


def test_limits_stop_prices_where_they_were_told():
    shock = {"scenario": "volatility_shock", "row": 50, "rows": 100, "factor": 5.0}
    _, told = beside([shock, {"scenario": "price_limits", "row": 50, "rows": 100, "limit": 0.05}])
    before = told.block.close[49:149, 0]
    for name, low, high in (("high", 0.0, 0.05), ("low", -0.05, 0.0), ("close", -0.05, 0.05)):
        away = getattr(told.block, name)[50:150, 0] / before - 1
        assert away.max() == pytest.approx(high, abs=1e-9) and away.min() == pytest.approx(low, abs=1e-9)
    hours = market(
        GBM,
        rows=240,
        interval="1h",
        scenarios=[
            {**shock, "rows": 190, "row": 0, "factor": 30.0},
            {"scenario": "price_limits", "row": 0, "rows": 240, "limit": 0.1},
        ],
    )
    closes = hours.block.close[:, 0].reshape(10, 24)
    last = np.concatenate(([100.0], closes[:-1, -1]))
    away = closes / last[:, None] - 1
    assert away.max() == pytest.approx(0.1) and away.min() == pytest.approx(-0.1)


def test_a_delisted_asset_is_gone():
    plain, told = beside({"scenario": "delisting", "row": 200, "final": 0.6})
    assert np.isnan(told.block.close[200:]).all() and not np.isnan(told.block.close[:200]).any()
    assert ratio(plain, told)[:199] == pytest.approx(1) and ratio(plain, told)[199] == pytest.approx(0.4)


def test_what_held_together_falls_apart():
    scenarios = [
        {"scenario": "correlation", "row": 10_000, "rows": 10_000, "value": 0.95},
        {"scenario": "correlation", "row": 20_000, "rows": 10_000, "value": 0.0},
    ]
    r = returns(market(GBM, GBM, rows=40_000, correlation={"every": 0.5}, scenarios=scenarios))
    for begin, expected in ((0, 0.5), (10_000, 0.95), (20_000, 0.0), (30_000, 0.5)):
        near(np.corrcoef(r[begin : begin + 10_000].T)[0, 1], expected, (1 - expected**2) / 100)


def test_a_replay_moves_as_history_did_at_another_level():
    plain = market(GBM, rows=100)
    told = market(
        GBM,
        rows=100,
        scenarios=[{"scenario": "replay", "row": 30, "rows": 20, "of": "B", "since": "1970-01-11"}],
        history=HISTORY,
    )
    column = HISTORY.symbols.index("B")
    first = int(np.searchsorted(HISTORY.block.session, 10))
    then, now = HISTORY.block, told.block
    level = now.close[29, 0] / then.close[first - 1, column]
    for name in ("open", "high", "low", "close"):
        expected = getattr(then, name)[first : first + 20, column] * level
        assert getattr(now, name)[30:50, 0] == pytest.approx(expected)
    assert returns(told)[50:] == pytest.approx(returns(plain)[50:])


def test_the_bootstrap_takes_blocks_of_real_bars():
    n = 40_000
    panel = market(
        {"model": "bootstrap", "of": "A", "block": 12},
        {"model": "bootstrap", "of": "B", "block": 12},
        rows=n,
        history=HISTORY,
    )
    then = HISTORY.block
    bars = np.log(
        np.column_stack(
            (then.high[1:] / then.close[:-1], then.low[1:] / then.close[:-1], then.close[1:] / then.close[:-1])
        )
    )
    now = panel.block
    found = np.log(
        np.column_stack((now.high[1:] / now.close[:-1], now.low[1:] / now.close[:-1], now.close[1:] / now.close[:-1]))
    )
    keys = {tuple(np.round(line, 9)): row for row, line in enumerate(bars)}
    rows = np.array([keys.get(tuple(np.round(line, 9)), -1) for line in found])
    first = rows < 0  # the first bar of history has no gap before it, and is no row of ``bars``
    assert first.mean() == pytest.approx(1 / 60, abs=0.005)
    goes_on = np.mean(np.diff(rows)[~first[1:] & ~first[:-1] & (rows[:-1] < 58)] == 1)
    chance = 1 - 1 / 12 * 59 / 60
    near(goes_on, chance, math.sqrt(chance * (1 - chance) / n))
    shares = np.bincount(rows[~first], minlength=59) / n
    assert shares == pytest.approx(np.full(59, 1 / 60), abs=0.007)


def test_history_is_what_it_was_at_another_level():
    panel = market({"model": "history", "of": "B"}, rows=50, history=HISTORY)
    then = HISTORY.block
    assert panel.block.end.tolist() == then.end[:50].tolist()
    level = 100.0 / then.open[0, 1]
    for name in ("open", "high", "low", "close"):
        assert getattr(panel.block, name)[:, 0] == pytest.approx(getattr(then, name)[:50, 1] * level)
    assert panel.block.volume[:, 0] == pytest.approx(then.volume[:50, 1] / np.nanmean(then.volume[:, 1]) * 1e6)
