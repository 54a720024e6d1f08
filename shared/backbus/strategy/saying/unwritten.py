"""Signals that a strategy has said and nobody has written yet: what they follow from, over a whole panel of one asset.

Points of a sweep that are run side by side take them as they are, and find the edges where they are used. To everybody
else, the strategy's own code too, they are the array of records that they stand for: it is made when it is asked for.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backbus.jit.addresses import address_of
from backbus.jit.arrays import read_only
from backbus.market.panel import Block
from backbus.strategy.saying import edges
from backbus.trading.records import SIGNAL, Records, read_only_copy

NOWHERE = (0, 0, 0, 0)
"""As many addresses as anything follows from."""
_NO_TRUTH, _NO_NUMBERS = read_only(np.empty(0, np.bool_)), read_only(np.empty(0))


class Unwritten:
    """What signals follow from."""

    __slots__ = ("_block", "_warmup", "_written", "arrays", "how", "places", "side")

    def __init__(
        self,
        how: int,
        arrays: tuple[NDArray[Any], ...],
        side: float,
        block: Block,
        warmup: int,
        places: tuple[int, ...] | None = None,
    ) -> None:
        """``how`` is one of those in ``edges``; ``arrays`` [rows, 1], which nobody writes to any more, are what it asks
        for; ``places`` is where they lie, if they stay with the panel."""
        self.how, self.arrays, self.side, self.places = how, arrays, side, places
        self._block, self._warmup = block, warmup
        self._written: Records | None = None

    @property
    def nbytes(self) -> int:
        """What nobody else keeps."""
        return sum(values.nbytes for values in self.arrays) if self.places is None else 0

    def at(self) -> tuple[int, ...]:
        """Where its arrays lie, and zeros behind: as many as ``NOWHERE`` has."""
        places = self.places or tuple(address_of(values) for values in self.arrays)
        return places + NOWHERE[len(places) :]

    def written(self) -> Records:
        """SIGNAL records, read-only."""
        if self._written is None:
            block, warmup = self._block, self._warmup
            close, out = read_only(block.close), np.empty(block.close.size, dtype=SIGNAL)
            state = np.zeros(block.close.shape[1])
            if self.how == edges.LATCHED:
                count = edges.latched(*self.arrays, close, state, out, block.first_row, warmup)
            elif self.how == edges.DIRECTIONS:
                count = edges.directions(*self.arrays, close, state, out, block.first_row, warmup)
            elif self.how == edges.WEIGHTS:
                count = edges.weights(*self.arrays, close, out, block.first_row, warmup)
            else:
                count = write_side(self.how, self.arrays, self.side, block, warmup, None, out, None)
            self._written = read_only_copy(out[:count])
        return self._written

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the records."""
        return SIGNAL

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Records:
        return np.array(self.written(), dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.written())

    def __getitem__(self, key: Any) -> Any:
        return self.written()[key]

    def __eq__(self, other: object) -> Any:
        return self.written() == other

    def __ne__(self, other: object) -> Any:
        return self.written() != other

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # numpy asks for its own ways in, and is to take __array__
            raise AttributeError(name)
        return getattr(self.written(), name)

    def __repr__(self) -> str:
        return repr(self.written())


Signals: TypeAlias = Records | Unwritten


def written(signals: Signals) -> Records:
    """Signals as SIGNAL records."""
    return signals.written() if isinstance(signals, Unwritten) else signals


def write_side(
    how: int,
    arrays: tuple[NDArray[Any], ...],
    side: float,
    block: Block,
    warmup: int,
    held: edges.Bools | None,
    out: Records,
    scratch: tuple[edges.Bytes, edges.Words] | None,
) -> int:
    """Write the edges of one side into ``out``, which has room for all cells of the block; returns how many. ``held``
    [assets] is the side before; nothing where it is None."""
    close = read_only(block.close).reshape(-1)
    truth, above, below = _NO_TRUTH, _NO_NUMBERS, _NO_NUMBERS
    if how == edges.TRUE:
        truth = arrays[0].reshape(-1)
    else:
        above, below = arrays[0].reshape(-1), arrays[1].reshape(-1)
    if held is None:
        held = np.zeros(block.close.shape[1], np.bool_)
    if scratch is None:
        words = np.empty(close.size // 8 + 2, np.uint64)
        scratch = words.view(np.uint8), words
    return edges.one_side(how, truth, above, below, close, side, held, out, block.first_row, warmup, *scratch)
