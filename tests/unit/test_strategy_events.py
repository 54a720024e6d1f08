"""Event style: bar after bar, with and without the book."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from backbus.errors import StrategyError
from backbus.strategy import Strategy, StrategyRunner
from backbus.trading.account_rows import BookRows
from backbus.trading.codes import SignalKind
from tests.unit import strategy_market as sm
from tests.unit.panels import panel_of

NAN = np.nan


def books(panel, *, position=0.0):
    rows, assets = len(panel), panel.layout.assets
    row = np.arange(rows, dtype=float)
    return BookRows(0, 1000 + row, 500 + row, np.full((rows, assets), position), np.full((rows, assets), 7.0))


class Diary(Strategy):
    lookback: ClassVar[int] = 3
    _seen: list = []  # noqa: RUF012

    def on_bar(self, bar):
        assert type(bar.close) is float and type(bar.time) is int
        self._seen.append((bar.row, bar.symbol, bar.close, bar.trading, bar.date, bar.closes(3).tolist()))


class Contrary(Strategy):
    """Long after a fall, flat after a rise, from its own memory; array style could say the same."""

    _last: dict = {}  # noqa: RUF012

    def on_bar(self, bar):
        last = self._last.get(bar.asset, bar.close)
        if bar.close < last:
            self.go_long(0.5)
        elif bar.close > last:
            self.go_flat()
        self._last[bar.asset] = bar.close


def test_bars_come_in_row_then_asset_order_without_holes():
    closes = np.array([[1.0, NAN], [2.0, 20.0], [NAN, 30.0], [4.0, 40.0]])
    panel = panel_of(*(closes.copy() for _ in range(5)), warmup=1)
    for ends in ((), (1, 2, 3)):
        runner = StrategyRunner(Diary(), panel.layout)
        for block in sm.cut(panel, ends):
            runner.on_block(block)
        assert runner.strategy._seen == [
            (0, "A", 1.0, False, "1970-01-01", [1.0]),
            (1, "A", 2.0, True, "1970-01-02", [1.0, 2.0]),
            (1, "B", 20.0, True, "1970-01-02", [20.0]),
            (2, "B", 30.0, True, "1970-01-03", [20.0, 30.0]),
            (3, "A", 4.0, True, "1970-01-04", [1.0, 2.0, 4.0]),
            (3, "B", 40.0, True, "1970-01-04", [20.0, 30.0, 40.0]),
        ]


def test_blocks_change_no_signal():
    panel = sm.market(60, 3, seed=3, holes=0.2, late=4, warmup=7)
    whole = sm.signals(Contrary(), panel)
    assert len(whole) > 20 and (whole["tick"] >= 45).all()
    for ends in ((1, 2, 30), range(60)):
        assert sm.signals(Contrary(), panel, ends).tobytes() == whole.tobytes()


def test_the_last_signal_of_a_row_counts_and_records_are_in_asset_order():
    class Changeable(Strategy):
        def on_bar(self, bar):
            if bar.row == 1 and bar.symbol == "B":
                self.go_long(symbol="C")
                self.go_short(0.5)
                self.target_weight(-0.25, symbol="A")
                self.target_weight(0.75)

    panel = sm.market(3, 3)
    assert sm.signals(Changeable(), panel).tolist() == [
        (9, 0, SignalKind.WEIGHT, -0.25),
        (9, 1, SignalKind.WEIGHT, 0.75),
        (9, 2, SignalKind.DIRECTION, 1.0),
    ]


def test_a_signal_for_an_asset_without_a_bar_waits_for_its_next_one():
    class Early(Strategy):
        def on_bar(self, bar):
            if bar.row == 0:
                self.go_long(symbol="B")

    closes = np.array([[1.0, NAN], [1.0, NAN], [1.0, 5.0], [1.0, 5.0]])
    panel = panel_of(*(closes.copy() for _ in range(5)))
    for ends in ((), (1, 2)):
        assert sm.signals(Early(), panel, ends).tolist() == [(15, 1, SignalKind.DIRECTION, 1.0)]


class Reader(Strategy):
    _seen: list = []  # noqa: RUF012

    def on_bar(self, bar, book):
        self._seen.append((bar.row, book.cash, book.equity, book.position(), book.positions, book.average_cost("A")))
        if book.position("A") > 0:
            self.go_flat()


def test_the_signature_says_whether_the_book_is_read():
    assert Reader.reads_book and not Contrary.reads_book
    assert Reader.style == Contrary.style == "event"


def test_the_book_is_that_of_the_bars_row():
    panel = sm.market(3, 1)
    runner = StrategyRunner(Reader(), panel.layout)
    book = books(panel, position=2.0)
    found = [runner.on_row(panel.block.rows(i, i + 1), book.rows(i, i + 1)) for i in range(3)]
    assert runner.strategy._seen == [(i, 500.0 + i, 1000.0 + i, 2.0, {"A": 2.0}, 7.0) for i in range(3)]
    assert np.concatenate(found)["tick"].tolist() == [3, 9, 15]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda s, bar: s.go_long(0), "strength must be above 0 and at most 1, not 0"),
        (lambda s, bar: s.go_short(1.5), "not 1.5"),
        (lambda s, bar: s.target_weight(NAN), "must be a finite number"),
        (lambda s, bar: s.go_long(symbol="Z"), "no symbol 'Z'"),
        (lambda s, bar: bar.closes(9), r"9 bars of history were asked for; the class allows 0. Declare it: lookback"),
        (lambda s, bar: setattr(s, "n", 5), "n is a parameter and cannot change; keep what changes in self._n"),
        (lambda s, bar: setattr(s, "other", 5), "keep what the strategy remembers in self._other"),
        (lambda s, bar: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_mistake_names_strategy_row_date_and_symbol(act, message):
    class Mistaken(Strategy):
        n: int = 1

        def on_bar(self, bar):
            if bar.row == 2:
                act(self, bar)

    with pytest.raises(StrategyError, match=rf"Mistaken failed at row 2 \(1970-01-03\), A: .*{message}") as e:
        sm.signals(Mistaken(), sm.market(5), (1,))
    assert "act(self, bar)" in e.value.traceback
    assert "bybar.py" not in e.value.traceback


def test_signals_outside_a_run_are_refused():
    with pytest.raises(StrategyError, match="while a backtest runs"):
        Contrary().go_long()


def test_a_field_that_a_bar_does_not_have_is_named():
    class Odd(Strategy):
        lookback: ClassVar[int] = 2

        def on_bar(self, bar):
            bar.history("clse", 1)

    with pytest.raises(StrategyError, match="no field 'clse'; it has open, high"):
        sm.signals(Odd(), sm.closes(1))


def test_lookback_may_follow_a_parameter():
    class Adjustable(Strategy):
        n: int = 4
        _longest: int = 0

        @property
        def lookback(self):
            return self.n

        def on_bar(self, bar):
            self._longest = max(self._longest, len(bar.closes(self.n)))

    runner = StrategyRunner(Adjustable(n=6), sm.market(10).layout)
    runner.on_block(sm.market(10).block)
    assert runner.strategy._longest == 6
