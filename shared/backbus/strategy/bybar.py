"""Calls an event-style strategy for every bar of every asset, in row then asset order.

Columns become plain Python lists a chunk at a time, because ``on_bar`` should meet floats and not numpy scalars.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.market.columns import MEMBER
from backbus.market.forward_adjusted import Adjusting
from backbus.market.panel import Block, Floats, row_text
from backbus.strategy.bar import Bar, BarHistory, Longer
from backbus.strategy.book import Book
from backbus.strategy.failure import RAISED, failure
from backbus.strategy.orders import NO_SPLITS
from backbus.strategy.run import Run
from backbus.trading.account_rows import BookRows
from backbus.trading.records import Records

if TYPE_CHECKING:
    from backbus.strategy.base import Strategy

Turn = Callable[[int, Mapping[str, float]], None]
"""Shows a strategy the book of a row, which began with splits by symbol."""

CHUNK_CELLS = 8192
"""Rows × assets that are Python floats at a time: little more than 1 MB for the five fields, which caches hold."""


class BarByBar:
    """Where an event-style strategy stands in the rows that it was given."""

    def __init__(self, strategy: Strategy, run: Run) -> None:
        self._strategy = strategy
        self._layout, self._emission = run.layout, run.emission
        self._history = BarHistory(run.layout.assets, strategy.reach(), run.layout.columns)
        layout = run.layout
        self._longer = [
            Longer(timeframe, layout.assets, strategy.reach(), layout.columns) for timeframe in layout.timeframes
        ]
        self._bar = Bar(self._history, self._longer)
        self._adjusting = Adjusting(run.layout)
        if self._adjusting.acts:
            run.emission.blotter.keep()
        self.book = Book(run.layout.symbols, run.emission)
        """What the strategy sees of the account."""
        self.blotter = run.emission.blotter
        """What it sees of its orders."""
        self._waiting: deque[Block] = deque()
        self._chunk: Block | None = None
        self._lists: tuple[list[Any], ...] = ()
        self._extra: list[tuple[str, list[float]]] = []
        self._factors: list[tuple[Floats, Floats]] = []
        """What each row of the chunk is adjusted by, where there are actions."""
        self._splits: dict[int, dict[str, float]] = {}
        """The splits of the chunk's rows, by symbol."""
        self._at = 0
        universe = run.layout.universe
        self._chosen, self._keeps = universe is not None, universe == "keep"
        self._been = [False] * run.layout.assets
        """For each asset, whether it has been in the universe."""

    def load(self, block: Block) -> None:
        """Take in rows to be worked on later."""
        size = max(1, CHUNK_CELLS // self._layout.assets)
        if len(block) == 1:
            self._waiting.append(block)
            return
        for start in range(0, len(block), size):
            self._waiting.append(block.rows(start, min(start + size, len(block))))

    def work(self, count: int, book: BookRows | None = None) -> Records:
        """Work the next ``count`` loaded rows, with one row of the book each where the strategy reads it."""
        for _ in self._work(count, None if book is None else functools.partial(self._turn, book)):
            pass
        return self._emission.take()

    def _turn(self, pages: BookRows, row: int, splits: Mapping[str, float]) -> None:
        index = row - pages.first_row
        cash, equity = pages.cash.item(index), pages.equity.item(index)
        self.book.show(cash, equity, pages.position[index].tolist(), pages.average_cost[index])
        self.blotter.turn(row, pages.orders, pages.fills, splits)

    def one_by_one(self, count: int, turn: Turn) -> Iterator[Records]:
        """The signals of each of the next ``count`` loaded rows; ``turn`` is told before each one to show its book."""
        take = self._emission.take
        for _ in self._work(count, turn):
            yield take()

    def _work(self, count: int, turn: Turn | None) -> Iterator[None]:
        done = 0
        while done < count:
            if self._chunk is None or self._at == len(self._chunk):
                self._next_chunk()
            step = min(count - done, len(self._chunk or ()) - self._at)
            yield from self._rows(self._at, self._at + step, turn)
            self._at += step
            done += step

    def _next_chunk(self) -> None:
        chunk = self._waiting.popleft()
        adjusted = self._adjusting.take(chunk) if self._adjusting.acts else None
        self._factors = (
            [] if adjusted is None else [(adjusted.prices[row], adjusted.volumes[row]) for row in range(len(chunk))]
        )
        self._history.extend(chunk, adjusted)
        for longer in self._longer:
            longer.extend(chunk if adjusted is None else adjusted.block)
        self._chunk, self._at = chunk, 0
        columns = (chunk.end, chunk.session, chunk.open, chunk.high, chunk.low, chunk.close, chunk.volume)
        self._lists = tuple(column.ravel().tolist() for column in columns)
        self._splits = self._splits_of(chunk) if self._adjusting.acts else {}
        self._extra = [(name, column.ravel().tolist()) for name, column in chunk.extra.items()]

    def _splits_of(self, chunk: Block) -> dict[int, dict[str, float]]:
        found: dict[int, dict[str, float]] = {}
        ratios = chunk.extra.get("split", np.full(chunk.close.shape, np.nan))
        for row, asset in np.argwhere((ratios > 0.0) & (ratios < np.inf) & (ratios != 1.0)).tolist():
            found.setdefault(row, {})[self._layout.symbols[asset]] = float(ratios[row, asset])
        return found

    def _rows(self, start: int, stop: int, turn: Turn | None) -> Iterator[None]:
        bar, emission, shown, ends = self._bar, self._emission, self.book, self._history.ends
        strategy: Any = self._strategy
        call: Callable[..., None] = strategy.on_bar
        arguments = (bar, shown) if strategy.takes_book else (bar,)
        on_fill = getattr(strategy, "on_fill", None)
        said, asked = emission.said, emission.asked
        symbols, warmup, deep = self._layout.symbols, self._layout.warmup, self._history.depth
        assets, extra = self._layout.assets, self._extra
        members: list[float] = dict(extra)[MEMBER] if self._chosen else []
        order, timeframes = range(assets), self._longer
        times, sessions, opens, highs, lows, closes, volumes = self._lists
        assert self._chunk is not None
        first_row = self._chunk.first_row
        emission.speaking = True
        try:
            cell = start * assets
            for i in range(start, stop):
                bar.row = emission.row = row = first_row + i
                bar.time, bar.session = times[i], sessions[i]
                bar.trading = trading = row >= warmup
                for longer in timeframes:
                    longer.turn(row)
                if self._factors:
                    for history in (self._history, *(longer.bars for longer in timeframes)):
                        history.now = self._factors[i]
                if i in self._splits:
                    emission.split(self._splits[i], told=turn is not None)
                if turn is not None:
                    turn(row, self._splits.get(i, NO_SPLITS))
                    if on_fill is not None and emission.blotter.fills:
                        self._tell(on_fill)
                for asset in order:
                    price = closes[cell]
                    if price == price:  # noqa: PLR0124  (NaN is a hole; isnan would take ten times as long)
                        if members and not self._offered(asset, members[cell] == 1.0):
                            if deep:
                                ends[asset] += 1  # its history goes on
                            cell += 1
                            continue
                        bar.asset = emission.asset = asset
                        bar.symbol = symbols[asset]
                        bar.open = opens[cell]
                        bar.high = highs[cell]
                        bar.low = lows[cell]
                        bar.close = emission.close = price
                        bar.volume = volumes[cell]
                        if extra:
                            bar.columns = {name: values[cell] for name, values in extra}
                        if deep:
                            ends[asset] += 1
                        call(*arguments)
                    cell += 1
                if said or asked:
                    emission.end_row(row, trading, [not math.isnan(price) for price in closes[cell - assets : cell]])
                yield
        except RAISED as error:
            place = f"row {bar.row} ({row_text(bar.time, bar.session, self._layout)}), {bar.symbol}"
            raise failure(strategy, error, place) from error
        finally:
            emission.speaking = False

    def _offered(self, asset: int, member: bool) -> bool:
        """Whether a strategy hears of an asset's bar: of one in the universe, or that has been and may be kept."""
        self._bar.member = member
        if member and self._keeps:
            self._been[asset] = True
        return member or self._been[asset]

    def _tell(self, on_fill: Callable[..., None]) -> None:
        """Tell the strategy of the fills since the row before."""
        emission = self._emission
        emission.close = math.nan
        for fill in emission.blotter.fills:
            emission.asset = emission.find(fill.symbol)
            self._bar.symbol = fill.symbol
            on_fill(fill)
