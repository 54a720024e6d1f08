"""The look-ahead check: honest strategies are never accused, and each kind of leak is found where it begins."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backbus
from backbus.engine.check import check_strategy, quick_finding
from backbus.errors import StrategyError
from backbus.strategy import BUILTINS, Strategy, bundle, load_strategy
from backbus.strategy.builtins import CLASSES
from backbus.strategy.finding import SaidSignal, difference
from backbus.strategy.futures import FUTURES, cut_rows, portion, synthetic_panel, truncated
from backbus.strategy.look_ahead import QUICK, THOROUGH, check, speak
from tests.unit import strategy_market as sm

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "strategies"
MARKET = sm.market(300, 3, seed=3, holes=0.03)
LATE = sm.market(300, 3, seed=3, warmup=40)


# --- honest strategies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", CLASSES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("effort", [QUICK, None], ids=["quick", "usual"])
def test_every_built_in_is_clean(strategy, effort):
    options = {} if effort is None else {"effort": effort}
    checked = check(strategy(), synthetic_panel(), **options)
    assert checked.finding is None
    assert checked.signals > 0 and checked.truncated > 0 and checked.altered > 0 and checked.raised == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mean_reversion", "three_up_days", "cut_losses"])
def test_every_example_is_clean_with_and_without_a_book(name):
    use = f"{name}.py"
    checked = check_strategy(load_strategy(use, bundle(use, EXAMPLES))(), synthetic_panel(400, 4))
    assert checked.finding is None and checked.signals > 0


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    first=st.sampled_from(sorted(sm.INDICATORS.keys() - {"bollinger", "macd", "crosses", "rank", "composed"})),
    second=st.sampled_from(["sma", "ema", "shift", "rolling high", "zscore"]),
    holes=st.sampled_from([0.0, 0.2]),
    rule=st.sampled_from(["hold_long", "hold_short", "target_weights", "enter_exit"]),
)
def test_an_honest_strategy_of_composed_indicators_is_never_accused(seed, first, second, holes, rule):
    class Composed(Strategy):
        def signals(self, bars):
            one, two = sm.INDICATORS[first](bars), sm.INDICATORS[second](bars)
            above = (one - two).shift(1).sma(3) > (one - two).ema(4)
            if rule == "target_weights":
                return self.target_weights(np.where(above.values, 0.3, np.nan))
            if rule == "enter_exit":
                return self.enter_exit(above, one < two)
            return getattr(self, rule)(above)

    checked = check(Composed(), sm.market(160, 2, seed=seed, holes=holes, late=5, warmup=10))
    assert checked.finding is None


def test_raw_arrays_with_their_lookback_are_clean():
    class Momentum(Strategy):
        lookback: ClassVar[int] = 5

        def signals(self, bars):
            close = bars.raw.close
            return self.hold_long(close[5:] > close[:-5])

    assert check(Momentum(), MARKET).clean


def test_what_only_fails_on_other_futures_is_not_accused():
    class Fussy(Strategy):
        def on_bar(self, bar):
            if bar.close > 150:
                raise ValueError("such a price cannot be")
            if bar.row % 9 == 0:
                self.go_long() if bar.close > bar.open else self.go_flat()

    checked = check(Fussy(), MARKET)
    assert checked.clean and checked.raised > 0


# --- a zoo of leaks ------------------------------------------------------------------------------------------------


def rolled(close):
    return np.roll(close, -1, axis=0) > close


def normalised(close):
    return close - np.nanmean(close, axis=0) > 0.5 * np.nanstd(close, axis=0)


def centred(close):
    padded = np.pad(close, ((2, 2), (0, 0)), mode="edge")
    return close > sum(padded[step : step + len(close)] for step in range(5)) / 5


def gradient(close):
    return np.gradient(close, axis=0) > 0 if len(close) > 1 else np.zeros(close.shape, bool)


def last_close(close):
    return close < close[-1]


def sorted_by_future(close):
    ahead = np.zeros(close.shape)
    ahead[:-5] = close[5:] / close[:-5]
    return np.argsort(np.argsort(-np.nan_to_num(ahead), axis=1), axis=1) == 0


def filled_backwards(close):
    filled = close.copy()
    for row in range(len(close) - 2, -1, -1):
        gone = np.isnan(filled[row])
        filled[row, gone] = filled[row + 1, gone]
    return filled > filled.mean(axis=1, keepdims=True)


def leaking(condition):
    class Leak(Strategy):
        def signals(self, bars):
            return self.hold_long(condition(np.array(bars.close)))

    return Leak()


def first_changed(strategy, panel):
    """By brute force: the first (row, asset) that some other future behind it changes."""
    truth = speak(strategy, panel, len(panel))
    places = []
    for cut in range(panel.layout.warmup + 1, len(panel)):
        for future in (truncated, *(functools.partial(made, seed=1) for made in FUTURES.values())):
            other = future(panel, cut)
            one = difference(truth, speak(strategy, other, len(other)), cut)
            if one is not None:
                places.append(one.place)
        if places and min(places)[0] < cut - 10:
            break
    return min(places)


@pytest.mark.parametrize(
    ("condition", "panel", "ahead"),
    [
        (rolled, LATE, 1),
        (normalised, LATE, None),
        (centred, LATE, 2),
        (gradient, LATE, 1),
        (last_close, LATE, None),
        (sorted_by_future, LATE, 5),
        (filled_backwards, MARKET, 1),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_leak_of_the_zoo_is_found_where_it_begins(condition, panel, ahead):
    strategy = leaking(condition)
    finding = check(strategy, panel).finding
    assert finding is not None and finding.kind == "look-ahead"
    assert (finding.row, finding.asset) == first_changed(strategy, panel)
    assert finding.symbol == panel.symbols[finding.asset] and finding.time == panel.block.end[finding.row]
    assert finding.expected != finding.found
    if ahead is not None:
        assert finding.ahead == ahead
    assert check(strategy, panel, effort=QUICK).finding is not None


@pytest.mark.slow
@given(row=st.integers(30, 298), asset=st.integers(0, 2))
@settings(max_examples=15, deadline=None)
def test_a_leak_of_one_row_in_one_asset_is_found_and_named(row, asset):
    class Single(Strategy):
        def signals(self, bars):
            fair = np.array(bars.sma(3) > bars.sma(9))
            at = row - bars.first_row
            close = bars.close.values
            if 0 <= at < len(bars) - 1:
                fair[at, asset] = not fair[at, asset] if close[at + 1, asset] > 0 else fair[at, asset]
            return self.hold_long(fair)

    finding = check(Single(), LATE).finding
    if row < LATE.layout.warmup:
        assert finding is None
        return
    assert finding is not None
    assert (finding.row, finding.asset) == (row, asset)


def test_a_leak_that_these_prices_never_show_is_found_on_shaken_ones():
    class DodgesCrashes(Strategy):
        def signals(self, bars):
            close = bars.close.values
            crash = np.zeros(close.shape, bool)
            crash[:-1] = close[1:] < 0.6 * close[:-1]
            return self.target_weights(np.where(crash, -1.0, np.nan))

    class DodgesCrashesQuietly(DodgesCrashes):
        def signals(self, bars):
            weights = np.full(bars.close.shape, np.nan)
            weights[(bars.first_row + np.arange(len(bars))) % 50 == 0] = 0.5
            close = bars.close.values
            weights[:-1][close[1:] < 0.6 * close[:-1]] = -1.0
            return self.target_weights(weights)

    assert check(DodgesCrashes(), LATE).signals == 0
    finding = check(DodgesCrashesQuietly(), LATE).finding
    assert finding is not None and finding.kind == "look-ahead"


@pytest.mark.parametrize("style", ["array", "event"])
def test_the_number_of_rows_to_come_is_the_future_too(style):
    class ArrayEnd(Strategy):
        def signals(self, bars):
            rows = np.arange(bars.first_row, bars.first_row + len(bars))
            wanted = np.broadcast_to((rows % 10 < 5)[:, None], bars.close.shape)
            return self.hold_long(wanted & (rows < bars.context.run.layout.rows - 20)[:, None])

    class EventEnd(Strategy):
        def on_bar(self, bar):
            if bar.row == self._run.layout.rows - 3:
                self.go_flat()
            elif bar.row % 10 == 0:
                self.go_long()

    finding = check(ArrayEnd() if style == "array" else EventEnd(), LATE).finding
    assert finding is not None and finding.kind == "look-ahead"
    assert "how many rows" in finding.hint and finding.ahead is None


def test_event_code_that_reaches_into_the_machinery_for_later_bars_is_found():
    class Reaches(Strategy):
        lookback: ClassVar[int] = 3

        def on_bar(self, bar):
            window, end = bar._history._windows[bar.asset][3], bar._history.ends[bar.asset]
            if end < window.shape[0] and window[end] > bar.close:
                self.go_long()
            else:
                self.go_flat()

    finding = check(Reaches(), LATE).finding
    assert finding is not None and (finding.kind, finding.row, finding.ahead) == ("look-ahead", 40, 1)


@pytest.mark.slow
def test_a_reader_of_the_book_that_peeks_is_found_by_the_engine():
    class Peeks(Strategy):
        lookback: ClassVar[int] = 3

        def on_bar(self, bar, book):
            window, end = bar._history._windows[bar.asset][3], bar._history.ends[bar.asset]
            rises = end < window.shape[0] and window[end] > bar.close
            if rises and not book.position():
                self.go_long()
            elif not rises and book.position():
                self.go_flat()

    finding = check_strategy(Peeks(), LATE).finding
    assert finding is not None and (finding.kind, finding.row, finding.ahead) == ("look-ahead", 40, 1)


# --- blocks, and what does not repeat itself --------------------------------------------------------------------------


def test_what_starts_anew_in_each_block_is_a_finding_of_its_own():
    class Anew(Strategy):
        def signals(self, bars):
            change = np.zeros(bars.close.shape)
            change[1:] = np.diff(bars.close.values, axis=0)
            return self.hold_long(change > 0)

    finding = check(Anew(), LATE).finding
    assert finding is not None and finding.kind == "blocks"
    first = speak(Anew(), LATE, len(LATE))[0]  # one row has no change: blocks of one row say nothing at all
    assert (finding.row, finding.asset) == (first["tick"] // 6, first["asset"])
    assert finding.change == "blocks of one row" and finding.expected == SaidSignal("direction", 1.0)


def test_code_that_some_block_size_breaks_is_an_error_that_says_so():
    class TwoRows(Strategy):
        def signals(self, bars):
            assert len(bars) >= 2, "give me two rows"
            return self.hold_long(bars.close > bars.sma(4))

    with pytest.raises(StrategyError, match=r"not in blocks of one row: .*give me two rows"):
        check(TwoRows(), LATE)


def test_chance_is_not_taken_for_looking_ahead():
    class Chance(Strategy):
        def signals(self, bars):
            return self.hold_long(np.random.default_rng().random(bars.close.shape) < 0.5)

    finding = check(Chance(), LATE).finding
    assert finding is not None and finding.kind == "repeat" and "random" in finding.hint


COUNTER = itertools.count()


@pytest.mark.parametrize("modulus", [7, 260])
def test_a_global_counter_is_not_taken_for_looking_ahead(modulus):
    class Counts(Strategy):
        def on_bar(self, bar):
            if next(COUNTER) % modulus == 3:
                self.go_long()

    finding = check(Counts(), LATE).finding
    assert finding is not None and finding.kind == "repeat"


# --- what is tried -------------------------------------------------------------------------------------------------


def test_a_strategy_that_raises_on_the_data_themselves_fails_as_in_a_run():
    class Broken(Strategy):
        def on_bar(self, bar):
            raise ZeroDivisionError("oh")

    with pytest.raises(StrategyError, match=r"Broken failed at row 0 .*ZeroDivisionError: oh"):
        check(Broken(), MARKET)


@pytest.mark.parametrize("name", FUTURES)
def test_a_future_leaves_the_past_alone_and_changes_what_comes(name):
    made, again = FUTURES[name](MARKET, 120, 1), FUTURES[name](MARKET, 120, 1)
    for field in ("open", "high", "low", "close", "volume"):
        before, after = getattr(MARKET.block, field), getattr(made.block, field)
        np.testing.assert_array_equal(before[:120], after[:120])
        np.testing.assert_array_equal(after, getattr(again.block, field))
        assert not np.array_equal(before[120:], after[120:], equal_nan=True)
    assert made.layout == MARKET.layout


def test_cuts_are_traded_rows_right_after_signals_and_in_between():
    cuts = cut_rows(LATE, np.array([50, 51, 299]), spread=4, after=10)
    assert {51, 52} <= set(cuts) and min(cuts) > LATE.layout.warmup and max(cuts) < len(LATE)
    assert cut_rows(sm.closes(1.0), np.array([0]), spread=4, after=4) == []
    assert len(truncated(LATE, 20)) == 20


def test_a_part_of_a_panel_keeps_as_many_rows_before_the_traded_ones():
    part, first = portion(sm.market(300, 1, warmup=100), 30)
    assert (first, len(part), part.layout.warmup, part.block.first_row) == (70, 60, 30, 0)
    assert portion(LATE, 1000) == (LATE, 0)


def test_rows_are_named_as_the_whole_panel_numbers_them():
    panel = sm.market(300, 1, warmup=200)
    whole = check(leaking(rolled), panel).finding
    part = quick_finding(leaking(rolled), panel)
    few = backbus.check(data=panel, strategy=leaking(rolled), rows=50)
    assert whole is not None and part is not None and few.rows == 100
    assert few.finding is not None and few.finding.row == whole.row >= 200


def test_the_synthetic_market_is_the_same_each_time_and_has_holes_and_jumps():
    one, two = synthetic_panel(), synthetic_panel()
    np.testing.assert_array_equal(one.block.close, two.block.close)
    close = one.block.close
    ratio = close[1:] / close[:-1]
    assert np.isnan(close).any() and np.nanmax(ratio) > 1.2 and np.nanmin(ratio) < 0.85
    assert (one.block.low[~np.isnan(close)] <= close[~np.isnan(close)]).all()


def test_thorough_tries_more():
    some, more = check(BUILTINS["SmaCross"](), LATE), check(BUILTINS["SmaCross"](), LATE, effort=THOROUGH)
    assert more.clean and more.cuts > some.cuts and more.altered > some.altered
