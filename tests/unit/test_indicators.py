"""Indicators: their values against pandas and by hand, whatever the blocks, holes, and compiler."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.errors import StrategyError
from tests.unit import strategy_market as sm
from tests.unit.panels import panel_of


def one(what, panel, ends=()):
    return sm.show(what, panel, ends)[0][:, 0]


@pytest.fixture(scope="module")
def walk():
    return sm.market(400, seed=3)


@pytest.fixture(scope="module")
def prices(walk):
    return pd.Series(walk.block.close[:, 0])


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sm.INDICATORS)
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    assets=st.integers(1, 4),
    holes=st.sampled_from([0.0, 0.2, 0.7]),
    late=st.integers(0, 9),
    ends=st.lists(st.integers(1, 59), max_size=6),
)
def test_how_the_stream_is_cut_changes_no_byte(name, seed, assets, holes, late, ends):
    panel = sm.market(60, assets, seed=seed, holes=holes, late=late)
    whole = sm.show(sm.INDICATORS[name], panel)
    assert sm.digest(*sm.show(sm.INDICATORS[name], panel, ends)) == sm.digest(*whole)


@pytest.mark.parametrize("name", sm.INDICATORS)
def test_row_by_row_changes_no_byte(name):
    panel = sm.market(60, 2, seed=8, holes=0.2)
    by_row = sm.show(sm.INDICATORS[name], panel, range(60))
    assert sm.digest(*by_row) == sm.digest(*sm.show(sm.INDICATORS[name], panel))


@pytest.mark.parametrize("name", [name for name in sm.INDICATORS if name != "rank"])
def test_an_asset_with_holes_gives_the_values_of_its_own_bars(name):
    holed = sm.market(90, 1, seed=4, holes=0.3)
    there = ~np.isnan(holed.block.close[:, 0])
    fields = (getattr(holed.block, field)[there] for field in ("open", "high", "low", "close", "volume"))
    dense = panel_of(*(field.copy() for field in fields))
    for ours, expected in zip(sm.show(sm.INDICATORS[name], holed), sm.show(sm.INDICATORS[name], dense), strict=True):
        np.testing.assert_array_equal(ours[there], expected)
        assert (ours.dtype == np.bool_ and not ours[~there].any()) or np.isnan(ours[~there].astype(float)).all()


@pytest.mark.parametrize("name", sm.INDICATORS)
def test_nothing_depends_on_later_rows(name):
    panel = sm.market(80, 3, seed=6, holes=0.1)
    short = panel_of(*(getattr(panel.block, f)[:50].copy() for f in ("open", "high", "low", "close", "volume")))
    whole = sm.show(sm.INDICATORS[name], panel)
    assert sm.digest(*(values[:50] for values in whole)) == sm.digest(*sm.show(sm.INDICATORS[name], short))


@pytest.mark.slow
def test_without_the_compiler_the_bytes_are_the_same(plain_python):
    assert plain_python("tests.unit.strategy_market", "digests") == sm.digests()


def test_simple_average_is_pandas_rolling_mean(walk, prices):
    same(one(lambda b: b.sma(20), walk), prices.rolling(20).mean())


def test_exponential_average_is_pandas_ewm_seeded_by_the_simple_one(walk, prices):
    n = 12
    seeded = pd.concat([pd.Series([prices[:n].mean()]), prices[n:]])
    expected = seeded.ewm(span=n, adjust=False).mean().to_numpy()
    ours = one(lambda b: b.ema(n), walk)
    assert np.isnan(ours[: n - 1]).all()
    same(ours[n - 1 :], expected)


def test_bollinger_is_mean_and_population_deviation(walk, prices):
    middle, upper, lower = (values[:, 0] for values in sm.show(lambda b: b.bollinger(20, 2.5), walk))
    mean, deviation = prices.rolling(20).mean(), prices.rolling(20).std(ddof=0)
    same(middle, mean)
    same(upper, mean + 2.5 * deviation)
    same(lower, mean - 2.5 * deviation)


def test_zscore_is_distance_in_population_deviations(walk, prices):
    rolling = prices.rolling(15)
    same(one(lambda b: b.zscore(15), walk), (prices - rolling.mean()) / rolling.std(ddof=0))


def test_extremes_are_pandas_rolling_max_and_min(walk):
    high, low = pd.Series(walk.block.high[:, 0]), pd.Series(walk.block.low[:, 0])
    np.testing.assert_array_equal(one(lambda b: b.rolling_high(9), walk), high.rolling(9).max())
    np.testing.assert_array_equal(one(lambda b: b.rolling_low(9), walk), low.rolling(9).min())


def test_changes_are_those_of_pandas(walk, prices):
    same(one(lambda b: b.close.diff(3), walk), prices.diff(3))
    same(one(lambda b: b.close.pct_change(), walk), prices.pct_change())
    same(one(lambda b: b.roc(5), walk), prices.pct_change(5) * 100)


def test_rolling_calls_the_function_on_each_window(walk, prices):
    same(one(lambda b: b.close.rolling(7, np.median), walk), prices.rolling(7).median())


def test_macd_is_built_from_its_averages(walk):
    line, signal, histogram = (values[:, 0] for values in sm.show(lambda b: b.macd(3, 6, 4), walk))
    fast, slow = one(lambda b: b.ema(3), walk), one(lambda b: b.ema(6), walk)
    np.testing.assert_array_equal(line, fast - slow)
    assert np.isnan(signal[:8]).all()
    assert signal[8] == pytest.approx(line[5:9].mean(), abs=1e-12)
    np.testing.assert_array_equal(histogram, line - signal)


def test_rank_counts_from_the_lowest_with_ties_in_asset_order():
    rows = np.array([[3.0, 1.0, 3.0, np.nan], [2.0, 2.0, 1.0, 5.0]])
    panel = panel_of(*(rows.copy() for _ in range(5)))
    np.testing.assert_array_equal(sm.show(lambda b: b.close.rank(), panel)[0], [[2, 1, 3, np.nan], [2, 3, 1, 4]])
    np.testing.assert_array_equal(
        sm.show(lambda b: b.close.rank(descending=True), panel)[0], [[1, 3, 2, np.nan], [2, 3, 4, 1]]
    )


def test_rsi_by_hand():
    # Changes +1 +1 -1 | +2 -2, n = 3. Gains: 2/3, (4/3 + 2)/3 = 10/9, 20/27. Losses: 1/3, 2/9, (4/9 + 2)/3 = 22/27.
    ours = one(lambda b: b.rsi(3), sm.closes(10, 11, 12, 11, 13, 11))
    assert np.isnan(ours[:3]).all()
    assert ours[3:] == pytest.approx([100 * 2 / 3, 100 * 10 / 12, 100 * 20 / 42])


def test_rsi_is_50_where_nothing_moves_and_100_where_it_only_rises():
    assert one(lambda b: b.rsi(2), sm.closes(5, 5, 5))[-1] == 50.0
    assert one(lambda b: b.rsi(2), sm.closes(5, 6, 7))[-1] == 100.0


def test_atr_by_hand():
    # Ranges: 2; 3 (a gap up: high 13 - close 10); 4 (close 12 - low 8); n = 2: (2+3)/2 = 2.5, then (2.5+4)/2 = 3.25.
    high, low, close = ([11.0, 13.0, 10.0], [9.0, 12.0, 8.0], [10.0, 12.0, 9.0])
    columns = (np.array(values).reshape(-1, 1) for values in (close, high, low, close, close))
    ours = one(lambda b: b.atr(2), panel_of(*columns))
    assert np.isnan(ours[0])
    assert ours[1:].tolist() == [2.5, 3.25]


def test_a_cross_needs_a_strict_change_of_side():
    panel = sm.closes(9, 10, 11, 10, 11, 9, 10, 10, 11)
    up, down = (
        values[:, 0] for values in sm.show(lambda b: (b.close.crosses_above(10), b.close.crosses_below(10)), panel)
    )
    assert np.flatnonzero(up).tolist() == [2, 8]
    assert np.flatnonzero(down).tolist() == [5]


@pytest.mark.parametrize("price", [0.1, 1.1, 33.333, 1e-7, 1e9 / 7])
def test_a_flat_window_has_exactly_its_price_as_mean_and_no_deviation(price):
    panel = sm.closes(*([1e6, 3.7] + [price] * 40))
    assert (one(lambda b: b.sma(7), panel)[8:] == price).all()
    middle, upper, lower = (values[:, 0] for values in sm.show(lambda b: b.bollinger(7), panel))
    assert (middle[8:] == price).all()
    assert (upper[8:] == price).all() and (lower[8:] == price).all()
    assert np.isnan(one(lambda b: b.zscore(7), panel)[8:]).all()


def test_a_huge_value_is_forgotten_when_it_has_left_the_window():
    prices = [100.0 + 0.37 * (i % 3) for i in range(40)]
    spiked = [*prices[:20], 1e15, *prices[21:]]
    for what in (lambda b: b.sma(5), lambda b: b.zscore(5)):
        same(one(what, sm.closes(*spiked))[31:], one(what, sm.closes(*prices))[31:])


def test_dividing_by_zero_is_missing_rather_than_infinite():
    assert np.isnan(one(lambda b: b.close / (b.close - b.open), sm.closes(1, 2))).all()


def test_infinite_values_do_not_poison_an_average():
    panel = sm.closes(*range(1, 20))
    ours = one(lambda b: b.stream(np.where(np.asarray(b.close) == 5.0, np.inf, b.close)).sma(3), panel)
    assert np.isnan(ours[4])
    assert ours[5] == pytest.approx((3 + 4 + 6) / 3)
    assert np.isfinite(ours[5:]).all()


def test_numpy_functions_give_streams():
    panel = sm.closes(1, 4, 9)
    assert one(lambda b: np.sqrt(b.close).diff(), panel)[1:].tolist() == [1.0, 1.0]
    assert one(lambda b: np.array([[1.0], [2.0], [3.0]]) - b.close, panel).tolist() == [0.0, -2.0, -6.0]


def test_operators_are_element_by_element():
    panel = sm.closes(1, 2, 3)
    assert one(lambda b: 1 + b.close * 2 - 3 / b.close, panel).tolist() == [0.0, 3.5, 6.0]
    assert one(lambda b: ~(b.close > 1) | (b.close == 3) & (b.close != 2), panel).tolist() == [True, False, True]
    assert one(lambda b: (b.close > 1) + (b.close > 2), panel).tolist() == [0.0, 1.0, 2.0]
    assert one(lambda b: abs(-b.close), panel).tolist() == [1.0, 2.0, 3.0]


def test_a_stream_has_no_truth_value():
    with pytest.raises(StrategyError, match="combine conditions with &"):
        sm.show(lambda b: (b.close > 1) and (b.close > 2), sm.closes(1, 2))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda b: b.sma(0), "sma takes from 1 to"),
        (lambda b: b.ema(2.5), "ema takes a whole number of bars, not 2.5"),
        (lambda b: b.close.shift(-1), "shift takes from 0"),
        (lambda b: b.close + np.zeros((7, 7)), "broadcast"),
    ],
)
def test_wrong_parameters_are_named(what, message):
    with pytest.raises(StrategyError, match=message):
        sm.show(what, sm.closes(1, 2, 3))


@pytest.mark.parametrize(
    "what",
    [
        lambda b: b.sma(2) if b.first_row == 0 else b.ema(2),
        lambda b: b.sma(2 + b.first_row),
        lambda b: b.sma(2) if b.first_row == 0 else b.close,
        lambda b: b.close if b.first_row == 0 else b.sma(2),
    ],
)
def test_another_order_of_calls_in_a_later_block_is_refused(what):
    with pytest.raises(StrategyError, match="same order in each block"):
        sm.show(what, sm.closes(1, 2, 3, 4), (2,))
