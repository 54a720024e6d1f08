"""The bars of a block as an array-style strategy sees them."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backbus.errors import StrategyError
from backbus.market.panel import Floats, Ints
from backbus.market.resampling import Resampler
from backbus.strategy.context import Context
from backbus.strategy.indicators import OfBars
from backbus.strategy.raw import Raw, unknown_column, unknown_timeframe
from backbus.strategy.streams import Stream


class Bars(OfBars[Stream]):
    """Consecutive rows of all assets; prices are streams [rows, assets] with NaN in holes.

    An indicator of bars is that of their closes, ``rolling_high`` that of their highs, ``rolling_low`` of their lows.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._block = context.block
        self._longer: dict[str, Bars] = {}

    @property
    def timeframe(self) -> str | None:
        """How long they are; None for those of the run."""
        return self.context.timeframe

    def every(self, timeframe: str) -> Bars:
        """The bars of a longer timeframe that these rows complete, one of the job's ``data.timeframes``.

        They are bars like these, with fewer rows: ``bars.every("1w").sma(10).on(bars)`` is the mean of the last ten
        weeks that are over, in each row of ``bars``.
        """
        known = self._longer.get(timeframe)
        if known is None:
            if self.context.base is not None:
                raise StrategyError(f"{timeframe} bars are made of the run's own: bars.every({timeframe!r})")
            if timeframe not in self._block.frames:
                raise unknown_timeframe(timeframe, self.context.run.layout.timeframes)
            known = self._longer[timeframe] = _longer(self, timeframe)
        return known

    @cached_property
    def open(self) -> Stream:
        """Price of the first trade of each bar."""
        return self._field("open", self._block.open)

    @cached_property
    def high(self) -> Stream:
        """Highest price of each bar."""
        return self._field("high", self._block.high)

    @cached_property
    def low(self) -> Stream:
        """Lowest price of each bar."""
        return self._field("low", self._block.low)

    @cached_property
    def close(self) -> Stream:
        """Price of the last trade of each bar."""
        return self._field("close", self.context.close)

    @cached_property
    def volume(self) -> Stream:
        """Units traded in each bar."""
        return self._field("volume", self._block.volume)

    def __getitem__(self, name: str) -> Stream:
        """Another column of the data, one of ``data.columns``: NaN in holes and where nothing is known."""
        if name not in self._block.extra:
            raise unknown_column(name, self.context.run.layout.columns)
        return self._field(f"+{name}", self._block.extra[name])

    def _field(self, name: str, values: Floats) -> Stream:
        key = (name,) if self.timeframe is None else (name, self.timeframe)
        return Stream(self.context, np.ascontiguousarray(values, dtype=np.float64), key)

    def __len__(self) -> int:
        return len(self._block)

    @property
    def first_row(self) -> int:
        """Number of the block's first row."""
        return self._block.first_row

    @property
    def warmup(self) -> int:
        """Number of the first row that is traded."""
        return self.context.run.layout.warmup

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the assets, in the order of the second axis."""
        return self.context.run.layout.symbols

    @property
    def time(self) -> Ints:
        """[rows] UTC instants at which the bars end, nanoseconds since 1970."""
        return self._block.end

    @property
    def datetime(self) -> NDArray[np.datetime64]:
        """[rows] the same as numpy's ``datetime64[ns]``, in UTC."""
        return self._block.end.view("M8[ns]")

    @property
    def session(self) -> Ints:
        """[rows] trading sessions, days since 1970."""
        return self._block.session

    @cached_property
    def members(self) -> Stream:
        """Where an asset is in the job's universe: everywhere, where the job has none."""
        inside = self.context.members
        return Stream(self.context, np.ones(self._block.close.shape, dtype=np.bool_) if inside is None else inside)

    @property
    def holes(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None:
        """[rows, assets] where there is no bar; None where all are there."""
        return self.context.holes

    @cached_property
    def raw(self) -> Raw:
        """The block's fields as plain arrays with the strategy's ``lookback`` rows before them."""
        if self.context.base is not None:
            raise StrategyError("bars.raw is there of the run's own bars, not of longer ones")
        if self.context.run.tail is None:
            raise StrategyError("bars.raw needs rows to reach back to: lookback: ClassVar[int] = how many")
        return Raw(self.context.run.tail, self._block)

    def stream(self, values: object) -> Stream:
        """Values that were computed outside, one per row and asset, as a stream."""
        array = np.asarray(values)
        if array.shape != self.close.shape:
            raise StrategyError(f"a stream of this block is {self.close.shape}, not {array.shape}")
        return Stream(self.context, array.copy() if array.dtype == np.bool_ else array.astype(np.float64))

    # What indicators of bars are made of.

    @property
    def _closes(self) -> Stream:
        return self.close

    @property
    def _highs(self) -> Stream:
        return self.high

    @property
    def _lows(self) -> Stream:
        return self.low


def _longer(bars: Bars, timeframe: str) -> Bars:
    context = bars.context
    run, block = context.run, context.block
    resampler = run.slot(("every", timeframe), lambda: Resampler(run.layout.assets, run.layout.columns))
    key = block.frames[timeframe]
    made, completed = resampler.take(block, key, block.end >= key)
    longer = Context(run, made, context.shared)
    longer.timeframe, longer.base, longer.completed = timeframe, context, completed
    return Bars(longer)
