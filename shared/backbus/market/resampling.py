"""Bars folded into longer ones, row by row, so that where blocks are cut changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop, step
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Floats, Ints

NAN = np.nan
KEY, END, SESSION, ROWS = range(4)
_FIELDS = len(FIELDS)
Bools = NDArray[np.bool_]


@step
def complete(row: int, made: int, at: Ints, bar: Floats, told: Ints, out: Floats) -> None:
    """Write the bar that is begun as the next one of ``out``, and begin none."""
    told[made, 0] = row
    told[made, 1] = at[0]
    told[made, 2] = at[1]
    told[made, 3] = at[2]
    at[3] = 0
    for a in range(bar.shape[0]):
        for f in range(bar.shape[1]):
            out[made, a, f] = bar[a, f]
            bar[a, f] = NAN


@loop
def fold(  # noqa: PLR0913  (a loop's door)
    key: Ints,
    closes: Bools,
    end: Ints,
    session: Ints,
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
    extra: Floats,
    sums: Floats,
    at: Ints,
    bar: Floats,
    told: Ints,
    out: Floats,
) -> int:
    """Fold rows into the bar of their ``key``; returns how many bars were completed.

    A row with another key completes the bar before it, one that ``closes`` its own. Of ``extra`` [rows, assets,
    columns] a bar has the last number, of ``sums`` [rows, assets, columns] the total. State: at [key, end and session
    of the last row, rows], bar [assets, 5 + columns]. Of each bar: told [row that completed it, its key, end and
    session of its last row], and out [bars, assets, 5 + columns]; holes are NaN.
    """
    made = 0
    last, total = extra.shape[2], sums.shape[2]
    for r in range(close.shape[0]):
        if at[3] > 0 and key[r] != at[0]:
            complete(r, made, at, bar, told, out)
            made += 1
        at[0] = key[r]
        at[1] = end[r]
        at[2] = session[r]
        at[3] += 1
        for a in range(close.shape[1]):
            if close[r, a] == close[r, a]:
                if bar[a, 3] == bar[a, 3]:
                    bar[a, 1] = max(bar[a, 1], high[r, a])
                    bar[a, 2] = min(bar[a, 2], low[r, a])
                    bar[a, 4] += volume[r, a]
                    for f in range(total):
                        bar[a, 5 + last + f] += sums[r, a, f]
                else:
                    bar[a, 0] = open_[r, a]
                    bar[a, 1] = high[r, a]
                    bar[a, 2] = low[r, a]
                    bar[a, 4] = volume[r, a]
                    for f in range(total):
                        bar[a, 5 + last + f] = sums[r, a, f]
                bar[a, 3] = close[r, a]
                for f in range(last):
                    if extra[r, a, f] == extra[r, a, f]:
                        bar[a, 5 + f] = extra[r, a, f]
        if closes[r]:
            complete(r, made, at, bar, told, out)
            made += 1
    return made


class Resampler:
    """Bars of one length, from the blocks of a run or the ticks of an asset."""

    def __init__(self, assets: int, columns: Sequence[str] = (), sums: Sequence[str] = ()) -> None:
        """Of the blocks' further ``columns`` a bar has the last number, of ``sums`` their total."""
        self._last, self._sums = tuple(columns), tuple(sums)
        self._columns = self._last + self._sums
        self._at = np.zeros(4, dtype=np.int64)
        self._bar = np.full((assets, _FIELDS + len(self._columns)), np.nan)
        self._made = 0

    def take(self, block: Block, key: Ints, closes: Bools, *, by_key: bool = True) -> tuple[Block, Ints]:
        """The bars that these rows complete, and the row of each that does.

        A bar's ``end`` is its key, or else that of its last row.
        """
        rows = len(block)
        told = np.empty((rows + 1, 4), dtype=np.int64)
        out = np.empty((rows + 1, *self._bar.shape))
        count = fold(
            read_only(key),
            read_only(closes),
            read_only(block.end),
            read_only(block.session),
            read_only(block.open),
            read_only(block.high),
            read_only(block.low),
            read_only(block.close),
            read_only(block.volume),
            _stacked(block, self._last),
            _stacked(block, self._sums),
            self._at,
            self._bar,
            told,
            out,
        )
        return self._block(told[:count], out[:count], by_key), told[:count, 0]

    def rest(self, *, by_key: bool = True) -> Block:
        """The bar that is begun and not complete, or none."""
        count = int(self._at[ROWS] > 0)
        told = np.array([[0, *self._at[:ROWS]]], dtype=np.int64)[:count]
        return self._block(told, self._bar[None, :, :][:count].copy(), by_key)

    def _block(self, told: Ints, out: Floats, by_key: bool) -> Block:
        first, self._made = self._made, self._made + len(told)
        fields = [read_only(out[:, :, place]) for place in range(out.shape[2])]
        extra = dict(zip(self._columns, fields[_FIELDS:], strict=True))
        ends, sessions = read_only(told[:, 1 + (KEY if by_key else END)]), read_only(told[:, SESSION + 1])
        return Block(first, ends, sessions, *fields[:_FIELDS], extra=extra)


def _stacked(block: Block, columns: Sequence[str]) -> Floats:
    """[rows, assets, columns], read-only."""
    if not columns:
        return read_only(np.empty((*block.close.shape, 0)))
    return read_only(np.stack([block.extra[name] for name in columns], axis=2))
