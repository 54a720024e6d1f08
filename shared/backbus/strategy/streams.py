"""A column of numbers over the rows of a block, one per asset, that indicators and comparisons are made from.

Arithmetic is eager numpy, element by element; what divides by zero is NaN. Comparisons give streams of truth values,
false where a number is missing. Indicators carry their state from block to block (see ``run``) and advance only on
the asset's own bars: in a hole they are NaN and do not move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backbus.errors import StrategyError
from backbus.market.panel import Floats, sealed
from backbus.strategy import indicators

if TYPE_CHECKING:
    from backbus.strategy.bars import Bars
    from backbus.strategy.run import Run
    from backbus.strategy.sharing import Key

Values = NDArray[Any]
_QUIET = (np.greater, np.less, np.greater_equal, np.less_equal, np.logical_and, np.logical_or, np.logical_not)
"""Operations that never warn, and need not pay for silence."""
Operand: TypeAlias = "Stream | float | Values"


class Stream:
    """Read-only [rows, assets] float64 or bool values of a block; what its methods return is of the same shape."""

    __slots__ = ("_bars", "_key", "values")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, bars: Bars, values: Values, key: Key | None = None) -> None:
        if values.flags.writeable:
            values = values.view()
            values.flags.writeable = False
        self._bars = bars
        self._key = key
        self.values = values

    # Indicators: each value is finite or NaN, and NaN until the asset has had enough bars.

    def sma(self, n: int) -> Stream:
        """Simple moving average of the last ``n`` bars."""
        return self._indicator("sma", n, indicators.sma)

    def ema(self, n: int) -> Stream:
        """Exponential moving average: alpha 2 / (n + 1), seeded at bar n by the mean of the first n."""
        return self._indicator("ema", n, indicators.ema)

    def rsi(self, n: int = 14) -> Stream:
        """Wilder's relative strength index, 0 to 100, from the bar n + 1 on.

        The mean gain and the mean loss start as plain means of the first n changes and then move by 1 / n of each new
        one; 50 where nothing has moved.
        """
        return self._indicator("rsi", n, indicators.rsi)

    def bollinger(self, n: int = 20, k: float = 2.0) -> tuple[Stream, Stream, Stream]:
        """(middle, upper, lower): the mean of the last n bars, and k population standard deviations around it."""
        mean, deviation = indicators.moments(self._bars.run, "bollinger", self._numbers(), n)
        return self._new(mean), self._new(mean + k * deviation), self._new(mean - k * deviation)

    def zscore(self, n: int) -> Stream:
        """Distance from the mean of the last n bars in population standard deviations; NaN where these are zero."""
        values = self._numbers()
        mean, deviation = indicators.moments(self._bars.run, "zscore", values, n)
        with np.errstate(all="ignore"):
            return self._new(_ratio(values - mean, deviation))

    def macd(self, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[Stream, Stream, Stream]:
        """(line, signal, histogram): ema(fast) − ema(slow), the line's ema(signal), and line − signal."""
        line = self.ema(fast) - self.ema(slow)
        average = line.ema(signal)
        return line, average, line - average

    def rolling_high(self, n: int) -> Stream:
        """Highest of the last n bars, this one included: ``.shift(1)`` leaves it out."""
        return self._indicator("rolling_high", n, indicators.rolling_high)

    def rolling_low(self, n: int) -> Stream:
        """Lowest of the last n bars, this one included."""
        return self._indicator("rolling_low", n, indicators.rolling_low)

    def rolling(self, n: int, function: Callable[[Floats], float]) -> Stream:
        """``function`` of the last n bars, oldest first, as a read-only [n] array: a number for each bar.

        It is called once per bar, in plain Python; it may be compiled by numba.
        """
        return self._new(indicators.rolling(self._bars.run, self._numbers(), n, function))

    def shift(self, n: int = 1) -> Stream:
        """The value of n own bars ago."""
        close = self._bars.close.values
        return self._indicator("shift", n, lambda run, values, n: indicators.shift(run, values, close, n))

    def diff(self, n: int = 1) -> Stream:
        """Difference to n own bars ago."""
        return self - self.shift(n)

    def pct_change(self, n: int = 1) -> Stream:
        """Change since n own bars ago, as a fraction of the value then."""
        before = self.shift(n)
        return (self - before) / before

    def roc(self, n: int) -> Stream:
        """Rate of change: ``pct_change(n)`` in percent."""
        return self.pct_change(n) * 100.0

    def crosses_above(self, other: Operand) -> Stream:
        """True where this comes from strictly below ``other`` to strictly above; touching does not change the side."""
        return self._crosses("crosses_above", other, 1.0)

    def crosses_below(self, other: Operand) -> Stream:
        """True where this comes from strictly above ``other`` to strictly below; touching does not change the side."""
        return self._crosses("crosses_below", other, -1.0)

    def rank(self, *, descending: bool = False) -> Stream:
        """Place among the assets of the same row: 1 is the lowest, or the highest; ties in the order of assets."""
        return self._new(indicators.rank(self._numbers(), descending=descending))

    def _crosses(self, name: str, other: Operand, side: float) -> Stream:
        against = self._apply(_plus, other, np.zeros(self.values.shape))._numbers()
        return self._new(indicators.cross(self._bars.run, name, self._numbers(), against, side))

    def _new(self, values: Values) -> Stream:
        return Stream(self._bars, values)

    def _indicator(self, name: str, n: int, compute: Callable[[Run, Floats, int], Floats]) -> Stream:
        """A stream that only the panel, this stream's own key, ``name`` and ``n`` decide."""
        bars = self._bars
        if self._key is None or type(n) is not int:
            return self._new(compute(bars.run, self._numbers(), n))
        key = (*self._key, name, n)
        shared = bars.shared
        known = shared.get(key) if shared is not None else None
        if known is None:
            known = Stream(bars, compute(bars.run, self._numbers(), n), key)
            if shared is not None:
                shared.put(key, known)
        # One that another strategy made would take that one's place in the order of calls.
        return known if known._bars is bars else Stream(bars, known.values, key)

    def on(self, bars: Bars) -> Stream:
        """Values of longer bars on ``bars``: in each row the last one of a bar that is complete, NaN or false before
        the first."""
        longer = self._bars
        if longer.base is not bars:
            raise StrategyError(".on(bars) takes the bars that these longer bars were made of: bars.every(…)")
        found = indicators.onto(longer.run, str(longer.timeframe), self._numbers(), longer.completed, len(bars))
        return Stream(bars, found == 1.0 if self.values.dtype == np.bool_ else found)

    def _numbers(self) -> Floats:
        """The values as numbers, NaN in holes whatever was computed there."""
        values = self.values
        if values.dtype != np.float64:
            values = values.astype(np.float64)
        # Prices, and indicators of prices, have a key and are NaN in holes already.
        if self._key is None and self._bars.holes is not None:
            values = np.where(self._bars.holes, np.nan, values)
        return sealed(values)

    # Arithmetic and comparison.

    def _apply(self, operation: Callable[..., Values], *operands: Any) -> Stream:
        arrays = []
        for operand in operands:
            if isinstance(operand, Stream):
                check_bars(operand, self._bars)
                arrays.append(operand.values)
            else:
                arrays.append(operand)
        if operation in _QUIET:
            result = operation(*arrays)
        else:
            with np.errstate(all="ignore"):
                result = operation(*arrays)
        if result.dtype != np.bool_:
            result = result.astype(np.float64, copy=False)
        shape = self.values.shape
        if result.shape != shape:
            raise StrategyError(f"an operand does not fit {shape[0]} rows × {shape[1]} assets: it gave {result.shape}")
        result.flags.writeable = False  # nobody else has it: no view is needed to seal it
        return self._new(result)

    def _above(self, above: Operand, below: Operand, or_equal: bool) -> Stream:
        """Where one is above the other."""
        if (
            isinstance(above, Stream)
            and isinstance(below, Stream)
            and above._bars.timeframe == below._bars.timeframe
            and above.values.dtype == below.values.dtype == np.float64
            and above.values.shape == below.values.shape == self.values.shape
        ):
            return Above(self._bars, sealed(above.values), sealed(below.values), or_equal)
        return self._apply(np.greater_equal if or_equal else np.greater, above, below)

    def __add__(self, other: Operand) -> Stream:
        return self._apply(_plus, self, other)

    def __radd__(self, other: Operand) -> Stream:
        return self._apply(_plus, other, self)

    def __sub__(self, other: Operand) -> Stream:
        return self._apply(_minus, self, other)

    def __rsub__(self, other: Operand) -> Stream:
        return self._apply(_minus, other, self)

    def __mul__(self, other: Operand) -> Stream:
        return self._apply(_times, self, other)

    def __rmul__(self, other: Operand) -> Stream:
        return self._apply(_times, other, self)

    def __truediv__(self, other: Operand) -> Stream:
        return self._apply(_ratio, self, other)

    def __rtruediv__(self, other: Operand) -> Stream:
        return self._apply(_ratio, other, self)

    def __neg__(self) -> Stream:
        return self._apply(_minus, 0.0, self)

    def __abs__(self) -> Stream:
        return self._apply(np.absolute, self)

    def __lt__(self, other: Operand) -> Stream:  # type: ignore[misc]
        return self._above(other, self, False)

    def __le__(self, other: Operand) -> Stream:  # type: ignore[misc]
        return self._above(other, self, True)

    def __gt__(self, other: Operand) -> Stream:  # type: ignore[misc]
        return self._above(self, other, False)

    def __ge__(self, other: Operand) -> Stream:  # type: ignore[misc]
        return self._above(self, other, True)

    def __eq__(self, other: Operand) -> Stream:  # type: ignore[override]
        return self._apply(np.equal, self, other)

    def __ne__(self, other: Operand) -> Stream:  # type: ignore[override]
        return self._apply(_differ, self, other)

    def __and__(self, other: Operand) -> Stream:
        return self._apply(np.logical_and, self, other)

    def __rand__(self, other: Operand) -> Stream:
        return self._apply(np.logical_and, other, self)

    def __or__(self, other: Operand) -> Stream:
        return self._apply(np.logical_or, self, other)

    def __ror__(self, other: Operand) -> Stream:
        return self._apply(np.logical_or, other, self)

    def __xor__(self, other: Operand) -> Stream:
        return self._apply(np.logical_xor, self, other)

    def __invert__(self) -> Stream:
        return self._apply(np.logical_not, self)

    def __bool__(self) -> bool:
        raise StrategyError("a stream has many rows: combine conditions with & | ~, not with and, or, not or if")

    # What numpy needs to take a stream for an array.

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, assets) of the block."""
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        return self.values[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.nout != 1:
            return NotImplemented
        return self._apply(ufunc, *inputs)

    def __repr__(self) -> str:
        return f"Stream({self.values!r})"


def check_bars(stream: Stream, bars: Bars | None) -> None:
    """Raise unless a stream goes by the rows of ``bars``, or None for those of the run."""
    mine, other = stream._bars.timeframe, None if bars is None else bars.timeframe
    if mine != other:
        one, another = (f"{each or 'the run'}'s bars" for each in (mine, other))
        raise StrategyError(f"a value of {one} stands beside one of {another}: write .on(bars) behind the longer")


class Above(Stream):
    """Where one number is above another: compared by whoever works with it, or when its values are asked for."""

    __slots__ = ("_made", "above", "below", "or_equal")

    def __init__(self, bars: Bars, above: Values, below: Values, or_equal: bool) -> None:
        self._bars = bars
        self._key = None
        self.above, self.below, self.or_equal = above, below, or_equal
        self._made: Values | None = None

    @property
    def values(self) -> Values:  # type: ignore[override]
        """[rows, assets] truth values."""
        if self._made is None:
            self._made = np.greater_equal(self.above, self.below) if self.or_equal else self.above > self.below
            self._made.flags.writeable = False
        return self._made


def _plus(a: Any, b: Any) -> Values:
    total: Values = np.add(a, b, dtype=np.float64)
    return total


def _times(a: Any, b: Any) -> Values:
    total: Values = np.multiply(a, b, dtype=np.float64)
    return total


def _minus(a: Any, b: Any) -> Values:
    total: Values = np.subtract(a, b, dtype=np.float64)
    return total


def _differ(left: Any, right: Any) -> Values:
    """Not equal; false where a number is missing, as every other comparison is."""
    differ: Values = np.less(left, right) | np.greater(left, right)
    return differ


def _ratio(a: Any, b: Any) -> Values:
    quotient: Values = np.true_divide(a, b, dtype=np.float64)
    infinite = np.isinf(quotient)
    if infinite.any():
        quotient[infinite] = np.nan
    return quotient
