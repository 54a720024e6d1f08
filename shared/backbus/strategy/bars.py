"""The bars of a block as an array-style strategy sees them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from backbus.errors import StrategyError
from backbus.market.longer import Folder
from backbus.market.panel import Block, Floats, Ints
from backbus.strategy import indicators
from backbus.strategy.raw import Raw, unknown_column, unknown_timeframe
from backbus.strategy.run import Run
from backbus.strategy.sharing import Shared
from backbus.strategy.streams import Stream


class Bars:
    """Consecutive rows of all assets; prices are streams [rows, assets] with NaN in holes."""

    timeframe: str | None = None
    """How long they are; None for those of the run."""
    base: Bars | None = None
    """The bars that these longer ones are made of."""
    completed: Ints = np.empty(0, dtype=np.int64)
    """[bars] the row of ``base`` that completed each longer bar, counted from its first."""

    def __init__(self, run: Run, block: Block, shared: Shared | None = None) -> None:
        self.run = run
        self.block = block
        self.shared = shared
        """Where indicators of a whole panel are kept; None where this block is not all of it."""
        self._longer: dict[str, Bars] = {}

    def every(self, timeframe: str) -> Bars:
        """The bars of a longer timeframe that these rows complete, one of the job's ``data.timeframes``.

        They are bars like these, with fewer rows: ``bars.every("1w").sma(10).on(bars)`` is the mean of the last ten
        weeks that are over, in each row of ``bars``.
        """
        known = self._longer.get(timeframe)
        if known is None:
            if self.base is not None:
                raise StrategyError(f"{timeframe} bars are made of the run's own: bars.every({timeframe!r})")
            if timeframe not in self.block.frames:
                raise unknown_timeframe(timeframe, self.run.layout.timeframes)
            known = self._longer[timeframe] = _longer(self, timeframe)
        return known

    def _end(self) -> None:
        """Forget the streams, which know these bars: a circle of them would keep the block until Python looks for
        circles."""
        for longer in self._longer.values():
            longer._end()
        self._longer.clear()
        for name in ("open", "high", "low", "close", "volume", "raw"):
            vars(self).pop(name, None)

    @cached_property
    def open(self) -> Stream:
        """Price of the first trade of each bar."""
        return self._field("open", self.block.open)

    @cached_property
    def high(self) -> Stream:
        """Highest price of each bar."""
        return self._field("high", self.block.high)

    @cached_property
    def low(self) -> Stream:
        """Lowest price of each bar."""
        return self._field("low", self.block.low)

    @cached_property
    def close(self) -> Stream:
        """Price of the last trade of each bar."""
        return self._field("close", self.block.close)

    @cached_property
    def volume(self) -> Stream:
        """Units traded in each bar."""
        return self._field("volume", self.block.volume)

    def __getitem__(self, name: str) -> Stream:
        """Another column of the data, one of ``data.columns``: NaN in holes and where nothing is known."""
        if name not in self.block.extra:
            raise unknown_column(name, self.run.layout.columns)
        return self._field(f"+{name}", self.block.extra[name])

    def _field(self, name: str, values: Floats) -> Stream:
        key = (name,) if self.timeframe is None else (name, self.timeframe)
        return Stream(self, np.ascontiguousarray(values, dtype=np.float64), key)

    def __len__(self) -> int:
        return len(self.block)

    @property
    def first_row(self) -> int:
        """Number of the block's first row."""
        return self.block.first_row

    @property
    def warmup(self) -> int:
        """Number of the first row that is traded."""
        return self.run.layout.warmup

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the assets, in the order of the second axis."""
        return self.run.layout.symbols

    @property
    def time(self) -> Ints:
        """[rows] UTC instants at which the bars end, nanoseconds since 1970."""
        return self.block.end

    @property
    def session(self) -> Ints:
        """[rows] trading sessions, days since 1970."""
        return self.block.session

    @cached_property
    def holes(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None:
        """[rows, assets] where there is no bar; None where all are there."""
        missing = np.isnan(self.block.close)
        return missing if missing.any() else None

    @cached_property
    def raw(self) -> Raw:
        """The block's fields as plain arrays with the strategy's ``lookback`` rows before them."""
        if self.base is not None:
            raise StrategyError("bars.raw is there of the run's own bars, not of longer ones")
        if self.run.tail is None:
            raise StrategyError("bars.raw needs rows to reach back to: lookback: ClassVar[int] = how many")
        return Raw(self.run.tail, self.block)

    def stream(self, values: object) -> Stream:
        """Values that were computed outside, one per row and asset, as a stream."""
        array = np.asarray(values)
        if array.shape != self.close.shape:
            raise StrategyError(f"a stream of this block is {self.close.shape}, not {array.shape}")
        return Stream(self, array if array.dtype == np.bool_ else array.astype(np.float64))

    def atr(self, n: int = 14) -> Stream:
        """Wilder's average true range, from bar n on.

        The first bar's range is high − low, later ones take in the close before. The mean starts as the plain mean of
        the first n and then moves by 1 / n of each new one.
        """
        return Stream(self, indicators.atr(self.run, self.high.values, self.low.values, self.close.values, n))

    def rolling_high(self, n: int) -> Stream:
        """``high.rolling_high(n)``: the highest high of the last n bars."""
        return self.high.rolling_high(n)

    def rolling_low(self, n: int) -> Stream:
        """``low.rolling_low(n)``: the lowest low of the last n bars."""
        return self.low.rolling_low(n)

    def sma(self, n: int) -> Stream:
        """``close.sma``."""
        return self.close.sma(n)

    def ema(self, n: int) -> Stream:
        """``close.ema``."""
        return self.close.ema(n)

    def rsi(self, n: int = 14) -> Stream:
        """``close.rsi``."""
        return self.close.rsi(n)

    def bollinger(self, n: int = 20, k: float = 2.0) -> tuple[Stream, Stream, Stream]:
        """``close.bollinger``."""
        return self.close.bollinger(n, k)

    def macd(self, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[Stream, Stream, Stream]:
        """``close.macd``."""
        return self.close.macd(fast, slow, signal)

    def roc(self, n: int) -> Stream:
        """``close.roc``."""
        return self.close.roc(n)

    def pct_change(self, n: int = 1) -> Stream:
        """``close.pct_change``."""
        return self.close.pct_change(n)

    def zscore(self, n: int) -> Stream:
        """``close.zscore``."""
        return self.close.zscore(n)


def _longer(bars: Bars, timeframe: str) -> Bars:
    run, block = bars.run, bars.block
    folder = run.slot(("every", timeframe), lambda: Folder(run.layout.assets, run.layout.columns))
    key = block.frames[timeframe]
    made, completed = folder.take(block, key, block.end >= key)
    found = Bars(run, made, bars.shared)
    found.timeframe, found.base, found.completed = timeframe, bars, completed
    return found
