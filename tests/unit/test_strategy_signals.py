"""What strategies say: edges only, nothing in warm-up, nothing in holes, the same for any cut of the stream."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.errors import StrategyError
from backbus.strategy import BUILTINS, PanelRunner, Strategy, StrategyRunner
from backbus.strategy.builtins import (
    BuyAndHold,
    CrossSectionalMomentum,
    DonchianBreakout,
    RsiReversion,
    SmaCross,
)
from backbus.trading.codes import SignalKind
from backbus.trading.records import SIGNAL
from tests.unit import strategy_market as sm
from tests.unit.panels import panel_of

NAN = np.nan
SMALL = [
    BuyAndHold(),
    SmaCross(fast=2, slow=5),
    SmaCross(fast=2, slow=5, short=True),
    RsiReversion(period=3, low=35, high=60),
    DonchianBreakout(entry=5, exit=3),
    DonchianBreakout(entry=5, exit=3, short=True),
    CrossSectionalMomentum(period=4, top=2, every=6),
]


def name_of(strategy):
    return f"{type(strategy).__name__}({strategy})"


class Say(Strategy):
    """Says what the test hands it, by one of the holding rules."""

    _how: str = ""
    _what: tuple = ()

    def signals(self, bars):
        rows = slice(bars.first_row, bars.first_row + len(bars))
        return getattr(self, self._how)(*(None if w is None else np.array(w)[rows] for w in self._what))


def said(how, *what, panel=None, ends=()):
    """(row, value) of each signal that a rule makes of these columns."""
    columns = [None if w is None else np.array(w, dtype=float).reshape(len(w), -1) for w in what]
    panel = panel or sm.closes(*([1.0] * len(what[0])))

    class Fixed(Say):
        _how: str = how
        _what: tuple = tuple(columns)

    records = sm.signals(Fixed(), panel, ends)
    return [((tick - 3) // 6, value) for tick, value in zip(records["tick"].tolist(), records["value"], strict=True)]


@pytest.mark.parametrize("strategy", SMALL, ids=name_of)
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    assets=st.integers(1, 4),
    holes=st.sampled_from([0.0, 0.3]),
    warmup=st.integers(0, 20),
    ends=st.lists(st.integers(1, 59), max_size=6),
)
def test_how_the_stream_is_cut_changes_no_signal(strategy, seed, assets, holes, warmup, ends):
    panel = sm.market(60, assets, seed=seed, holes=holes, late=5, warmup=warmup)
    whole = sm.signals(strategy, panel)
    assert sm.signals(strategy, panel, ends).tobytes() == whole.tobytes()
    assert sm.signals(strategy, panel, range(60)).tobytes() == whole.tobytes()
    assert (np.diff(whole["tick"] * 100 + whole["asset"]) > 0).all()
    assert (whole["tick"] >= 6 * warmup + 3).all() and (whole["tick"] % 6 == 3).all()
    assert not np.isnan(panel.block.close[whole["tick"] // 6, whole["asset"]]).any()


@pytest.mark.parametrize("strategy", SMALL, ids=name_of)
def test_signals_do_not_depend_on_later_rows(strategy):
    panel = sm.market(100, 3, seed=1, holes=0.1)
    fields = ("open", "high", "low", "close", "volume")
    changed = [getattr(panel.block, field).copy() for field in fields]
    for column in changed:
        column[60:] = column[60:][::-1] * 3.0
    whole = sm.signals(strategy, panel)
    other = sm.signals(strategy, panel_of(*changed))
    before = 6 * 60
    assert whole[whole["tick"] < before].tobytes() == other[other["tick"] < before].tobytes()


@pytest.mark.parametrize("strategy", SMALL, ids=name_of)
def test_every_built_in_speaks_on_a_market_that_moves(strategy):
    assert len(sm.signals(strategy, sm.market(300, 3, seed=2))) >= 3


def test_only_edges_are_said():
    assert said("hold_long", [0, 1, 1, 0, 0, 1]) == [(1, 1.0), (3, 0.0), (5, 1.0)]
    assert said("hold_short", [0, 1, 1, 0, 0, 1]) == [(1, -1.0), (3, 0.0), (5, -1.0)]


def test_a_condition_that_is_already_true_enters_at_the_first_traded_row():
    panel = sm.closes(1, 1, 1, 1, warmup=2)
    assert said("hold_long", [1, 1, 1, 0], panel=panel) == [(2, 1.0), (3, 0.0)]
    assert said("hold_long", [1, 0, 0, 0], panel=panel) == []
    assert said("hold", [-1, -1, -1, -1], panel=panel) == [(2, -1.0)]
    assert said("enter_exit", [1, 1, 0, 0], [0, 0, 0, 0], panel=panel) == []
    assert said("target_weights", [0.5, 0.5, NAN, 0.25], panel=panel) == [(3, 0.25)]


def test_holes_change_nothing_and_say_nothing():
    panel = sm.closes(1, NAN, 1, NAN, 1)
    assert said("hold_long", [1, 0, 1, 0, 0], panel=panel) == [(0, 1.0), (4, 0.0)]
    assert said("target_weights", [0.1, 0.2, NAN, 0.4, 0.5], panel=panel) == [(0, 0.1), (4, 0.5)]


def test_missing_conditions_are_false():
    assert said("hold_long", [1, NAN, 1]) == [(0, 1.0), (1, 0.0), (2, 1.0)]
    assert said("hold", [1, NAN, -1]) == [(0, 1.0), (1, 0.0), (2, -1.0)]


def test_direction_carries_strength_and_speaks_when_the_side_changes():
    assert said("hold", [0.5, 1.0, -0.25, -0.0, 0.0]) == [(0, 0.5), (2, -0.25), (3, 0.0)]
    with pytest.raises(StrategyError, match="row 2: a strength above 1"):
        said("hold", [0, 0, 1.5], ends=(1,))


def test_entries_latch_until_their_exit():
    assert said("enter_exit", [1, 0, 0, 1, 0], [0, 0, 1, 0, 0]) == [(0, 1.0), (2, 0.0), (3, 1.0)]


def test_an_exit_beats_the_entry_of_its_side_in_the_same_row():
    assert said("enter_exit", [1, 1, 1], [1, 0, 1]) == [(1, 1.0), (2, 0.0)]


def test_an_entry_of_the_other_side_reverses_and_both_at_once_say_nothing():
    no = [0, 0, 0, 0]
    assert said("enter_exit", [1, 0, 1, 0], no, [0, 1, 0, 1], no) == [(0, 1.0), (1, -1.0), (2, 1.0), (3, -1.0)]
    assert said("enter_exit", [1, 1, 0, 0], no, [1, 0, 0, 0], None) == [(1, 1.0)]


def test_weights_are_said_each_time_they_are_given():
    assert said("target_weights", [0.5, 0.5, NAN, -0.0]) == [(0, 0.5), (1, 0.5), (3, 0.0)]
    with pytest.raises(StrategyError, match="row 1: a target weight is infinite"):
        said("target_weights", [0.5, np.inf])


def test_records_carry_tick_asset_and_kind():
    panel = sm.market(3, 2, seed=0)
    records = sm.signals(BuyAndHold(), panel)
    assert records.dtype == SIGNAL
    assert records.tolist() == [(3, 0, SignalKind.DIRECTION, 1.0), (3, 1, SignalKind.DIRECTION, 1.0)]


def test_momentum_holds_the_best_and_drops_the_others():
    rising = np.arange(1.0, 9.0).reshape(-1, 1)
    closes = np.hstack([rising, rising[::-1], rising**2, np.full((8, 1), 5.0)])
    panel = panel_of(*(closes.copy() for _ in range(5)), warmup=2)
    records = sm.signals(CrossSectionalMomentum(period=2, top=2, every=3), panel, (3, 4))
    assert (records["kind"] == SignalKind.WEIGHT).all()
    assert records["tick"].tolist() == [15] * 4 + [33] * 4
    assert records["value"].reshape(2, 4).tolist() == [[0.5, 0.0, 0.5, 0.0]] * 2


def test_a_wrong_shape_or_type_is_refused():
    for what, message in (([[1, 1]], "one value per row and asset"), (["a"], "takes numbers or truth values")):

        class Wrong(Strategy):
            _what: list = what

            def signals(self, bars):
                return self.hold_long(self._what)

        with pytest.raises(StrategyError, match=message):
            sm.signals(Wrong(), sm.closes(1, 2))


def test_something_else_than_signals_is_refused():
    class Bare(Strategy):
        def signals(self, bars):
            return bars.close > 1

    with pytest.raises(StrategyError, match=r"must return what self\.hold_long.*not Stream"):
        sm.signals(Bare(), sm.closes(1, 2))


def test_raw_arrays_have_the_lookback_before_the_block():
    class Highest(Strategy):
        lookback: ClassVar[int] = 3
        _seen: list = []  # noqa: RUF012

        def signals(self, bars):
            self._seen.append(bars.raw.close[:, 0].tolist())
            assert not bars.raw.close.flags.writeable
            close = bars.raw.close
            return self.hold_long([[row[0] >= np.nanmax(close[i : i + 4])] for i, row in enumerate(close[3:])])

    panel = sm.closes(1, 2, 3, 4, 5, 4, 3)
    runner = StrategyRunner(Highest(), panel.layout)
    for block in sm.cut(panel, (2, 3)):
        runner.on_block(block)
    seen = runner.strategy._seen
    np.testing.assert_array_equal(seen[0], [NAN, NAN, NAN, 1, 2])
    np.testing.assert_array_equal(seen[1], [NAN, 1, 2, 3])
    assert seen[2] == [1, 2, 3, 4, 5, 4, 3]
    walk = sm.market(40, seed=1, holes=0.1)
    for ends in ((20,), range(40)):
        assert sm.signals(Highest(), walk, ends).tobytes() == sm.signals(Highest(), walk).tobytes()


def test_raw_arrays_need_a_lookback():
    with pytest.raises(StrategyError, match="lookback: ClassVar"):
        sm.show(lambda b: b.raw.close, sm.closes(1, 2))


def test_built_ins_go_by_both_their_names():
    assert BUILTINS["SmaCross"] is BUILTINS["sma_cross"] is SmaCross
    assert BUILTINS["cross_sectional_momentum"] is CrossSectionalMomentum


def test_an_instance_can_be_run_any_number_of_times():
    strategy, panel = SmaCross(fast=2, slow=5), sm.market(60)
    assert sm.signals(strategy, panel).tobytes() == sm.signals(strategy, panel).tobytes()


def test_a_mistake_names_strategy_rows_dates_and_the_users_line():
    class Broken(Strategy):
        def signals(self, bars):
            return self.hold_long(bars.close > undefined)  # noqa: F821

    with pytest.raises(
        StrategyError, match=r"Broken failed at rows 0 to 1 \(1970-01-01 to 1970-01-02\): NameError"
    ) as e:
        sm.signals(Broken(), sm.closes(1, 2))
    assert "test_strategy_signals.py" in e.value.traceback
    assert "bars.close > undefined" in e.value.traceback
    assert "runner.py" not in e.value.traceback


def test_runs_that_share_indicators_say_what_they_say_alone():
    panel = sm.market(120, 3, seed=9, holes=0.2, warmup=10)
    runner = PanelRunner(panel)
    for strategy in [*SMALL, *SMALL, SmaCross(fast=5, slow=9), SmaCross(fast=2, slow=9)]:
        together = runner.signals(strategy.fresh())
        assert together.tobytes() == sm.signals(strategy, panel).tobytes()


def test_a_strategy_that_fails_leaves_nothing_behind_for_the_next_one():
    panel = sm.market(60)

    class Failing(Strategy):
        n: int = 5

        def signals(self, bars):
            bars.high.zscore(self.n)
            self.hold_long(bars.close > bars.sma(self.n))
            raise ValueError("no")

    runner = PanelRunner(panel)
    for strategy in (Failing(), SmaCross(fast=2, slow=9), Failing(n=7), Failing(), SmaCross(fast=3, slow=9)):
        if isinstance(strategy, Failing):
            with pytest.raises(StrategyError, match="ValueError: no"):
                runner.signals(strategy)
        else:
            assert runner.signals(strategy.fresh()).tobytes() == sm.signals(strategy, panel).tobytes()


def test_shared_values_are_used_once_made_but_not_by_a_run_in_blocks():
    panel = sm.market(50)
    together = PanelRunner(panel)
    for _ in range(2):
        together.signals(SmaCross(fast=2, slow=5))
    kept = together.shared.get(("close", "sma", 5))
    assert kept is not None and not kept.values.flags.writeable
    runner = StrategyRunner(SmaCross(fast=2, slow=7), panel.layout)
    for block in sm.cut(panel, (20,)):
        runner.on_block(block)
    assert together.shared.get(("close", "sma", 7)) is None
    full = PanelRunner(panel, budget_bytes=100)
    full.signals(SmaCross(fast=2, slow=5))
    assert full.shared.get(("close", "sma", 5)) is None


@pytest.mark.parametrize("assets", [1, 3])
def test_holding_while_one_number_is_above_another_is_holding_while_that_is_true(assets):
    panel = sm.market(400, assets, seed=4, holes=0.2, warmup=7)

    class Direct(Strategy):
        how: str = ">"
        short: bool = False

        def condition(self, bars):
            a, b = bars.close, bars.sma(5)
            match self.how:
                case ">":
                    return a > b
                case ">=":
                    return a >= b.shift(0)
                case "<":
                    return a < b
                case "<=":
                    return bars.rolling_high(3) <= bars.high
            return bars.rolling_low(3) >= bars.low

        def signals(self, bars):
            hold = self.hold_short if self.short else self.hold_long
            return hold(self.condition(bars))

    class Eager(Direct):
        def condition(self, bars):
            found = super().condition(bars)
            return bars.stream(np.array([[bool(cell) for cell in row] for row in found.values]))

    for how in (">", ">=", "<", "<=", "other"):
        for short in (False, True):
            said = sm.signals(Direct(how=how, short=short), panel)
            assert len(said) > 10
            assert said.tobytes() == sm.signals(Eager(how=how, short=short), panel).tobytes()
            blocks = sm.signals(Direct(how=how, short=short), panel, (1, 50, 51))
            assert said.tobytes() == blocks.tobytes()


def test_a_panel_s_runner_asks_strategies_of_any_lookback_as_if_each_were_alone() -> None:
    class Deep(Strategy):
        n: int = 1
        lookback: ClassVar[Any] = property(lambda self: self.n)

        def signals(self, bars: Any) -> Any:
            raw = bars.raw.close
            assert len(raw) == len(bars) + self.n and np.isnan(raw[: self.n]).all()
            return self.hold_long(bars.stream(raw[self.n :] > raw[: -self.n]))

    panel = sm.market(40)
    runner = PanelRunner(panel)
    for n in [*range(1, 9), 3, 1, 8, 8]:
        alone = StrategyRunner(Deep(n=n), panel.layout).on_block(panel.block)
        assert np.asarray(runner.signals(Deep(n=n))).tobytes() == alone.tobytes()
        assert runner.cold == n
