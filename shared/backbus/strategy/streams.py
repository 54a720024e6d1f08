"""A column of numbers over the rows of a block, one per asset, that indicators and comparisons are made from.

Arithmetic is eager numpy, element by element; what divides by zero is NaN. Comparisons give streams of truth values,
false where a number is missing. Indicators carry their state from block to block (see ``run``) and advance only on
the asset's own bars: in a hole they are NaN and do not move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backbus.errors import StrategyError
from backbus.jit.addresses import address_of
from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop
from backbus.market.panel import Floats
from backbus.strategy.context import Context, OfContext
from backbus.strategy.indicators import OfStreams
from backbus.strategy.indicators.indicated import ratio
from backbus.strategy.run import Run
from backbus.strategy.sharing import Key

Values = NDArray[Any]
_QUIET = (np.greater, np.less, np.greater_equal, np.less_equal, np.logical_and, np.logical_or, np.logical_not)
"""Operations that never warn, and need not pay for silence."""
Operand: TypeAlias = "Stream | float | Values"


class Stream(OfStreams["Stream"]):
    """Read-only [rows, assets] float64 or bool values of a block; what its methods return is of the same shape."""

    __slots__ = ("_address", "_cold", "_context", "_key", "values")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, context: Context, values: Values, key: Key | None = None) -> None:
        if values.flags.writeable:
            values = values.view()
            values.flags.writeable = False
        self._context = context
        self._key = key
        self.values = values
        self._cold = -1
        self._address = 0

    def _kept_at(self) -> int:
        """Where its values lie if they stay with the panel, a column of it or an indicator that runs share; else 0."""
        if not self._address:
            key, shared = self._key, self._context.shared
            if key is not None and shared is not None and (len(key) == 1 or shared.get(key) is not None):
                self._address = address_of(read_only(self.values))
        return self._address

    def _counted(self) -> Stream:
        """This stream, and its rows before anything is known counted as the run's: over a whole panel alone."""
        context = self._context
        if context.shared is not None and context.base is None and self.values.dtype == np.float64:
            if self._cold < 0:
                self._cold = first_known(read_only(self.values))
            context.run.cold = max(context.run.cold, self._cold)
        return self

    # What indicators are made of.

    @property
    def _run(self) -> Run:
        return self._context.run

    @property
    def _there(self) -> Floats:
        return self._context.close

    def _values(self, made: Stream) -> Floats:
        return made.values

    def _like(self, other: Operand) -> Floats:
        return self._apply(_plus, other, np.zeros(self.values.shape))._numbers()

    def _made(self, values: Values) -> Stream:
        return Stream(self._context, values)._counted()

    def _named(self, name: str, n: int, compute: Callable[[Run, Floats, int], Floats]) -> Stream:
        context = self._context
        if self._key is None or type(n) is not int:
            return self._made(compute(context.run, self._numbers(), n))
        key = (*self._key, name, n)
        shared = context.shared
        known: Stream | None = shared.get(key) if shared is not None else None
        if known is None:
            known = Stream(context, compute(context.run, self._numbers(), n), key)
            if shared is not None:
                shared.put(key, known)
        # One that another strategy made would take that one's place in the order of calls.
        if known._context is not context:
            found = Stream(context, known.values, key)
            found._cold = known._cold
            known = found
        return known._counted()

    def on(self, bars: OfContext) -> Stream:
        """Values of longer bars on ``bars``: in each row the last one of a bar that is complete, NaN or false before
        the first."""
        longer, base = self._context, bars.context
        if longer.base is not base:
            raise StrategyError(".on(bars) takes the bars that these longer bars were made of: bars.every(…)")
        found = _onto(longer, self._numbers(), len(base.block))
        if self.values.dtype == np.bool_:
            return Stream(base, found == 1.0)
        return Stream(base, found)._counted()

    def _numbers(self) -> Floats:
        """The values as numbers, NaN in holes whatever was computed there."""
        values = self.values
        if values.dtype != np.float64:
            values = values.astype(np.float64)
        # Prices, and indicators of prices, have a key and are NaN in holes already.
        if self._key is None and self._context.holes is not None:
            values = np.where(self._context.holes, np.nan, values)
        return read_only(values)

    def _offered(self) -> Floats:
        members = self._context.members
        return self._numbers() if members is None else read_only(np.where(members, self._numbers(), np.nan))

    # Arithmetic and comparison.

    def _apply(self, operation: Callable[..., Values], *operands: Any) -> Stream:
        arrays = []
        for operand in operands:
            if isinstance(operand, Stream):
                check_bars(operand, self._context)
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
        return self._made(result)

    def _above(self, above: Operand, below: Operand, or_equal: bool) -> Stream:
        """Where one is above the other."""
        if (
            isinstance(above, Stream)
            and isinstance(below, Stream)
            and above._context.timeframe == below._context.timeframe
            and above.values.dtype == below.values.dtype == np.float64
            and above.values.shape == below.values.shape == self.values.shape
        ):
            places = (above._kept_at(), below._kept_at())
            return Above(self._context, read_only(above.values), read_only(below.values), or_equal, places)
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
        return self._apply(ratio, self, other)

    def __rtruediv__(self, other: Operand) -> Stream:
        return self._apply(ratio, other, self)

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


def check_bars(stream: Stream, context: Context | None) -> None:
    """Raise unless a stream goes by the bars of ``context``, or None for those of the run."""
    mine, other = stream._context.timeframe, None if context is None else context.timeframe
    if mine != other:
        one, another = (f"{each or 'the run'}'s bars" for each in (mine, other))
        raise StrategyError(f"a value of {one} stands beside one of {another}: write .on(bars) behind the longer")


class Above(Stream):
    """Where one number is above another: compared by whoever works with it, or when its values are asked for."""

    __slots__ = ("_compared", "above", "below", "or_equal", "places")

    def __init__(
        self, context: Context, above: Values, below: Values, or_equal: bool, places: tuple[int, int] = (0, 0)
    ) -> None:
        """``places``: where both lie if they stay with the panel, zeros where they do not."""
        self._context = context
        self._key = None
        self.above, self.below, self.or_equal, self.places = above, below, or_equal, places
        self._compared: Values | None = None

    @property
    def values(self) -> Values:  # type: ignore[override]
        """[rows, assets] truth values."""
        if self._compared is None:
            self._compared = np.greater_equal(self.above, self.below) if self.or_equal else self.above > self.below
            self._compared.flags.writeable = False
        return self._compared


@loop
def first_known(values: Floats) -> int:
    """The first row in which anything is known; as many as there are where nothing is."""
    rows: int = values.shape[0]
    for row in range(rows):
        for asset in range(values.shape[1]):
            if values[row, asset] == values[row, asset]:
                return row
    return rows


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


def _onto(longer: Context, x: Floats, rows: int) -> Floats:
    """The last of longer bars' values that is there in each of ``rows``."""
    last = longer.run.slot(("on", str(longer.timeframe)), lambda: np.full(x.shape[1], np.nan))
    known = np.concatenate((last[None, :], x))
    place = np.where(np.isnan(known), 0, np.arange(len(known))[:, None])
    known = np.take_along_axis(known, np.maximum.accumulate(place, axis=0), axis=0)
    last[:] = known[-1]
    found: Floats = known[np.searchsorted(longer.completed, np.arange(rows), side="right")]
    return found
