"""A column of numbers over the rows of a block, one per asset, that indicators and comparisons are made from.

Arithmetic is eager numpy, element by element; what divides by zero is NaN. Comparisons give streams of truth values,
false where a number is missing. Indicators carry their state from block to block (see ``run``) and advance only on
the asset's own bars: in a hole they are NaN and do not move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbus.errors import StrategyError
from backbus.market.panel import Floats
from backbus.strategy import indicators

if TYPE_CHECKING:
    from backbus.strategy.bars import Bars

Values = NDArray[Any]
Operand = "Stream | float | Values"


class Stream:
    """Read-only [rows, assets] float64 or bool values of a block; what its methods return is of the same shape."""

    __slots__ = ("_bars", "values")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, bars: Bars, values: Values) -> None:
        if values.flags.writeable:
            values = values.view()
            values.flags.writeable = False
        self._bars = bars
        self.values = values

    # Indicators: each value is finite or NaN, and NaN until the asset has had enough bars.

    def sma(self, n: int) -> Stream:
        """Simple moving average of the last ``n`` bars."""
        return self._new(indicators.sma(self._bars.run, self._numbers(), n))

    def ema(self, n: int) -> Stream:
        """Exponential moving average: alpha 2 / (n + 1), seeded at bar n by the mean of the first n."""
        return self._new(indicators.ema(self._bars.run, self._numbers(), n))

    def _new(self, values: Values) -> Stream:
        return Stream(self._bars, values)

    def _numbers(self) -> Floats:
        """The values as numbers, NaN in holes whatever was computed there."""
        values = self.values
        if values.dtype != np.float64:
            values = values.astype(np.float64)
        holes = self._bars.holes
        if holes is not None and values is not self._bars.close.values:
            values = np.where(holes, np.nan, values)
        if values.flags.writeable or not values.flags.c_contiguous:
            values = np.ascontiguousarray(values).view()
            values.flags.writeable = False
        return values

    # Arithmetic and comparison.

    def _apply(self, operation: Callable[..., Values], *operands: Any) -> Stream:
        with np.errstate(all="ignore"):
            result = operation(*(o.values if isinstance(o, Stream) else o for o in operands))
        if result.dtype != np.bool_:
            result = result.astype(np.float64, copy=False)
        shape = self.values.shape
        if result.shape != shape:
            raise StrategyError(f"an operand does not fit {shape[0]} rows × {shape[1]} assets: it gave {result.shape}")
        return self._new(result)

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

    def __lt__(self, other: Operand) -> Stream:
        return self._apply(np.less, self, other)

    def __le__(self, other: Operand) -> Stream:
        return self._apply(np.less_equal, self, other)

    def __gt__(self, other: Operand) -> Stream:
        return self._apply(np.greater, self, other)

    def __ge__(self, other: Operand) -> Stream:
        return self._apply(np.greater_equal, self, other)

    def __eq__(self, other: Operand) -> Stream:  # type: ignore[override]
        return self._apply(np.equal, self, other)

    def __ne__(self, other: Operand) -> Stream:  # type: ignore[override]
        return self._apply(np.not_equal, self, other)

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


def _plus(a: Any, b: Any) -> Values:
    return np.add(a, b, dtype=np.float64)


def _times(a: Any, b: Any) -> Values:
    return np.multiply(a, b, dtype=np.float64)


def _minus(a: Any, b: Any) -> Values:
    return np.subtract(a, b, dtype=np.float64)


def _ratio(a: Any, b: Any) -> Values:
    quotient = np.true_divide(a, b, dtype=np.float64)
    infinite = np.isinf(quotient)
    if infinite.any():
        quotient[infinite] = np.nan
    return quotient
