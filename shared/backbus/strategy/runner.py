"""Runs a strategy over blocks, or row by row beside its book, and names the place where its code fails.

Pure: bars and books in, signal records out. The instance that is passed in stays as it is; the run works on a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from backbus.errors import StrategyError
from backbus.market.forward_adjusted import Adjusting
from backbus.market.panel import Block, Layout, Panel, row_text
from backbus.strategy.bars import Bars
from backbus.strategy.base import Strategy
from backbus.strategy.book import Book
from backbus.strategy.bybar import BarByBar, Turn
from backbus.strategy.context import Context
from backbus.strategy.failure import RAISED, failure
from backbus.strategy.orders import Blotter
from backbus.strategy.recipes import Recipes
from backbus.strategy.run import Run
from backbus.strategy.saying.unwritten import Signals, Unwritten, written
from backbus.strategy.sharing import BUDGET_BYTES, Shared
from backbus.strategy.streams import Stream
from backbus.trading.account_rows import BookRows
from backbus.trading.records import SIGNAL, Records


class StrategyRunner:
    """One run of one strategy over a panel of this layout; ``instruments`` are the INSTRUMENT records of its job, of
    which the strategy's own view of its orders knows lots and price steps."""

    def __init__(self, strategy: Strategy, layout: Layout, instruments: Records | None = None) -> None:
        self.strategy = strategy.fresh()
        self.layout = layout
        self.reads_book = self.strategy.reads_book
        lookback = self.strategy.reach() if self.strategy.style == "array" else 0
        self._run = Run(layout, lookback, instruments)
        object.__setattr__(self.strategy, "_backbus_run", self._run)
        self._events = BarByBar(self.strategy, self._run) if self.strategy.style == "event" else None
        self._adjusting = Adjusting(layout)

    def on_block(self, block: Block) -> Records:
        """Signals of the next rows, of a strategy that reads no book; raises StrategyError."""
        if self._events is None:
            return self._on_array(block)
        self._events.load(block)
        return self._events.work(len(block))

    def on_row(self, block: Block, book: BookRows) -> Records:
        """Signals of the next row (a block of one) given the book of the same row; raises StrategyError."""
        self.load(block)
        return self.on_book(book)

    def load(self, block: Block) -> None:
        """Put rows before the strategy, for ``on_book`` to work them off one by one."""
        self._by_bar().load(block)

    def one_by_one(self, rows: int, turn: Turn) -> Iterator[Records]:
        """The signals of each of the next loaded rows; ``turn`` is told before each one to show its book. Raises
        StrategyError."""
        return self._by_bar().one_by_one(rows, turn)

    @property
    def book(self) -> Book:
        """What the strategy sees of the account."""
        return self._by_bar().book

    @property
    def blotter(self) -> Blotter:
        """What it sees of its orders."""
        return self._by_bar().blotter

    def _by_bar(self) -> BarByBar:
        if self._events is None:
            raise StrategyError(f"{type(self.strategy).__name__} reads no book")
        return self._events

    def on_book(self, book: BookRows) -> Records:
        """Signals of the next loaded rows, one for each row of the book."""
        return self._by_bar().work(len(book), book)

    def _on_array(self, block: Block) -> Records:
        if len(block) == 0:
            return np.empty(0, SIGNAL)
        if self._adjusting.acts:
            block = self._adjusting.take(block).block
        return written(_signals(self.strategy, Bars(Context(self._run, block))))


MOST_DEPTHS = 4
"""Lookbacks whose bars are kept: where a parameter says how far, each point may have another."""


class PanelRunner:
    """Runs strategies one after the other over one panel: what their indicators have in common is computed once."""

    def __init__(self, panel: Panel, budget_bytes: int = BUDGET_BYTES, *, unwritten: bool = False) -> None:
        """``unwritten``: signals may be left unwritten where that is possible."""
        self._panel = panel
        self._unwritten = unwritten and panel.layout.assets == 1
        self.shared: Shared[Stream] = Shared(budget_bytes)
        self.cold = 0
        """Rows before the last strategy could know all that it asks for: by its indicators and its lookback."""
        adjusting, block = Adjusting(panel.layout), panel.block
        if adjusting.acts:
            block = adjusting.take(block).block
        self._block = block
        self._deep: dict[int, Bars] = {}
        """The bars of strategies that look back, by how far."""
        self._bars = self._bars_of(0)
        self._recipes = Recipes(self._bars, self.shared, block, panel.layout.warmup) if self._unwritten else None

    def _bars_of(self, lookback: int) -> Bars:
        bars = self._deep.get(lookback)
        if bars is None:
            if len(self._deep) > MOST_DEPTHS:  # each keeps its rows before the panel's
                self._deep = {0: self._bars}
            run = Run(self._panel.layout, lookback, whole=True, unwritten=self._unwritten)
            bars = self._deep[lookback] = Bars(Context(run, self._block, self.shared))
        return bars

    def signals(self, strategy: Strategy) -> Signals:
        """All signals of a strategy that reads no book; raises StrategyError.

        One in array style is used up: it is run itself, not a copy of it, and is good for no other run.
        """
        recipes = self._recipes if strategy.style == "array" else None
        found = recipes.signals(strategy) if recipes is not None else None
        if found is not None:
            said, self.cold = found
            return said
        panel, lookback = self._panel, strategy.reach()
        self.cold = lookback
        if strategy.style != "array" or len(panel) == 0:
            return StrategyRunner(strategy, panel.layout).on_block(panel.block)
        bars = self._bars_of(lookback)
        bars.context.run.restart()
        object.__setattr__(strategy, "_backbus_run", bars.context.run)
        records = _signals(strategy, bars)
        self.cold = max(self.cold, bars.context.run.cold)
        if recipes is not None and not lookback:
            recipes.learn(strategy, records, self.cold)
        return records


def _signals(strategy: Any, bars: Bars) -> Signals:
    run, block = bars.context.run, bars.context.block
    run.begin(block)
    try:
        records: Any = strategy.signals(bars)
        _check(records)
        run.finish()
    except RAISED as error:
        last = block.first_row + len(block) - 1
        first, until = (row_text(int(block.end[at]), int(block.session[at]), run.layout) for at in (0, -1))
        raise failure(strategy, error, f"rows {block.first_row} to {last} ({first} to {until})") from error
    return records  # type: ignore[no-any-return]


def _check(records: object) -> None:
    if type(records) is Unwritten:
        return
    if not isinstance(records, np.ndarray) or records.dtype != SIGNAL:
        raise StrategyError(
            "signals must return what self.hold_long, hold_short, hold, enter_exit or target_weights gives, "
            f"not {type(records).__name__}"
        )
